import io
import os
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from influencespace.features.photos import load_photo
from influencespace.pairs.images import check_images
from influencespace.pairs.statistics import photo_statistics
from influencespace.pairs.stretch import container, open_image, stretch
from influencespace.progress import silent
from influencespace.ui import thumbnails


@pytest.fixture
def pair_of_photos(tmp_path):
    """A PNG of its own, and the stretch of a tar that holds the same bytes between two others."""
    content = io.BytesIO()
    Image.effect_noise((24, 16), 60).save(content, "PNG")
    (tmp_path / "photo.png").write_bytes(content.getvalue())
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for name in ("before.txt", "photo.png", "after.txt"):
            data = content.getvalue() if name == "photo.png" else name.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with tarfile.open(tmp_path / "00000.tar") as tar:
        member = tar.getmember("photo.png")
    return str(tmp_path / "photo.png"), stretch(tmp_path / "00000.tar", member.offset_data, member.size)


@given(data=st.binary(max_size=64), offset=st.integers(0, 64), size=st.integers(0, 64))
def test_a_stretch_is_that_slice_of_its_file(tmp_path_factory, data, offset, size):
    file = tmp_path_factory.mktemp("stretch") / "a: b\n.bin"
    file.write_bytes(data)
    path = stretch(file, offset, size)
    assert container(path) == file
    if offset + size <= len(data):
        with open_image(path) as image:
            assert image.read() == data[offset : offset + size]
            assert image.seek(0, os.SEEK_END) == size
    else:
        with pytest.raises(OSError, match="has become shorter"):
            open_image(path)


def test_a_file_of_its_own_is_opened_as_it_is(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"whole")
    assert container(str(file)) == file
    with open_image(str(file)) as image:
        assert image.read() == b"whole"
        image.seek(1)
        assert image.read(2) == b"ho"


@pytest.mark.parametrize("path", ["bytes:", "bytes:1+2:relative", "bytes:-1+2:/a", "bytes:1:/a", "bytes:1+2"])
def test_what_is_no_stretch_says_so(path):
    for read in (open_image, container):
        with pytest.raises(ValueError, match="is no stretch"):
            read(path)


def test_every_reader_of_photos_sees_the_same_in_a_stretch(pair_of_photos, tmp_path):
    whole, part = pair_of_photos
    assert np.array_equal(np.asarray(load_photo(whole)), np.asarray(load_photo(part)))
    assert thumbnails.large(whole) == thumbnails.large(part) is not None
    found = check_images([whole, part], silent)
    assert found[whole].digest == found[part].digest is not None
    statistics = photo_statistics([whole, part])
    assert statistics.width.tolist() == [24, 24]
    assert statistics.size.tolist() == [os.path.getsize(whole)] * 2


def test_a_tar_that_was_cut_is_an_unreadable_image(pair_of_photos):
    _, part = pair_of_photos
    os.truncate(container(part), 1600)
    found = check_images([part], silent)[part]
    assert found.problem == "unreadable image"
    assert "has become shorter" in found.detail
    assert thumbnails.large(part) is None
    assert photo_statistics([part]).width.size == 0
