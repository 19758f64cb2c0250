"""Rates of groups and the differences between them."""

import numpy as np
import pytest

from influencespace.metrics.gaps import comparable, group_difference, group_rates, lowest, spread, worst
from influencespace.metrics.intervals import TwoWayBootstrap

VALUES = np.array(["a"] * 40 + ["b"] * 30 + ["c"] * 5 + ["unknown"] * 25, dtype=object)


def scores(seed=0):
    means = {"a": 0.8, "b": 0.5, "c": 0.0, "unknown": 0.9}
    rng = np.random.default_rng(seed)
    return (rng.random((4, 100)) < [means[v] for v in VALUES]).astype(float)


def test_comparable_groups_are_declared_and_large_enough():
    assert comparable(VALUES, ["a", "b", "c", "d"]) == ["a", "b"]
    assert comparable(VALUES, ["c", "a"], fewest=5) == ["c", "a"]


def test_a_group_s_rate_is_the_mean_over_its_photos_in_every_resample():
    bootstrap, hits = TwoWayBootstrap(4, 100, draws=30), scores()
    rates = group_rates(bootstrap, hits, VALUES, ["a", "b"])
    inside = VALUES == "b"
    assert rates["b"].point == pytest.approx(hits[:, inside].mean())
    for draw in range(30):
        counts = [c[draw].astype(float) for c in (bootstrap.seed_counts, bootstrap.photo_counts)]
        weights = np.outer(*counts)[:, inside]
        assert rates["b"].draws[draw] == pytest.approx((weights * hits[:, inside]).sum() / weights.sum())


def test_the_difference_names_its_groups_and_lies_in_its_interval():
    rates = group_rates(TwoWayBootstrap(4, 100), scores(), VALUES, ["a", "b"])
    found = group_difference(rates, 100)
    assert (found.highest, found.lowest, found.why) == ("a", "b", None)
    assert found.interval.mean == pytest.approx(100 * (rates["a"].point - rates["b"].point))
    assert 0 < found.interval.low < found.interval.mean < found.interval.high


def test_a_gap_that_is_noise_has_an_interval_that_reaches_below_zero():
    rng = np.random.default_rng(5)
    hits = (rng.random((5, 100)) < 0.6).astype(float)
    rates = group_rates(TwoWayBootstrap(5, 100), hits, VALUES, ["a", "b"])
    assert group_difference(rates).interval.low < 0 < group_difference(rates).interval.mean
    # Which a maximum minus minimum taken anew could not show.
    assert spread(rates).draws.min() >= 0


def test_spread_is_the_maximum_minus_the_minimum_of_each_resample():
    rates = group_rates(TwoWayBootstrap(4, 100, draws=20), scores(), VALUES, ["a", "b", "unknown"])
    found = spread(rates)
    points = [rate.point for rate in rates.values()]
    assert found.point == max(points) - min(points)
    for draw in range(20):
        each = [rate.draws[draw] for rate in rates.values()]
        assert found.draws[draw] == max(each) - min(each)


@pytest.mark.parametrize("groups", [[], ["a"]])
def test_fewer_than_two_groups_differ_by_nothing_and_it_says_why(groups):
    found = group_difference(group_rates(TwoWayBootstrap(4, 100, draws=10), scores(), VALUES, groups)).json()
    assert (found["mean"], found["low"], found["high"]) == (0, None, None)
    assert "fewer than two" in found["why"]


def test_the_worst_served_group_is_named_with_its_own_interval():
    rates = group_rates(TwoWayBootstrap(4, 100), scores(), VALUES, ["a", "b", "unknown"])
    found = worst(rates, 100)
    assert (found["group"], found["why"]) == ("b", None)
    assert (found["mean"], found["low"], found["high"]) == tuple(rates["b"].interval(100).json().values())
    low = lowest(rates)
    assert low.point == rates["b"].point
    assert low.draws == pytest.approx([min(rate.draws[d] for rate in rates.values()) for d in range(len(low.draws))])
    assert worst({"a": rates["a"]})["group"] is None and "fewer than two" in worst({"a": rates["a"]})["why"]
