"""What must hold for any pairs: in which order they come, how much they weigh together, how they are put into batches."""

import numpy as np
import pytest
import torch
from engine_cases import planted_pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from influencespace.errors import ProxyError
from influencespace.influence.hierarchy import cluster_means, shrink
from influencespace.influence.options import ScoreOptions
from influencespace.influence.scores import pair_scores, slopes
from influencespace.influence.targets import Target, make_targets
from influencespace.pairs.views import HeldOut
from influencespace.proxy.bilinear import Batches, curvature_products, fit, loss_and_gradient
from influencespace.proxy.crossfit import CrossFit, PreparedPairs, cross_fit
from influencespace.proxy.options import ProxyOptions

N, VALIDATION, K = 40, 12, 4
JUDGES = np.arange(N, N + VALIDATION)
# A fold is one batch, so that all pairs of a fold have the same negatives.
PROXY = ProxyOptions(folds=2, repeats=2, ridge=1e-2, batch_size=64, dimensions=K)
TARGETS = [Target("overall", None, None, VALIDATION, np.full(VALIDATION, 1 / VALIDATION))]
ESTIMANDS = ("anchor", "full")
seeds = st.integers(0, 10_000)


def random_matrix(seed):
    return torch.randn(K, K, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scored(pairs, fitted, estimand="anchor", proxy=PROXY, validation=JUDGES):
    options = ScoreOptions(rank=K * K, estimand=estimand)
    return pair_scores(pairs, fitted, validation, TARGETS, proxy, options)[0].sum(0)[:, 0]


@pytest.fixture(scope="module")
def pairs():
    return planted_pairs(N + VALIDATION, K, train=np.arange(N))[0]


@pytest.fixture(scope="module")
def fitted(pairs):
    return cross_fit(pairs, PROXY)


def close(found, expected, relative=1e-9):
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * np.abs(np.asarray(expected)).max())


# -- Order.


@settings(max_examples=20)
@given(seed=seeds, estimand=st.sampled_from(ESTIMANDS))
def test_permuted_pairs_have_permuted_scores(pairs, fitted, seed, estimand):
    order = np.random.default_rng(seed).permutation(N)
    rows = np.concatenate([order, JUDGES])
    permuted = PreparedPairs(pairs.image[rows], pairs.text[rows], pairs.photo[rows], pairs.train, None)
    same = CrossFit(fitted.folds[:, order], fitted.models, fitted.priors, fitted.agreement[order], fitted.ridge)
    close(scored(permuted, same, estimand), scored(pairs, fitted, estimand)[order])


@settings(max_examples=10)
@given(seed=seeds)
def test_permuted_pairs_have_the_same_proxy(seed):
    pairs, _ = planted_pairs(N, K)
    order = np.random.default_rng(seed).permutation(N)
    zero, whole = torch.zeros(K, K, dtype=torch.float64), (torch.arange(N),)
    models = [
        fit(Batches(pairs.image[rows], pairs.text[rows], torch.as_tensor(pairs.photo[rows]), None, whole), 1e-2, zero, 500, 1e-10)
        for rows in (np.arange(N), order)
    ]
    torch.testing.assert_close(*models, rtol=0, atol=1e-7)


# -- Weights.


@settings(max_examples=20)
@given(seed=seeds, factor=st.floats(1e-3, 1e3))
def test_a_factor_on_all_weights_changes_nothing(seed, factor):
    """Not even what a weight does, per weight: the derivative by a weight shrinks as the weight grows."""
    pairs, _ = planted_pairs(N, K, seed=seed % 7)
    light, heavy = (
        Batches.draw(pairs.image, pairs.text, pairs.photo, 16, 0, scale * np.random.default_rng(seed).uniform(0.1, 4, N))
        for scale in (1.0, factor)
    )
    m, directions = random_matrix(seed), torch.stack([random_matrix(seed + 1), random_matrix(seed + 2)])
    close(loss_and_gradient(m, heavy)[1], loss_and_gradient(m, light)[1])
    close(curvature_products(m, heavy, directions), curvature_products(m, light, directions))
    for estimand in ESTIMANDS:
        close(slopes(m, heavy, directions, estimand), slopes(m, light, directions, estimand))


# -- Clusters.


@given(seed=seeds, clusters=st.integers(2, 12))
def test_merging_two_clusters_adds_their_first_order_influence(seed, clusters):
    rng = np.random.default_rng(seed)
    halves, labels = rng.normal(size=(2, 60, 3)), rng.integers(0, clusters, 60)
    merged = np.where(labels == 1, 0, labels)
    apart, together = (
        {label: means.mean[k] * means.pairs[k] for k, label in enumerate(means.labels)}
        for means in (cluster_means(halves, labels), cluster_means(halves, merged))
    )
    for label in set(merged.tolist()) - {0}:
        np.testing.assert_allclose(together[label], apart[label], rtol=1e-12)
    if 0 in together:
        np.testing.assert_allclose(together[0], apart.get(0, 0) + apart.get(1, 0), rtol=0, atol=1e-12)


# -- Duplicates.


@settings(max_examples=10)
@given(at=st.integers(0, N - 1), estimand=st.sampled_from(ESTIMANDS))
def test_a_duplicate_has_the_score_of_its_twin(pairs, at, estimand):
    """Twins share a fold, so neither is judged by a proxy that has seen the other, and are no negatives of each other."""
    rows = np.concatenate([np.arange(N), [at], JUDGES])
    doubled = PreparedPairs(pairs.image[rows], pairs.text[rows], pairs.photo[rows], np.arange(N + 1), None)
    fitted = cross_fit(doubled, PROXY)
    assert (fitted.folds[:, N] == fitted.folds[:, at]).all()
    assert fitted.agreement[N] == pytest.approx(fitted.agreement[at], abs=1e-5)
    score = scored(doubled, fitted, estimand, validation=JUDGES + 1)
    assert score[N] == pytest.approx(score[at], rel=1e-9)


# -- Batches and seeds.


def test_the_same_seeds_give_the_same_bytes(pairs):
    first, again = (scored(pairs, cross_fit(pairs, PROXY)) for _ in range(2))
    assert first.tobytes() == again.tobytes()


@settings(max_examples=20)
@given(seed=seeds, estimand=st.sampled_from(ESTIMANDS))
def test_in_which_order_batches_and_the_pairs_in_them_come_is_rounding(seed, estimand):
    pairs, _ = planted_pairs(N, K)
    batches, rng = pairs.batches(np.arange(N), 9, 0), np.random.default_rng(seed)
    parts = [batches.parts[k][torch.from_numpy(rng.permutation(len(batches.parts[k])))] for k in rng.permutation(5)]
    moved = Batches(batches.image, batches.text, batches.photo, None, tuple(parts))
    m, directions = random_matrix(seed), random_matrix(seed + 1)[None]
    close(slopes(m, moved, directions, estimand), slopes(m, batches, directions, estimand), 1e-12)
    for found, expected in zip(loss_and_gradient(m, moved), loss_and_gradient(m, batches), strict=True):
        close(found, expected, 1e-12)


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_other_negatives_hardly_change_the_order_of_scores(estimand):
    """A pair's loss is about the negatives in its batch; with a few dozen of them another draw nearly keeps the order."""
    n = 600
    pairs, _ = planted_pairs(n + 100, 8, train=np.arange(n))
    proxy = ProxyOptions(folds=2, repeats=3, ridge=1e-2, batch_size=64, dimensions=8)
    target = [Target("overall", None, None, 100, np.full(100, 0.01))]
    fitted = cross_fit(pairs, proxy)
    drawn = [
        pair_scores(pairs, fitted, np.arange(n, n + 100), target, ProxyOptions(**(vars(proxy) | {"seed": seed})),
                    ScoreOptions(estimand=estimand))[0].sum(0)[:, 0]
        for seed in (0, 5_000_000)
    ]
    assert not np.array_equal(*drawn)
    assert spearmanr(*drawn).statistic > 0.9


# -- Devices.


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA device here")
@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_a_gpu_finds_what_the_processor_finds(pairs, estimand):
    there = PreparedPairs(pairs.image.cuda(), pairs.text.cuda(), pairs.photo, pairs.train, None)
    here, far = cross_fit(pairs, PROXY), cross_fit(there, PROXY)
    assert np.array_equal(here.folds, far.folds)
    np.testing.assert_allclose(far.agreement, here.agreement, atol=1e-4)
    moved = CrossFit(here.folds, here.models.cuda(), here.priors, here.agreement, here.ridge)
    close(scored(there, moved, estimand), scored(pairs, here, estimand), 1e-8)


# -- Degenerate pairs.


def test_one_cluster_leaves_finite_scores():
    halves = np.random.default_rng(0).normal(size=(2, 50, 2))
    means = cluster_means(halves, np.zeros(50, int))
    assert (means.trust == 0).all() and np.isfinite(means.error).all()
    assert np.isfinite(shrink(halves, means)).all()


@pytest.mark.parametrize("same", ["image", "text", "both"])
def test_identical_features_give_scores_of_nothing_and_not_nan(pairs, same):
    """Prepared features of a side on which nothing varies are zero: no proxy can tell its pairs apart."""
    image = torch.zeros_like(pairs.image) if same in ("image", "both") else pairs.image
    text = torch.zeros_like(pairs.text) if same in ("text", "both") else pairs.text
    flat = PreparedPairs(image, text, pairs.photo, pairs.train, None)
    fitted = cross_fit(flat, PROXY)
    assert (fitted.agreement == 0).all()
    assert (scored(flat, fitted) == 0).all()


def test_all_pairs_in_one_set_of_near_duplicates_is_an_error_that_says_so(pairs):
    one = PreparedPairs(pairs.image, pairs.text, np.zeros(N + VALIDATION, int), pairs.train, None)
    with pytest.raises(ProxyError, match=r"1 photos are too few .* near-duplicates count as one"):
        cross_fit(one, PROXY)


def test_a_batch_of_twins_alone_has_no_slope(pairs):
    twins = PreparedPairs(pairs.image, pairs.text, np.zeros(N + VALIDATION, int), pairs.train, None)
    batches = twins.batches(np.arange(N), 8, 0)
    for estimand in ESTIMANDS:
        assert np.abs(slopes(random_matrix(0), batches, random_matrix(1)[None], estimand)).max() < 1e-12


def test_a_group_of_two_validation_pairs_is_left_to_the_overall_target(pairs, fitted):
    group = np.array(["rare"] * 2 + ["common"] * 10, dtype=object)
    held = HeldOut(JUDGES, np.arange(VALIDATION), np.arange(VALIDATION), {"kind": group})
    targets = make_targets(held, {"kind": ["common", "rare"]})
    assert [target.name for target in targets] == ["overall", "kind=common"]
    found, losses = pair_scores(pairs, fitted, JUDGES, targets, PROXY, ScoreOptions())
    assert np.isfinite(found).all() and np.isfinite(losses).all()
