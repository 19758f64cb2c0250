import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.features.aligned import _wins, alignment


def made(n, noise, seed=0, width=32):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(n, width)).astype(np.float32)
    return image, image + noise * rng.normal(size=(n, width)).astype(np.float32)


def all_of(image, text, codes=None):
    rows = np.arange(len(image))
    return alignment(image, text, rows, rows if codes is None else codes)


def test_lengths_that_differ_are_not_aligned():
    aligned, why = all_of(np.ones((9, 3)), np.ones((9, 4)))
    assert not aligned
    assert "3 numbers" in why
    assert "features 4" in why


@pytest.mark.parametrize("n", [10, 20, 49, 200, 3000])
def test_a_quarter_of_wrong_captions_hides_nothing(n):
    image, text = made(n, noise=0.7)
    text[: n // 4] = np.roll(text[: n // 4], 1, axis=0)
    aligned, why = all_of(image, text)
    assert aligned
    assert "%" in why


@pytest.mark.parametrize("n", [10, 20, 49, 200, 3000])
def test_chance_is_rarely_taken_for_alignment(n):
    rng = np.random.default_rng(1)
    taken = [all_of(rng.normal(size=(n, 16)), rng.normal(size=(n, 16)))[0] for _ in range(100 if n < 1000 else 5)]
    assert np.mean(taken) <= 0.03


def test_a_space_turned_away_is_not_aligned():
    image, text = made(1000, noise=0.1)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(32, 32)))[0]
    assert not all_of(image, text @ turn)[0]


def test_captions_of_the_same_photo_are_not_mismatched():
    # Two photos only: against its own other captions a photo would seem to win and lose at chance.
    image, text = made(40, noise=0.1)
    codes = np.repeat(np.arange(2), 20)
    aligned, why = all_of(image, text, codes)
    assert not aligned
    assert "2 different photos are too few" in why


def test_constant_and_zero_features_are_not_aligned():
    _, text = made(100, noise=1)
    assert not all_of(np.ones_like(text), np.ones_like(text))[0]
    assert not all_of(np.zeros_like(text), text)[0]


@given(st.integers(2, 12), st.integers(0, 10**6))
def test_the_measure_equals_the_plain_loop(n, seed):
    rng = np.random.default_rng(seed)
    # Whole numbers, so that ties occur.
    image, text = (rng.integers(-2, 3, (n, 3)).astype(np.float32) for _ in range(2))
    counted = []
    for i in range(n):
        own = image[i] @ text[i]
        for j in set(range(n)) - {i}:
            for other in (image[i] @ text[j], image[j] @ text[i]):
                counted.append(1.0 if other < own else 0.5 if other == own else 0.0)
    assert _wins(image, text) == pytest.approx(np.mean(counted))
