"""Statistics of captions and photos against loops and known answers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from influencespace.pairs import statistics
from influencespace.pairs.statistics import caption_statistics, photo_statistics


def test_known_captions():
    found = caption_statistics(pa.chunked_array([
        ["A dog, a Frisbee.", "the DOG runs", "a boat", "a boat"], [None, "", "  ", "“dog” a boat"],
    ]))
    assert found.captions == 8
    assert found.lengths.tolist() == [3, 0, 2, 2, 1]
    assert found.words == [("boat", 3), ("dog", 3), ("frisbee", 1), ("runs", 1)]
    assert found.repeated == 2
    assert found.most_repeated == [("a boat", 2)]


def test_no_captions():
    found = caption_statistics(pa.chunked_array([[]], type=pa.string()))
    assert (found.captions, found.words, found.repeated, found.most_repeated) == (0, [], 0, [])


@given(st.lists(st.text("ab ", max_size=6), max_size=20), st.integers(1, 7))
def test_captions_equal_a_loop_whatever_the_blocks(captions, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "BLOCK", block)
        found = caption_statistics(pa.chunked_array([captions], type=pa.string()))
    lengths = Counter(len(caption.split()) for caption in captions)
    assert {n: int(count) for n, count in enumerate(found.lengths) if count} == dict(lengths)
    texts = Counter(captions)
    assert found.repeated == sum(count for count in texts.values() if count > 1)
    assert sorted(count for _, count in found.most_repeated) == sorted(
        sorted((count for count in texts.values() if count > 1), reverse=True)[:statistics.CAPTIONS]
    )


def test_photos_by_size_and_shape(tmp_path):
    paths = []
    for i, size in enumerate([(60, 40), (40, 60), (50, 50), (52, 50)]):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.new("RGB", size).save(paths[-1])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    told = []
    found = photo_statistics([*paths, str(broken), str(tmp_path / "absent.jpg")], lambda *report: told.append(report[:2]))
    assert found.asked == 6
    assert found.width.tolist() == [60, 40, 50, 52]
    assert found.height.tolist() == [40, 60, 50, 50]
    assert (found.size > 0).all()
    assert found.shapes == {"landscape": 0.25, "portrait": 0.25, "square": 0.5}
    assert told[-1] == (6, 6)
    assert photo_statistics([]).shapes == dict.fromkeys(("landscape", "portrait", "square"), 0.0)
    assert np.array_equal(photo_statistics([]).width, [])
