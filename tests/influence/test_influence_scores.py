"""Scores against explicit gradients of single pairs, dense inverses, and real retraining; all in double precision."""

import numpy as np
import pytest
import torch
from engine_cases import plain_losses, planted_pairs
from scipy.stats import spearmanr

from influencespace.influence import scores
from influencespace.influence.curvature import LowRankCurvature
from influencespace.influence.options import ScoreOptions
from influencespace.influence.scores import pair_scores, slopes, target_gradients
from influencespace.influence.targets import Target
from influencespace.proxy import crossfit
from influencespace.proxy.bilinear import Batches, fit, loss_and_gradient
from influencespace.proxy.crossfit import CrossFit, PreparedPairs, cross_fit, draw_folds
from influencespace.proxy.objective import softmaxes
from influencespace.proxy.options import ProxyOptions

N, VALIDATION, K = 26, 8, 3
# Every fifth training photo has two pairs, and every validation photo.
PHOTO = np.concatenate([np.arange(N) - (np.arange(N) % 5 == 1), 100 + np.arange(VALIDATION) // 2])
JUDGES = np.arange(N, N + VALIDATION)
PROXY = ProxyOptions(folds=2, repeats=2, ridge=1e-2, batch_size=7, dimensions=K, seed=3)


def targets():
    share = np.random.default_rng(0).dirichlet(np.ones(VALIDATION))
    half = np.where(np.arange(VALIDATION) < 4, share, 0)
    return [Target("overall", None, None, 4, share), Target("a=b", "a", "b", 2, half / half.sum())]


@pytest.fixture(scope="module")
def pairs():
    return planted_pairs(N + VALIDATION, K, photo=PHOTO, train=np.arange(N))[0]


@pytest.fixture(scope="module")
def fitted(pairs):
    return cross_fit(pairs, PROXY)


def scored(pairs, fitted, **options):
    return pair_scores(pairs, fitted, JUDGES, targets(), PROXY, ScoreOptions(rank=K * K, **options))


def batch_losses(m, batches, part, weights=None):
    logits = batches.image[part] @ m @ batches.text[part].T
    return plain_losses(logits, weights, batches.photo[part])


def dense_hessian(m, batches):
    def mean_loss(v):
        return sum(batch_losses(v, batches, part).sum() for part in batches.parts) / len(batches.image)

    return torch.autograd.functional.hessian(mean_loss, m).reshape(m.numel(), m.numel())


def gradient_of(value, m):
    return torch.autograd.grad(value, m, retain_graph=True)[0].reshape(-1)


def plain_scores(pairs, fitted, anchors, damping, estimand):
    """(n, k) for (k, m) anchors, and the validation losses: pair by pair its own gradient times a dense inverse times the
    gradient of the target."""
    out, losses = np.zeros((N, len(anchors))), np.zeros(VALIDATION)
    for r in range(PROXY.repeats):
        for f in range(PROXY.folds):
            seed = PROXY.seed + 1000 * r + f
            m = fitted.models[r, f].clone().requires_grad_(True)
            seen = pairs.batches(np.flatnonzero(fitted.folds[r] != f), PROXY.batch_size, seed)
            damped = dense_hessian(m.detach(), seen) + damping * torch.eye(m.numel(), dtype=m.dtype)
            judged = pairs.batches(JUDGES, PROXY.batch_size, seed)
            gradients = torch.zeros(len(anchors), m.numel(), dtype=m.dtype)
            for part in judged.parts:
                found = batch_losses(m, judged, part)
                losses[part] += found.detach().numpy() / (PROXY.repeats * PROXY.folds)
                for q in range(len(anchors)):
                    gradients[q] += gradient_of((torch.from_numpy(anchors[q])[part] * found).sum(), m)
            held = np.flatnonzero(fitted.folds[r] == f)
            unseen = pairs.batches(held, PROXY.batch_size, seed)
            for part in unseen.parts:
                for position, i in enumerate(part.tolist()):
                    if estimand == "anchor":
                        own = gradient_of(batch_losses(m, unseen, part)[position], m)
                    else:
                        own = by_weight(m, unseen, part, position)
                    for q in range(len(anchors)):
                        out[held[i], q] += own @ torch.linalg.solve(damped, gradients[q]) / N / PROXY.repeats
    return out, losses


def by_weight(m, batches, part, position):
    """The derivative of the gradient of sum_j w_j l_j with respect to one weight."""

    def gradient(weight):
        weights = torch.ones(len(part), dtype=m.dtype)
        weights[position] = weight
        return gradient_of((weights * batch_losses(m, batches, part, weights)).sum(), m)

    return central_difference(gradient, 1, 1e-4)


def central_difference(function, at, step):
    near, far = (function(at + h) - function(at - h) for h in (step, 2 * step))
    return (8 * near - far) / (12 * step)


@pytest.mark.parametrize(("estimand", "tolerance"), [("anchor", 1e-10), ("full", 1e-8)])
@pytest.mark.parametrize("damping", [1.0, 100.0])
def test_scores_are_those_of_a_plain_loop(pairs, fitted, estimand, tolerance, damping):
    found, losses = scored(pairs, fitted, damping=damping, estimand=estimand)
    anchors = np.stack([target.anchors for target in targets()])
    expected, plain = plain_scores(pairs, fitted, anchors, damping * PROXY.ridge, estimand)
    np.testing.assert_allclose(found.sum(0), expected, rtol=0, atol=tolerance * np.abs(expected).max())
    np.testing.assert_allclose(losses, plain, atol=1e-12)


def test_each_part_of_a_score_comes_from_one_half_of_the_validation_photos(pairs, fitted):
    found, _ = scored(pairs, fitted)
    half = draw_folds(PHOTO[JUDGES], 2, PROXY.seed)
    for h in range(2):
        anchors = np.stack([np.where(half == h, target.anchors, 0) for target in targets()])
        expected, _ = plain_scores(pairs, fitted, anchors, 10 * PROXY.ridge, "anchor")
        np.testing.assert_allclose(found[h], expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_a_pair_is_scored_by_the_proxies_that_did_not_see_it_alone(pairs, fitted):
    """Of a pair that only fold 0 of both draws holds, the proxies of fold 1 may say what they like: they are not asked."""
    before, _ = scored(pairs, fitted)
    models = fitted.models.clone()
    models[:, 1] += 1
    after, _ = scored(pairs, CrossFit(fitted.folds, models, fitted.priors, fitted.agreement, fitted.ridge))
    asked = (fitted.folds == 1).any(0)
    assert 0 < asked.sum() < N
    assert np.array_equal(before[:, ~asked], after[:, ~asked]) and (before[:, asked] != after[:, asked]).all()


def test_another_caption_of_a_pair_reaches_its_batch_and_what_saw_it_and_no_more(pairs, fitted):
    changed = 4
    once = CrossFit(fitted.folds[:1], fitted.models[:1], fitted.priors[:1], fitted.agreement, fitted.ridge)
    before, _ = scored(pairs, once)
    text = pairs.text.clone()
    text[changed] = text[changed].flip(0)
    after, _ = scored(PreparedPairs(pairs.image, text, pairs.photo, pairs.train, None), once)
    # The rest of its fold is judged by a proxy, and its curvature, that have not seen it.
    fold = int(fitted.folds[0, changed])
    held = np.flatnonzero(fitted.folds[0] == fold)
    parts = pairs.batches(held, PROXY.batch_size, PROXY.seed + fold).parts
    batch = next(held[part] for part in parts if changed in held[part])
    beyond = np.setdiff1d(held, batch)
    assert len(beyond) > 0
    assert np.array_equal(before[:, beyond], after[:, beyond])
    assert (before[:, batch] != after[:, batch]).all()


def test_one_pass_gives_the_gradients_of_all_targets_and_the_losses(pairs):
    m = torch.randn(K, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_(True)
    batches = pairs.batches(JUDGES, 5, 0)
    found, losses = target_gradients(m.detach(), batches, np.stack([target.anchors for target in targets()]))
    plain = torch.zeros(VALIDATION, dtype=torch.float64)
    for part in batches.parts:
        plain[part] = batch_losses(m, batches, part)
    np.testing.assert_allclose(losses, plain.detach(), atol=1e-12)
    for q, target in enumerate(targets()):
        expected = gradient_of(torch.from_numpy(target.anchors) @ plain, m)
        torch.testing.assert_close(found[q].reshape(-1), expected, rtol=0, atol=1e-12)


def test_slopes_take_the_weights_of_the_batch():
    """With weights the full slope is the derivative at these weights, not at one."""
    pairs, _ = planted_pairs(6, K)
    weights = np.array([0.5, 1, 2, 4, 1, 1.5])
    batches = pairs.batches(np.arange(6), 6, 0, weights)
    m, direction = (torch.randn(K, K, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in (0, 1))
    w = batches.weights.clone().requires_grad_(True)
    part = batches.parts[0]

    def total(v):
        return (w[part] * batch_losses(v, batches, part, w[part])).sum()

    slope = torch.autograd.functional.jvp(total, m, direction, create_graph=True)[1]
    expected = torch.autograd.grad(slope, w)[0]
    np.testing.assert_allclose(slopes(m, batches, direction[None], "full")[:, 0], expected, atol=1e-12)


def plain_slopes(m, batches, directions, estimand):
    """(n, k): direction by direction and pair by pair from the whole change of the logits of a batch."""
    out = torch.empty(len(batches.image), len(directions), dtype=m.dtype)
    for part, x, y, photo, w in batches:
        own = torch.ones(len(part), dtype=m.dtype) if w is None else w
        p = softmaxes(x @ m @ y.T, w, photo)
        for k, direction in enumerate(directions):
            change = x @ direction @ y.T
            row, column = (p.by_image * change).sum(1), (p.by_text * change).sum(0)
            for i, at in enumerate(part.tolist()):
                out[at, k] = 0.5 * (row[i] + column[i]) - change[i, i]
                if estimand == "full":
                    for j in range(len(part)):
                        out[at, k] += 0.5 * own[j] / own[i] * p.by_image[j, i] * (change[j, i] - row[j])
                        out[at, k] += 0.5 * own[j] / own[i] * p.by_text[i, j] * (change[i, j] - column[j])
    return out


@pytest.mark.parametrize("estimand", ["anchor", "full"])
@pytest.mark.parametrize("weighted", [False, True])
def test_slopes_of_many_directions_are_those_of_each_in_any_chunks(monkeypatch, estimand, weighted):
    image, text = planted_pairs(30, 4)[0].image, planted_pairs(30, 3, seed=1)[0].image
    weights = np.random.default_rng(0).uniform(0.3, 3, 30) if weighted else None
    batches = Batches.draw(image, text, np.arange(30) // 2, 11, 0, weights)
    m, directions = (torch.randn(*size, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
                     for size in ((), (9,)))
    expected = plain_slopes(m, batches, directions, estimand)
    for chunk in (1, 100, 2**20):
        monkeypatch.setattr(scores, "CHUNK", chunk)
        np.testing.assert_allclose(slopes(m, batches, directions, estimand), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("estimand", ["anchor", "full"])
def test_scores_do_not_depend_on_the_chunks_that_pairs_come_in(monkeypatch, pairs, fitted, estimand):
    whole, _ = scored(pairs, fitted, estimand=estimand)
    monkeypatch.setattr(crossfit, "CHUNK", 1)
    found, _ = scored(pairs, fitted, estimand=estimand)
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-12 * np.abs(whole).max())


def test_scores_in_single_precision_are_those_in_double():
    pairs, _ = planted_pairs(300, 5, train=np.arange(200))
    proxy = ProxyOptions(folds=2, repeats=1, ridge=1e-2, batch_size=50)
    target = [Target("overall", None, None, 100, np.full(100, 0.01))]
    fit_of = cross_fit(pairs, proxy)
    exact, _ = pair_scores(pairs, fit_of, np.arange(200, 300), target, proxy, ScoreOptions(rank=8))
    single = PreparedPairs(pairs.image.float(), pairs.text.float(), pairs.photo, pairs.train, None)
    rounded = CrossFit(fit_of.folds, fit_of.models.float(), fit_of.priors, fit_of.agreement, fit_of.ridge)
    found, _ = pair_scores(single, rounded, np.arange(200, 300), target, proxy, ScoreOptions(rank=8))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.fixture(scope="module")
def whole():
    """A proxy of all of 60 pairs, its predictions for leaving each out, and what retrains it with other weights."""
    n, ridge = 60, 0.03
    pairs, _ = planted_pairs(n + 30, K, train=np.arange(n), noise=0.5)
    batches, validation = pairs.batches(pairs.train, 20, 0), pairs.batches(np.arange(n, n + 30), 30, 0)
    zero = torch.zeros(K, K, dtype=torch.float64)
    m = fit(batches, ridge, zero, 500, 1e-12)
    gradient, _ = target_gradients(m, validation, np.full((1, 30), 1 / 30))
    directions = LowRankCurvature.of(m, batches, K * K, 0).solve(gradient, ridge)

    def retrained(i, weight):
        """The validation loss with another weight of pair i; the others weigh against the ridge what they weighed."""
        weights = torch.ones(n, dtype=torch.float64)
        weights[i] = weight
        parts = batches.parts if weight else tuple(part[part != i] for part in batches.parts)
        changed = Batches(batches.image, batches.text, batches.photo, weights, parts)
        again = fit(changed, ridge * n / changed.total, zero, 500, 1e-12)
        return float(loss_and_gradient(again, validation)[0])

    return slopes(m, batches, directions, "full")[:, 0] / n, retrained


@pytest.mark.parametrize("i", [0, 7, 31, 59])
def test_scores_are_the_derivative_of_the_retrained_loss_by_the_weight(whole, i):
    predicted, retrained = whole
    derivative = central_difference(lambda weight: retrained(i, weight), 1, 0.05)
    # More weight on a pair that helps lowers the loss.
    assert predicted[i] == pytest.approx(-derivative, rel=1e-4)


def test_scores_order_pairs_as_retraining_without_each_does(whole):
    predicted, retrained = whole
    actual = np.array([retrained(i, 0) for i in range(60)]) - retrained(0, 1)
    assert spearmanr(predicted, actual).statistic > 0.99
    decided = np.abs(actual) > 0.05 * np.abs(actual).max()
    assert (np.sign(predicted) == np.sign(actual))[decided].all()


@pytest.mark.parametrize("estimand", ["anchor", "full"])
def test_the_sign_is_positive_where_keeping_a_pair_helps(estimand):
    pairs, wrong = planted_pairs(300, 5, train=np.arange(200))
    proxy = ProxyOptions(folds=2, repeats=3, ridge=1e-3, batch_size=100)
    target = [Target("overall", None, None, 100, np.where(wrong[200:], 0, 1) / (~wrong[200:]).sum())]
    found, _ = pair_scores(
        pairs, cross_fit(pairs, proxy), np.arange(200, 300), target, proxy, ScoreOptions(estimand=estimand)
    )
    score = found.sum(0)[:, 0]
    assert score[~wrong[:200]].mean() > 0 > score[wrong[:200]].mean()
