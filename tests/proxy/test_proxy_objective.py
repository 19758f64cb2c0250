"""The closed forms against plain loops and automatic differentiation, in double precision."""

import itertools
import math

import pytest
import torch
from engine_cases import plain_losses

from influencespace.proxy.objective import logit_curvature, logit_gradient, pair_losses, softmaxes, twins

WEIGHTS = {"ones": None, "weights": torch.tensor([0.5, 1.0, 3.0, 0.2, 1.7, 4.0], dtype=torch.float64)}
PHOTOS = {"all different": None, "twins": torch.tensor([0, 1, 0, 2, 0, 2])}
CASES = list(itertools.product(WEIGHTS, PHOTOS))


@pytest.fixture
def logits():
    return 3 * torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def change():
    return torch.randn(6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def plain_total(logits, weights, photo):
    losses = plain_losses(logits, weights, photo)
    return losses.sum() if weights is None else (weights * losses).sum()


@pytest.fixture(params=CASES, ids=[f"{w}, {p}" for w, p in CASES])
def case(request):
    return WEIGHTS[request.param[0]], PHOTOS[request.param[1]]


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_twins_are_other_pairs_of_the_same_photo():
    photo = [4, 7, 4, 4]
    expected = [[i != j and photo[i] == photo[j] for j in range(4)] for i in range(4)]
    assert twins(torch.tensor(photo)).tolist() == expected


def test_the_loss_is_that_of_a_plain_loop(logits, case):
    close(softmaxes(logits, *case).loss, plain_losses(logits, *case))


@pytest.mark.parametrize("photo", PHOTOS.values(), ids=PHOTOS)
@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_losses_alone_are_those_of_a_plain_loop(logits, photo, spread):
    # Rows of a size that one exponential for all would lose.
    shifted = logits + spread * torch.arange(6.0, dtype=torch.float64)[:, None] * (torch.arange(6) == 5)
    expected = softmaxes(shifted, None, photo).loss if spread > 1 else plain_losses(shifted, None, photo)
    close(pair_losses(shifted, photo), expected)


def test_the_softmaxes_are_those_of_a_plain_double_loop(logits, case):
    weights, photo = case
    p = softmaxes(logits, *case)
    w = [1.0] * 6 if weights is None else weights.tolist()
    for i in range(6):
        own = [j for j in range(6) if photo is None or j == i or photo[i] != photo[j]]
        by_image = {j: w[j] * math.exp(logits[i, j]) for j in own}
        by_text = {j: w[j] * math.exp(logits[j, i]) for j in own}
        for j in range(6):
            assert p.by_image[i, j].item() == pytest.approx(by_image.get(j, 0.0) / sum(by_image.values()), abs=1e-12)
            assert p.by_text[j, i].item() == pytest.approx(by_text.get(j, 0.0) / sum(by_text.values()), abs=1e-12)


def test_large_logits_do_not_overflow(logits):
    p = softmaxes(1000 * logits)
    assert torch.isfinite(p.loss).all() and torch.isfinite(p.by_image).all()
    close(p.by_image.sum(1), torch.ones(6, dtype=torch.float64))


def test_the_gradient_is_that_of_autograd(logits, case):
    logits.requires_grad_(True)
    expected = torch.autograd.grad(plain_total(logits, *case), logits)[0]
    close(logit_gradient(softmaxes(logits.detach(), *case), case[0]), expected)


def test_curvature_products_are_those_of_autograd(logits, change, case):
    product = torch.autograd.functional.hvp(lambda s: plain_total(s, *case), logits, change)[1]
    close(logit_curvature(softmaxes(logits, *case), change, case[0]), product)


def test_a_pair_alone_in_its_batch_costs_nothing_and_pulls_at_nothing():
    p = softmaxes(torch.tensor([[5.0]]), None, torch.tensor([0]))
    assert p.loss.item() == logit_gradient(p).item() == 0


def test_a_weight_of_two_acts_on_the_others_as_two_copies_would(logits):
    rows = torch.tensor([0, 1, 2, 3, 4, 5, 5])
    weights = torch.tensor([1, 1, 1, 1, 1, 2], dtype=torch.float64)
    copied = softmaxes(logits[rows][:, rows], None, photo=rows)
    close(copied.loss[:5], softmaxes(logits, weights).loss[:5])
