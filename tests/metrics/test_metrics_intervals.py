"""The two-way bootstrap against a plain loop, its coverage, and its edges."""

import math

import numpy as np
import pytest

from influencespace.metrics.intervals import Interval, Rate, TwoWayBootstrap, percentile_interval


def loop(bootstrap, hits, trials):
    """One resample after another, every score repeated as often as its seed and its photo were drawn."""
    trials = np.broadcast_to(trials, hits.shape)
    draws = []
    for seed_counts, photo_counts in zip(bootstrap.seed_counts, bootstrap.photo_counts, strict=True):
        numerator = denominator = 0.0
        for s, times in enumerate(seed_counts):
            for p, often in enumerate(photo_counts):
                numerator += float(times) * float(often) * hits[s, p]
                denominator += float(times) * float(often) * trials[s, p]
        draws.append(numerator / denominator if denominator else math.nan)
    return np.array(draws)


@pytest.mark.parametrize("trials", [None, "photos", "both"])
def test_draws_equal_a_plain_loop(trials):
    rng = np.random.default_rng(0)
    bootstrap = TwoWayBootstrap(3, 7, draws=40, seed=1)
    hits = rng.random((3, 7))
    given = {"photos": rng.integers(0, 4, size=7), "both": rng.integers(0, 4, size=(3, 7))}.get(trials)
    rate = bootstrap.rate(hits, given)
    plain = np.ones(7) if given is None else given
    assert rate.draws == pytest.approx(loop(bootstrap, hits, plain), nan_ok=True)
    assert rate.point == pytest.approx(hits.sum() / np.broadcast_to(plain, hits.shape).sum())


@pytest.mark.parametrize("trials", [None, np.arange(14.0).reshape(2, 7), np.arange(7.0)])
def test_a_subset_of_the_photos_is_that_of_resamples_of_all(trials):
    bootstrap, hits = TwoWayBootstrap(2, 7, draws=40), np.random.default_rng(1).random((2, 7))
    within = np.array([True, False, True, True, False, False, True])
    rate = bootstrap.rate(hits, trials, within)
    plain = np.ones(7) if trials is None else trials
    assert rate.draws == pytest.approx(loop(bootstrap, hits * within, plain * within), nan_ok=True)
    assert rate.point == pytest.approx((hits * within).sum() / (np.broadcast_to(plain, (2, 7)) * within).sum())


def test_resamples_are_as_large_as_the_sample_and_repeat_with_the_seed():
    bootstrap, again, other = (TwoWayBootstrap(5, 200, draws=300, seed=s) for s in (4, 4, 5))
    assert (bootstrap.seed_counts.sum(axis=1) == 5).all()
    assert (bootstrap.photo_counts.sum(axis=1) == 200).all()
    assert np.array_equal(bootstrap.photo_counts, again.photo_counts)
    assert not np.array_equal(bootstrap.photo_counts, other.photo_counts)
    # Multinomial counts: mean 1, variance 1 - 1/n.
    assert bootstrap.photo_counts.mean() == 1
    assert bootstrap.photo_counts.var() == pytest.approx(1 - 1 / 200, abs=0.02)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    seeds, photos, covered = 8, 60, 0
    for trial in range(200):
        # A photo's own difficulty and a seed's own luck, which the truth averages over.
        photo, luck, noise = (rng.normal(size=size) for size in (photos, (seeds, 1), (seeds, photos)))
        scores = 0.5 + 0.2 * photo + 0.03 * luck + noise
        interval = TwoWayBootstrap(seeds, photos, draws=400, seed=trial).rate(scores).interval()
        covered += interval.low <= 0.5 <= interval.high
    assert 0.9 <= covered / 200 <= 1


def test_photos_alone_would_promise_too_much_when_seeds_differ():
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(6, 1)) + np.zeros((6, 400))
    both = TwoWayBootstrap(6, 400, draws=500).rate(scores).interval()
    one = TwoWayBootstrap(1, 400, draws=500).rate(scores.mean(axis=0, keepdims=True)).interval()
    assert one.high - one.low == pytest.approx(0)
    assert both.high - both.low > 0.5


def test_a_paired_difference_is_narrower_than_its_arms():
    rng = np.random.default_rng(2)
    hard = rng.random(300)
    one = (rng.random((5, 300)) < hard).astype(float)
    other = np.minimum(1, one + (rng.random((5, 300)) < 0.03))
    bootstrap = TwoWayBootstrap(5, 300, draws=1000)
    difference = (bootstrap.rate(other) - bootstrap.rate(one)).interval()
    alone = bootstrap.rate(one).interval()
    assert difference.mean == pytest.approx((other - one).mean())
    assert 0 < difference.low < difference.mean < difference.high
    assert difference.high - difference.low < (alone.high - alone.low) / 3


def test_rates_combine_draw_by_draw_and_scale():
    one, other = Rate(0.5, np.array([0.4, 0.6])), Rate(0.25, np.array([0.2, 0.0]))
    assert (one - other).draws == pytest.approx([0.2, 0.6])
    ratio = one / other
    assert ratio.point == 2
    assert ratio.draws[0] == pytest.approx(2)
    assert math.isnan(ratio.draws[1])
    assert ratio.interval(100) == Interval(200, pytest.approx(200), pytest.approx(200))


def test_percentiles_by_hand():
    assert percentile_interval(50.0, np.arange(101.0)) == Interval(50.0, pytest.approx(2.5), pytest.approx(97.5))


@pytest.mark.parametrize("seeds, photos", [(1, 1), (1, 5), (3, 1)])
def test_one_seed_or_one_photo_is_enough_for_a_figure(seeds, photos):
    interval = TwoWayBootstrap(seeds, photos, draws=50).rate(np.full((seeds, photos), 0.25)).interval(100)
    assert interval == Interval(25, 25, 25)


def test_a_group_without_photos_has_no_figure_and_says_null():
    bootstrap = TwoWayBootstrap(2, 4, draws=20)
    untried, nobody = np.zeros(4), np.zeros(4, dtype=bool)
    for rate in (bootstrap.rate(np.zeros((2, 4)), untried), bootstrap.rate(np.ones((2, 4)), within=nobody)):
        assert rate.interval().json() == {"mean": None, "low": None, "high": None}


def test_resamples_that_miss_a_small_group_are_left_out():
    bootstrap = TwoWayBootstrap(1, 30, draws=200)
    one = np.arange(30) == 0
    rate = bootstrap.rate(np.full((1, 30), 0.5), within=one)
    assert np.isnan(rate.draws).sum() == (bootstrap.photo_counts[:, 0] == 0).sum() > 0
    assert rate.interval() == Interval(0.5, 0.5, 0.5)


def test_seed_mean_is_the_mean_of_the_drawn_seeds():
    bootstrap = TwoWayBootstrap(3, 4, draws=25)
    rate = bootstrap.seed_mean(np.array([1.0, 2.0, 6.0]))
    assert rate.point == 3
    expected = [np.repeat([1.0, 2.0, 6.0], counts).mean() for counts in bootstrap.seed_counts]
    assert rate.draws == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_median_equals_that_of_every_value_as_often_as_it_was_drawn(seed):
    rng = np.random.default_rng(seed)
    bootstrap, photo = TwoWayBootstrap(3, 9, draws=60, seed=seed), rng.integers(0, 9, size=14)
    values = rng.integers(0, 12, size=(3, 14))
    rate = bootstrap.median(values, photo)
    assert rate.point == np.median(values)
    for draw, (of_seeds, of_photos) in enumerate(zip(bootstrap.seed_counts, bootstrap.photo_counts, strict=True)):
        often = np.outer(of_seeds, of_photos[photo]).ravel().astype(int)
        drawn = np.repeat(values.ravel(), often)
        assert rate.draws[draw] == np.median(drawn) if len(drawn) else math.isnan(rate.draws[draw])


def test_seeds_that_do_not_count_are_left_out_of_a_mean_of_seeds():
    bootstrap = TwoWayBootstrap(3, 2, draws=50)
    rate = bootstrap.seed_mean(np.array([4.0, np.nan, 8.0]), np.array([True, False, True]))
    assert rate.point == 6
    for counts, draw in zip(bootstrap.seed_counts, rate.draws, strict=True):
        drawn = np.repeat([4.0, 8.0], counts[[0, 2]])
        assert draw == pytest.approx(drawn.mean()) if len(drawn) else math.isnan(draw)
    assert math.isnan(bootstrap.seed_mean(np.full(3, np.nan), np.zeros(3, dtype=bool)).point)


def test_a_figure_of_each_seed_is_averaged_over_the_drawn_seeds_and_centred():
    bootstrap = TwoWayBootstrap(2, 4, draws=40)
    draws = np.random.default_rng(0).random((2, 10)) + 5
    rate = bootstrap.mean_of_seeds(np.array([1.0, 2.0]), draws)
    plain = np.array([np.average(draws[:, b], weights=bootstrap.seed_counts[b]) for b in range(10)])
    assert rate.point == 1.5
    assert rate.draws == pytest.approx(plain - plain.mean() + 1.5)
