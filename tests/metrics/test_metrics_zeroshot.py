"""Zero-shot classification: perfect, constant, random and broken models, and balance between classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.metrics.intervals import TwoWayBootstrap
from influencespace.metrics.zeroshot import balanced, classified, prompts


def test_prompts_are_read_by_people_and_models():
    assert prompts(["hot_dog", "cat"]) == ["a photo of a hot dog", "a photo of a cat"]


@given(seed=st.integers(0, 10_000), photos=st.integers(1, 20), classes=st.integers(1, 5))
def test_a_photo_is_right_where_its_class_is_the_only_highest(seed, photos, classes):
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, 4, size=(photos, classes)) / 4
    label = rng.integers(-1, classes, size=photos)
    expected = [
        label[i] >= 0 and all(similarity[i, label[i]] > s for c, s in enumerate(similarity[i]) if c != label[i])
        for i in range(photos)
    ]
    assert classified(similarity, label).tolist() == expected


def test_perfect_constant_random_and_broken_models():
    label = np.arange(4000) % 4
    perfect, random = np.eye(4)[label], np.random.default_rng(0).random((4000, 4))
    assert classified(perfect, label).all()
    assert not classified(np.zeros((4000, 4)), label).any()
    assert classified(random, label).mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 4000))
    assert not classified(np.full((4000, 4), np.nan), label).any()
    some = perfect.copy()
    some[:, 0] = np.nan
    assert not classified(some, label).any()


def test_every_class_counts_alike_however_many_photos_it_has():
    labels = np.array(["a"] * 90 + ["b"] * 9 + [""], dtype=object)
    right = np.stack([np.arange(100) < 90] * 2)
    rate = balanced(TwoWayBootstrap(2, 100, draws=300), right, labels)
    assert rate.point == pytest.approx(0.5)
    assert np.isfinite(rate.draws).all()
    # A class that a resample misses does not count there, so that the other is all that counts.
    assert set(np.unique(rate.draws)) <= {0.5, 1.0}
