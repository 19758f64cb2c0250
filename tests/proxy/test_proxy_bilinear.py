import itertools

import numpy as np
import pytest
import torch

from influencespace.proxy import bilinear
from influencespace.proxy.bilinear import Batches, curvature_products, fit, loss_and_gradient, prior_scale

N, KX, KY = 23, 3, 4
RIDGE = 1e-3


def made(weighted=False, twins=False, size=8, n=N, kx=KX, ky=KY, seed=0):
    rng = np.random.default_rng(seed)
    x, y = (torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(n, k))), dim=1) for k in (kx, ky))
    y[:, :kx] += x[:, : ky]  # so that there is something to learn
    photo = rng.integers(0, n // 2, n) if twins else np.arange(n)
    return Batches.draw(x, y, photo, size, seed, rng.uniform(0.2, 4, n) if weighted else None)


def plain_loss(m, b):
    """The mean loss by the formula, every exponential written out."""
    total = 0.0
    weights = torch.ones(len(b.image), dtype=m.dtype) if b.weights is None else b.weights
    for part in b.parts:
        logits = b.image[part] @ m @ b.text[part].T
        w, photo = weights[part], b.photo[part]
        counts = (photo[:, None] != photo[None, :]) | torch.eye(len(part), dtype=torch.bool)
        terms = torch.exp(logits) * counts
        by_image, by_text = torch.log(terms @ w), torch.log(terms.T @ w)
        total = total + (w * (0.5 * by_image + 0.5 * by_text - logits.diagonal())).sum()
    return total / weights.sum()


CASES = [dict(zip(("weighted", "twins", "size"), c, strict=True)) for c in itertools.product((0, 1), (0, 1), (8, 100))]


@pytest.fixture(params=CASES, ids=str)
def batches(request):
    return made(**request.param)


@pytest.fixture
def m():
    return 2 * torch.randn(KX, KY, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def close(found, expected, atol=1e-10):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize(("n", "size", "parts"), [(23, 8, 3), (24, 8, 3), (25, 8, 4), (1, 8, 1), (9, 8, 2), (5, 5, 1)])
def test_batches_are_an_equal_partition_of_all_pairs(n, size, parts):
    batches = made(n=n, size=size)
    lengths = [len(part) for part in batches.parts]
    assert len(lengths) == parts and max(lengths) - min(lengths) <= 1 and max(lengths) <= size
    assert sorted(torch.cat(batches.parts).tolist()) == list(range(n))


def test_a_seed_draws_the_same_batches_again_and_another_others():
    order = [torch.cat(made(seed=s).parts).tolist() for s in (1, 1, 2)]
    assert order[0] == order[1] != order[2]


def test_loss_and_gradient_are_those_of_autograd(batches, m):
    m.requires_grad_(True)
    expected = plain_loss(m, batches)
    loss, gradient = loss_and_gradient(m.detach(), batches)
    close(loss, expected.detach())
    close(gradient, torch.autograd.grad(expected, m)[0])


def test_the_gauss_newton_product_is_the_hessian_of_the_whole_loss(batches, m):
    hessian = torch.autograd.functional.hessian(lambda v: plain_loss(v, batches), m).reshape(KX * KY, KX * KY)
    basis = torch.eye(KX * KY, dtype=torch.float64).reshape(-1, KX, KY)
    products = curvature_products(m, batches, basis).reshape(KX * KY, -1)
    close(products, hessian)
    assert torch.linalg.eigvalsh(hessian).min() > -1e-12  # convex


def test_fit_reaches_the_optimum(batches):
    prior = torch.full((KX, KY), 0.5, dtype=torch.float64)
    m = fit(batches, RIDGE, prior, iterations=500, tolerance=1e-9)
    first = loss_and_gradient(prior, batches)[1].abs().max()
    gradient = loss_and_gradient(m, batches)[1] + RIDGE * (m - prior)
    assert gradient.abs().max() < 1e-7 * first


def test_the_optimum_is_the_same_from_another_start(batches):
    prior = torch.zeros(KX, KY, dtype=torch.float64)
    found = fit(batches, RIDGE, prior, iterations=500, tolerance=1e-10)
    other = (5 * torch.randn(KX, KY, generator=torch.Generator().manual_seed(3), dtype=torch.float64)).requires_grad_(True)
    optimizer = torch.optim.LBFGS([other], max_iter=1000, line_search_fn="strong_wolfe", tolerance_grad=1e-11,
                                  tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        objective = plain_loss(other, batches) + 0.5 * RIDGE * (other - prior).square().sum()
        objective.backward()
        return objective

    optimizer.step(closure)
    close(found, other.detach(), atol=1e-5)


def test_a_start_saves_steps_and_changes_nothing(batches, monkeypatch):
    prior = torch.zeros(KX, KY, dtype=torch.float64)
    exact = fit(batches, RIDGE, prior, iterations=500, tolerance=1e-9)
    close(fit(batches, RIDGE, prior, 500, 1e-9, start=exact + 0.1), exact, atol=1e-5)
    calls = []
    monkeypatch.setattr(bilinear, "loss_and_gradient", lambda m, b: calls.append(m) or loss_and_gradient(m, b))
    close(fit(batches, RIDGE, prior, start=exact), exact, atol=1e-6)
    assert len(calls) <= 3


def test_features_of_very_different_sizes_take_few_steps(monkeypatch):
    batches = made(n=400, kx=6, ky=6, size=100)
    sizes = torch.logspace(0, -2, 6, dtype=torch.float64)
    uneven = Batches(batches.image * sizes, batches.text * sizes, batches.photo, None, batches.parts)
    prior = torch.zeros(6, 6, dtype=torch.float64)
    exact = fit(uneven, 1e-6, prior, iterations=2000, tolerance=1e-10)
    calls = []
    monkeypatch.setattr(bilinear, "loss_and_gradient", lambda m, b: calls.append(m) or loss_and_gradient(m, b))
    usual = fit(uneven, 1e-6, prior)
    assert (usual - exact).norm() < 1e-2 * exact.norm() and len(calls) < 60


def test_as_few_steps_as_the_default_allows_come_close_enough(batches):
    prior = torch.zeros(KX, KY, dtype=torch.float64)
    exact = fit(batches, RIDGE, prior, iterations=1000, tolerance=1e-12)
    usual = fit(batches, RIDGE, prior)
    assert (usual - exact).norm() < 1e-2 * exact.norm()


def test_a_strong_ridge_holds_the_prior():
    prior = torch.ones(KX, KY, dtype=torch.float64)
    close(fit(made(), 1e8, prior), prior, atol=1e-6)


def test_all_weights_doubled_change_nothing():
    light = made()
    heavy = Batches(light.image, light.text, light.photo, torch.full((N,), 2.0, dtype=torch.float64), light.parts)
    m = torch.randn(KX, KY, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for a, b in zip(loss_and_gradient(m, light), loss_and_gradient(m, heavy), strict=True):
        # But a constant: the denominators double too.
        close(a + (np.log(2) if a.ndim == 0 else 0), b)


@pytest.mark.parametrize("planted", [3.0, 40.0])
def test_the_prior_scale_is_the_best_one(planted):
    batches = made(n=60, kx=4, size=60)
    similarity = torch.eye(4, dtype=torch.float64) / planted
    scale = prior_scale(batches, similarity)
    fine = torch.linspace(0, 3 * max(scale, 1), 4000, dtype=torch.float64)
    losses = torch.stack([plain_loss(s * similarity, batches) for s in fine])
    assert scale == pytest.approx(float(fine[losses.argmin()]), rel=2e-3)


def test_a_similarity_that_says_nothing_gets_no_say():
    batches = made(n=60, kx=4, size=60)
    assert prior_scale(batches, -torch.eye(4, dtype=torch.float64)) == 0.0
