import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.influence.hierarchy import WITHIN_CLUSTER, benefit_shares, cluster_means, reliability, shrink

CLUSTERS = np.repeat(np.array([f"{k}.{k % 3}" for k in range(20)], dtype=object), 30)


def noise(seed=0, scale=1.0, n=600, targets=2):
    return scale * np.random.default_rng(seed).normal(size=(n, targets))


def halves(signal, scale=0.0, seed=1):
    """A score made of one signal, and the chance of either half of the validation."""
    return np.stack([0.5 * signal + noise(seed + h, scale, *signal.shape) for h in range(2)])


def between(scale=1.0, targets=2, seed=5):
    """(600, targets), the same for all pairs of a cluster."""
    return np.repeat(noise(seed, scale, 20, targets), 30, axis=0)


def test_means_are_those_of_a_group_by():
    parts = halves(noise(), 0.3)
    order = np.random.default_rng(0).permutation(600)
    labels = CLUSTERS[order]
    means = cluster_means(parts, labels)
    frame = pd.DataFrame(parts.sum(0)).groupby(labels)
    assert means.labels.tolist() == sorted(set(labels))
    np.testing.assert_allclose(means.mean, frame.mean().loc[means.labels])
    assert means.pairs.tolist() == frame.size().loc[means.labels].tolist()
    assert (means.labels[means.member] == labels).all()


def test_the_error_is_that_of_a_mean_where_both_halves_agree():
    signal = noise()
    means = cluster_means(halves(signal), CLUSTERS)
    expected = pd.DataFrame(signal).groupby(CLUSTERS).sem()
    np.testing.assert_allclose(means.error, expected.loc[means.labels], rtol=1e-10)


def test_the_error_grows_with_the_chance_of_the_validation():
    """Where halves differ by chance that all pairs of a cluster share, the spread inside does not show it."""
    signal = noise()
    shared = np.stack([between(0.5, seed=s) for s in (1, 2)])
    means = cluster_means(halves(signal) + shared, CLUSTERS)
    within = cluster_means(halves(signal), CLUSTERS).error
    np.testing.assert_allclose(means.error**2 - within**2, np.tile((shared[0] - shared[1])[::30].var(0), (20, 1)), rtol=0.35)


def test_a_cluster_of_one_pair_borrows_its_spread():
    signal = noise(n=61)
    labels = np.array(["a"] * 30 + ["b"] * 30 + ["lonely"], dtype=object)
    means = cluster_means(halves(signal), labels)
    spread = [signal[labels == name].var(0, ddof=1) for name in "ab"]
    np.testing.assert_allclose(means.error[2], np.sqrt(np.mean(spread, axis=0)))
    np.testing.assert_allclose(means.mean[2], signal[60])


def test_where_all_is_chance_everything_is_drawn_to_the_mean_of_all():
    parts = np.stack([noise(1), noise(2)])
    found = shrink(parts, cluster_means(parts, CLUSTERS))
    assert found.std() < 0.35 * parts.sum(0).std()


def test_where_halves_say_the_opposite_nothing_is_left_but_the_mean():
    signal = noise()
    parts = np.stack([signal + 1, -signal])
    found = shrink(parts, cluster_means(parts, CLUSTERS))
    np.testing.assert_allclose(found, 1, atol=1e-12)


def test_where_clusters_differ_and_both_halves_agree_their_plain_means_stay():
    signal = between(10.0)
    parts = halves(signal)
    means = cluster_means(parts, CLUSTERS)
    np.testing.assert_allclose(means.trust, 1)
    np.testing.assert_allclose(shrink(parts, means), signal, atol=1e-12)


def test_inside_a_cluster_differences_count_for_a_fixed_share_at_most():
    signal = noise()
    parts = halves(signal)
    means = cluster_means(parts, CLUSTERS)
    of_cluster = means.mean[means.member]
    found = shrink(parts, means)
    np.testing.assert_allclose(found - of_cluster, WITHIN_CLUSTER * (signal - of_cluster), atol=1e-12)


@given(st.integers(0, 1000), st.floats(0.01, 10), st.floats(-5, 5))
def test_shrinking_goes_with_units_and_a_common_offset(seed, unit, offset):
    parts = halves(between(seed=seed) + noise(seed), 0.5, seed)
    plain = shrink(parts, cluster_means(parts, CLUSTERS))
    moved = unit * parts + offset / 2
    np.testing.assert_allclose(shrink(moved, cluster_means(moved, CLUSTERS)), unit * plain + offset, atol=1e-9)


@given(st.integers(0, 1000), st.floats(0, 3))
def test_shrinking_keeps_the_mean_and_never_spreads_clusters(seed, scale):
    parts = halves(between(seed=seed), scale, seed)
    means = cluster_means(parts, CLUSTERS)
    found = shrink(parts, means)
    np.testing.assert_allclose(found.mean(0), parts.sum(0).mean(0), atol=1e-9)
    after = cluster_means(np.stack([found, 0 * found]), CLUSTERS).mean
    assert (after.std(0) <= means.mean.std(0) + 1e-9).all()


def test_reliability_of_known_parts():
    signal = noise(n=200_000, targets=1)
    assert reliability(halves(signal), np.ones(200_000)) == pytest.approx(1)
    # Each half: half of the signal (variance 1/4) and chance of variance 1/8; of the sum (1 + 1/4) the signal is 4/5.
    assert reliability(halves(signal, np.sqrt(1 / 8)), np.ones(200_000)) == pytest.approx(0.8, abs=0.01)
    assert reliability(np.stack([signal, -signal]), np.ones(200_000)) == 0
    assert reliability(np.zeros((2, 5, 1)), np.ones(5)) == 0


@pytest.mark.parametrize("labels", [["a"] * 6, list("abcdef")], ids=["one cluster", "clusters of one pair"])
def test_the_smallest_trees_give_finite_scores(labels):
    parts = halves(noise(n=6))
    found = shrink(parts, cluster_means(parts, np.array(labels, dtype=object)))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.mean(0), parts.sum(0).mean(0))


def test_scores_that_are_all_alike_stay():
    parts = np.full((2, 600, 1), 0.25)
    np.testing.assert_allclose(shrink(parts, cluster_means(parts, CLUSTERS)), 0.5)


def test_shares_of_the_benefit_are_of_what_helps():
    assert benefit_shares(np.array([3.0, -5.0, 1.0])) == pytest.approx([0.75, 0, 0.25])
    assert benefit_shares(np.array([-1.0, 0.0])).tolist() == [0, 0]
