import numpy as np
import pytest
import torch
from engine_cases import planted_pairs

from influencespace.influence.curvature import LowRankCurvature
from influencespace.proxy.bilinear import Batches, curvature_products, fit

K = 4
DAMPING = 0.03


def case(n=60, seed=0, dtype=torch.float64, features=K):
    """A proxy's parameters and data whose curvature lives in ``features`` x ``features`` of K x K dimensions."""
    pairs, _ = planted_pairs(n, K, seed=seed)
    x, y = pairs.image.clone(), pairs.text.clone()
    x[:, features:], y[:, features:] = 0, 0
    m = torch.randn(K, K, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return m.to(dtype), Batches.draw(x.to(dtype), y.to(dtype), pairs.photo, 30, seed)


def dense(m, batches):
    basis = torch.eye(K * K, dtype=m.dtype).reshape(-1, K, K)
    return curvature_products(m, batches, basis).reshape(K * K, -1)


def right_hand_sides(count=3):
    return torch.randn(count, K, K, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def test_at_full_rank_solving_is_solving_densely():
    m, batches = case()
    right = right_hand_sides()
    found = LowRankCurvature.of(m, batches, K * K, 0).solve(right, DAMPING)
    expected = torch.linalg.solve(dense(m, batches) + DAMPING * torch.eye(K * K), right.reshape(3, -1).T).T
    torch.testing.assert_close(found.reshape(3, -1), expected, rtol=1e-7, atol=0)


def test_a_rank_beyond_the_parameters_is_all_of_them():
    m, batches = case()
    assert LowRankCurvature.of(m, batches, 1000, 0).values.shape == (K * K,)


def test_eigenvalues_of_a_low_rank_matrix_are_exact():
    m, batches = case(features=2)  # rank 4 at most
    found = LowRankCurvature.of(m, batches, 8, 0)
    exact = torch.linalg.eigvalsh(dense(m, batches)).flip(0)
    torch.testing.assert_close(found.values, exact[: len(found.values)], rtol=1e-6, atol=1e-9)
    assert len(found.values) == (exact > 1e-9).sum()
    torch.testing.assert_close(found.vectors.T @ found.vectors, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-8)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_a_low_rank_never_says_more_than_there_is(rank):
    """The Nystroem approximation lies below the matrix (Frangella, Tropp & Udell 2023, lemma A.1)."""
    m, batches = case()
    found = LowRankCurvature.of(m, batches, rank, 0)
    approximation = found.vectors * found.values @ found.vectors.T
    assert torch.linalg.eigvalsh(dense(m, batches) - approximation).min() > -1e-9
    assert (found.values[:-1] >= found.values[1:]).all() and (found.values >= 0).all()


def test_what_the_low_rank_does_not_see_is_divided_by_the_damping():
    m, batches = case()
    found = LowRankCurvature.of(m, batches, 3, 0)
    unseen = right_hand_sides(1).reshape(-1)
    unseen = unseen - found.vectors @ (found.vectors.T @ unseen)
    solved = found.solve(unseen.reshape(1, K, K), DAMPING)
    torch.testing.assert_close(solved.reshape(-1), unseen / DAMPING, rtol=1e-9, atol=0)


def test_along_an_eigenvector_its_eigenvalue_is_damped():
    m, batches = case()
    found = LowRankCurvature.of(m, batches, 3, 0)
    solved = found.solve(found.vectors.T.reshape(3, K, K), DAMPING).reshape(3, -1).T
    torch.testing.assert_close(solved, found.vectors / (found.values + DAMPING), rtol=1e-9, atol=1e-9)


def test_strong_damping_leaves_the_plain_gradient():
    m, batches = case()
    right = right_hand_sides()
    solved = LowRankCurvature.of(m, batches, 5, 0).solve(right, 1e9)
    torch.testing.assert_close(1e9 * solved, right, rtol=1e-6, atol=0)


def test_a_seed_gives_the_same_factor():
    m, batches = case()
    first, again, other = (LowRankCurvature.of(m, batches, 3, seed) for seed in (1, 1, 2))
    assert torch.equal(first.vectors, again.vectors) and not torch.equal(first.vectors, other.vectors)


@pytest.mark.parametrize("features", [1, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_single_precision_and_a_singular_matrix_do_no_harm(features, seed):
    m, batches = case(seed=seed, dtype=torch.float32, features=features)
    found = LowRankCurvature.of(m, batches, K * K, seed)
    exact = torch.linalg.eigvalsh(dense(m, batches).double()).flip(0)
    values = np.pad(found.values, (0, K * K - len(found.values)))
    np.testing.assert_allclose(values, exact.clamp(min=0), atol=1e-4 * exact[0].item())


@pytest.mark.parametrize("pairs", [2, 3, 5])
@pytest.mark.parametrize("seed", range(20))
def test_fewer_pairs_than_directions_in_single_precision(pairs, seed):
    """Most of what is then left of the core is rounding, in which a Cholesky factor need not exist."""
    k = 4
    made, _ = planted_pairs(pairs, k, seed=seed, wrong=0)
    batches = Batches.draw(made.image.float(), made.text.float(), made.photo, pairs, seed)
    m = fit(batches, 1e-3, torch.zeros(k, k))
    found = LowRankCurvature.of(m, batches, 16, seed)
    right = torch.randn(2, k, k, generator=torch.Generator().manual_seed(seed))
    exact = torch.stack([
        curvature_products(m.double(), Batches.draw(made.image, made.text, made.photo, pairs, seed), v[None])[0]
        for v in torch.eye(k * k, dtype=torch.float64).reshape(-1, k, k)
    ]).reshape(k * k, -1)
    largest = torch.linalg.eigvalsh(exact).max().item()
    assert found.values.max().item() <= largest * (1 + 1e-3)
    solved = found.solve(right, 0.1 * largest)
    # Between what full curvature and none would leave.
    assert torch.isfinite(solved).all()
    assert (solved.flatten(1).norm(dim=1) <= right.flatten(1).norm(dim=1) / (0.1 * largest) * (1 + 1e-3)).all()


def test_no_curvature_at_all_leaves_the_damping():
    """Batches of one pair have no negatives, so nothing is curved."""
    m, batches = case()
    alone = Batches(batches.image, batches.text, batches.photo, None, tuple(torch.arange(60)[:, None]))
    right = right_hand_sides()
    found = LowRankCurvature.of(m, alone, 3, 0)
    assert len(found.values) == 0
    torch.testing.assert_close(found.solve(right, DAMPING), right / DAMPING, rtol=1e-9, atol=0)
