"""Matching and its parity: draws of false pairs, thresholds, and equality with fairlearn."""

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.metrics import fairness
from influencespace.metrics.fairness import OPPORTUNITY, PARITY, Matching, best_threshold, draw_negatives, match
from influencespace.metrics.gaps import group_rates
from influencespace.metrics.intervals import TwoWayBootstrap


def unit(rng, *shape):
    vectors = rng.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@given(seed=st.integers(0, 100), sizes=st.lists(st.integers(1, 8), min_size=1, max_size=4), captions=st.integers(1, 3))
def test_negatives_are_other_photos_of_the_same_group(seed, sizes, captions):
    groups = np.random.default_rng(seed).permutation(np.repeat([f"g{i}" for i in range(len(sizes))], sizes))
    photo = np.repeat(np.arange(len(groups)), captions)
    negatives = draw_negatives(photo, groups, seed)
    drawn = negatives >= 0
    alone = np.array([sizes[int(g[1:])] == 1 for g in groups])
    assert np.array_equal(drawn, ~alone[photo])
    assert (negatives[drawn] != photo[drawn]).all()
    assert (groups[negatives[drawn]] == groups[photo[drawn]]).all()
    assert np.array_equal(negatives, draw_negatives(photo, groups, seed))


def test_negatives_are_uniform_over_the_others():
    groups = np.array(["a"] * 4 + ["b"] * 3)
    photo = np.repeat(np.arange(7), 6000)
    negatives = draw_negatives(photo, groups)
    for own in range(7):
        others = [i for i in range(7) if groups[i] == groups[own] and i != own]
        found = np.bincount(negatives[photo == own], minlength=7)
        assert found[others] == pytest.approx(6000 / len(others), rel=0.08)
        assert found.sum() == found[others].sum()


def balanced(truth, matched):
    return (matched[truth == 1].mean() + 1 - matched[truth == 0].mean()) / 2


@settings(max_examples=60)
@given(
    positive=st.lists(st.integers(-5, 5), min_size=1, max_size=15),
    negative=st.lists(st.integers(-5, 5), min_size=1, max_size=15),
)
def test_no_threshold_beats_the_best(positive, negative):
    scores = np.array(positive + negative) / 7
    truth = np.repeat([1, 0], [len(positive), len(negative)])
    found = best_threshold(scores[truth == 1], scores[truth == 0])
    candidates = [-np.inf, np.inf, *np.arange(-6, 6, 0.5) / 7]
    best = max(balanced(truth, scores >= c) for c in candidates)
    assert balanced(truth, scores >= found) == pytest.approx(best)


def test_the_threshold_lies_half_way_and_stands_rounding():
    assert best_threshold(np.array([0.8, 0.6]), np.array([0.2, 0.4])) == pytest.approx(0.5)
    assert best_threshold(np.array([np.nan]), np.array([0.2])) == -np.inf
    close = np.array([0.3, np.nextafter(np.float32(0.3), np.float32(1))], dtype=np.float32).astype(np.float64)
    assert close[0] < best_threshold(close[1:], close[:1]) < close[1]


class Cosines:
    """Photos and captions whose cosine says whether they belong together."""

    def __init__(self, image, text, photo):
        self.image, self.text, self.photo = image, text, photo

    def similarity(self, photos, captions):
        return np.einsum("md,md->m", self.image[photos], self.text[captions]).astype(np.float64)


def test_a_perfect_matcher_is_right_everywhere_and_a_constant_one_half_the_time():
    photo, groups = np.arange(8), np.array(["a", "b"] * 4)
    eye = np.eye(8, dtype=np.float32)
    perfect = match(Cosines(eye, eye, photo), Cosines(eye, eye, photo), groups, groups)
    assert perfect.positive.all() and not perfect.negative.any() and perfect.correct().mean() == 1
    flat = np.full((8, 4), 0.5, dtype=np.float32)
    constant = match(Cosines(flat, flat, photo), Cosines(flat, flat, photo), groups, groups)
    assert constant.correct().mean() == 0.5


def test_the_threshold_comes_from_the_validation_pairs_alone():
    def split(true, false):
        image = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)
        rest = np.sqrt(1 - true**2 - false**2)
        return Cosines(image, np.array([[true, false, rest], [false, true, rest]], dtype=np.float32), np.arange(2))

    groups = np.array(["a", "a"])
    validation = split(0.8, 0.5)  # half-way: 0.65
    found = match(validation, split(0.6, 0.2), groups, groups)
    assert not found.positive.any()
    assert match(validation, split(0.7, 0.66), groups, groups).negative.all()


def decisions(seed, seeds=3, photos=60, captions=2):
    rng = np.random.default_rng(seed)
    photo = np.repeat(np.arange(photos), captions)
    groups = np.array(["a", "b", "c", "d"], dtype=object)[rng.integers(4, size=photos)]
    drawn = rng.random(len(photo)) < 0.9
    matchings = [Matching(drawn & (rng.random(len(photo)) < 0.8), drawn & (rng.random(len(photo)) < 0.3), drawn)
                 for _ in range(seeds)]
    return matchings, photo, groups


@pytest.mark.parametrize("seed", range(4))
def test_rates_of_the_bootstrap_equal_fairlearn(seed):
    matchings, photo, groups = decisions(seed)
    compared = ["a", "b", "c"]
    counts = [m.drawn & np.isin(groups[photo].astype(str), compared) for m in matchings]
    truth = np.concatenate([np.repeat([1, 0], c.sum()) for c in counts])
    predicted = np.concatenate([np.r_[m.positive[c], m.negative[c]] for m, c in zip(matchings, counts, strict=True)])
    sensitive = np.concatenate([np.tile(groups[photo][c], 2) for c in counts]).astype(str)
    frame = MetricFrame(
        metrics={"match": selection_rate, "true": true_positive_rate}, y_true=truth, y_pred=predicted.astype(int),
        sensitive_features=sensitive,
    )

    def by_photo(values):
        return np.stack([np.bincount(photo, weights=v, minlength=60) for v in values])

    drawn, positive = by_photo([m.drawn for m in matchings]), by_photo([m.positive for m in matchings])
    negative = by_photo([m.negative for m in matchings])
    bootstrap = TwoWayBootstrap(3, 60, draws=10)
    match_rates = group_rates(bootstrap, positive + negative, groups, compared, 2 * drawn)
    true_rates = group_rates(bootstrap, positive, groups, compared, drawn)
    for group in compared:
        assert match_rates[group].point == pytest.approx(frame.by_group["match"][group])
        assert true_rates[group].point == pytest.approx(frame.by_group["true"][group])
    found = fairness.parity_differences(matchings, photo, groups, compared)
    assert found[PARITY] == pytest.approx(frame.difference()["match"])
    assert found[OPPORTUNITY] == pytest.approx(frame.difference()["true"])


@pytest.mark.parametrize("compared", [[], ["a"]])
def test_one_group_only_differs_by_nothing(compared):
    matchings, photo, groups = decisions(0)
    assert fairness.parity_differences(matchings, photo, groups, compared) == {PARITY: 0, OPPORTUNITY: 0}


def test_a_diverged_model_matches_nothing():
    rng = np.random.default_rng(0)
    good, photo, groups = unit(rng, 10, 4), np.arange(10), np.array(["a"] * 10)
    bad = np.full((10, 4), np.nan, dtype=np.float32)
    found = match(Cosines(good, good, photo), Cosines(bad, bad, photo), groups, groups)
    assert not found.positive.any() and not found.negative.any()
    found = match(Cosines(bad, bad, photo), Cosines(bad, bad, photo), groups, groups)
    assert not found.positive.any()
