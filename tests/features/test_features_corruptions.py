"""Damaged photos and mistyped captions: what each damage does, and that it is the same every time."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from influencespace.features.corruptions import CONTRAST, CORRUPTIONS, KEYBOARD, NOISE, SIDE, corrupt, mistype

CAPTION = "A brown dog jumps over the wooden fence near the river"


def photo(size=(320, 240), seed=0):
    """Soft shapes, scaled up from few pixels."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(60, 200, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)


def clean(image):
    scale = SIDE / min(image.size)
    return image.resize(tuple(max(SIDE, round(scale * side)) for side in image.size), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_photo_is_damaged_alike_every_time_and_scaled_to_one_size(name):
    for size, expected in (((320, 240), (299, 224)), ((100, 400), (224, 896)), ((SIDE, SIDE), (SIDE, SIDE))):
        once, again = corrupt(photo(size), name), corrupt(photo(size), name)
        assert once.size == expected and once.mode == "RGB"
        assert once.tobytes() == again.tobytes()
        assert once.tobytes() != clean(photo(size)).tobytes()


def test_noise_has_the_spread_it_says_and_differs_between_photos():
    gray = Image.new("RGB", (300, 300), (128, 128, 128))
    error = np.asarray(corrupt(gray, "noise"), dtype=float) / 255 - 128 / 255
    assert error.mean() == pytest.approx(0, abs=0.005)
    assert error.std() == pytest.approx(NOISE, rel=0.03)  # a little is cut off at black and white
    other = Image.new("RGB", (300, 300), (129, 128, 128))
    assert not np.array_equal(np.asarray(corrupt(other, "noise"))[..., 1], np.asarray(corrupt(gray, "noise"))[..., 1])


def test_contrast_shrinks_around_the_mean_and_blur_smooths():
    before, after = (np.asarray(image, dtype=float) for image in (clean(photo()), corrupt(photo(), "contrast")))
    assert after.mean(axis=(0, 1)) == pytest.approx(before.mean(axis=(0, 1)), abs=0.6)
    assert after.std(axis=(0, 1)) == pytest.approx(CONTRAST * before.std(axis=(0, 1)), rel=0.03)
    rough = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    assert np.asarray(corrupt(rough, "blur"), dtype=float).std() < 0.2 * np.asarray(rough, dtype=float).std()


def test_jpeg_is_what_a_file_of_that_quality_shows():
    file = io.BytesIO()
    clean(photo()).save(file, "JPEG", quality=15)
    assert corrupt(photo(), "jpeg").tobytes() == Image.open(file).convert("RGB").tobytes()


def test_one_word_in_four_is_mistyped_inside_and_the_others_stay():
    words, found = CAPTION.split(), mistype(CAPTION).split()
    assert mistype(CAPTION) == mistype(CAPTION)
    changed = [(one, other) for one, other in zip(words, found, strict=True) if one != other]
    assert len(changed) == round(len(words) / 4)
    for one, other in changed:
        assert (one[0], one[-1]) == (other[0], other[-1])
        assert sorted(one) == sorted(other) or len(other) == len(one) - 1 or beside(one, other)


def beside(one, other):
    places = [i for i in range(len(one)) if one[i] != other[i]]
    row = next(row for row in KEYBOARD if one[places[0]] in row)
    return len(places) == 1 and abs(row.index(one[places[0]]) - row.index(other[places[0]])) == 1


@given(caption=st.text(max_size=60))
def test_any_caption_is_mistyped_without_an_error_and_no_word_is_lost(caption):
    assert len(mistype(caption).split(" ")) == len(caption.split(" "))


def test_captions_of_short_words_or_none_stay_as_they_are():
    assert mistype("a b c 12345") == "a b c 12345"
    assert mistype("") == ""
    assert mistype("dogs") != "dogs"
