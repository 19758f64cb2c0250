import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from influencespace.features.photos import LONGEST, _strip_cut, load_photo


@pytest.fixture
def saved(tmp_path):
    def save(photo, name="photo.png", **options):
        path = tmp_path / name
        photo.save(path, **options)
        return str(path)

    return save


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "LA", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(saved, mode):
    photo = Image.new("RGB", (5, 4), "white").convert(mode)
    loaded = load_photo(saved(photo, "photo.tiff"))
    assert (loaded.mode, loaded.size) == ("RGB", (5, 4))
    assert np.asarray(loaded).min() == 255


def test_16_bit_gray_is_scaled_not_clipped(saved):
    gray = Image.fromarray(np.array([[0, 128 * 256, 65535]], dtype=np.uint16))
    assert np.asarray(load_photo(saved(gray)))[0, :, 0].tolist() == [0, 128, 255]


def test_transparency_lies_over_white(saved):
    assert load_photo(saved(Image.new("RGBA", (1, 1), (255, 0, 0, 0)))).getpixel((0, 0)) == (255, 255, 255)


def test_a_palette_with_transparent_colours_is_no_warning(saved):
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putdata([0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_photo(saved(palette, transparency=b"\x00\xff"))
    assert [loaded.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 20, 30)]


def test_turned_as_the_camera_was_held(saved):
    photo = Image.fromarray(np.array([[[255, 255, 255], [0, 0, 0]]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3
    loaded = load_photo(saved(photo, exif=exif))
    assert [loaded.getpixel((x, 0))[0] for x in (0, 1)] == [0, 255]


@given(st.integers(1, 12), st.integers(1, 3000))
def test_only_endless_strips_are_cut(short, long):
    assert _strip_cut(Image.new("RGB", (long, short))).size == (min(long, LONGEST * short), min(short, LONGEST * long))
