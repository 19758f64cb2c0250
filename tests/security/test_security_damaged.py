"""Every reader against damaged files: rows and problems, or an error for people; and bombs stay small."""

from __future__ import annotations

import base64
import io
import json

import fuzz
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from influencespace.errors import InfluenceSpaceError
from influencespace.ui import thumbnails

# Found by fuzzing: Pillow stumbles over a tag of this TIFF, with a TypeError.
TIFF = base64.b64decode(
    "SUkqAAgAAAAKAAABBAABAAAACAAAAAEBBAABAAAACBAAAAIBAwADAAAAhgAAAAMBAwABAAAAAQAAAAYBAwABAAAAAgAAABEBDAABAAAAjAAAABUBAwABAAAA"
    "AwAAABYBBAABAAAACAAAABcBBAABAAAAwAAAABwBAwABAAAAAQAAAAAAAAAIAAgACAAAWh4A" + "Wh4A" * 40
)
EXAMPLES = settings(max_examples=25)
JSON = [name for name in fuzz.TARGETS if name in ("coco", "karpathy", "records", "plan", "record", "decisions")]
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8) | st.just("../../x")
TOKENS = (b"\0", b'"', b"\xff\xfe", b"9" * 20, b"-1")
VALUES = st.recursive(LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3))


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with some cut out, put in, turned over or left off at the end."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "insert", "remove", "cut", "repeat"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=8) | st.sampled_from(TOKENS))
            case "remove":
                del data[at : at + draw(st.integers(1, 40))]
            case "cut":
                del data[at:]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
    return bytes(data)


@st.composite
def exchanged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A JSON document with some of its values exchanged for others, or gone."""
    document = json.loads(whole)
    for _ in range(draw(st.integers(1, 3))):
        node = document
        while isinstance(node, dict | list) and node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if not isinstance(node[key], dict | list) or not node[key] or draw(st.booleans()):
                if draw(st.booleans()):
                    node[key] = draw(VALUES)
                else:
                    del node[key]
                break
            node = node[key]
    return json.dumps(document).encode()


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_damaged_bytes_are_rows_and_problems_or_an_error_for_people(target):
    whole = fuzz.TARGETS[target][1]()
    assert fuzz.attempt(target, whole)

    @EXAMPLES
    @given(damaged(whole))
    def holds(data):
        fuzz.attempt(target, data)

    holds()


@pytest.mark.parametrize("target", JSON)
def test_documents_of_other_values_are_so_too(target):
    @settings(EXAMPLES, max_examples=60)
    @given(exchanged(fuzz.TARGETS[target][1]()))
    def holds(data):
        fuzz.attempt(target, data)

    holds()


@pytest.mark.parametrize("whole", [b"[[1], {}]", b"7", b"null", b'"text"', b"[]", b"{}", b"NaN", b""])
@pytest.mark.parametrize("target", [*JSON, "jsonl"])
def test_documents_of_another_kind_are_errors_for_people(target, whole):
    fuzz.attempt(target, whole)


@pytest.mark.parametrize("nested", [b"[" * 100_000, b'{"a":' * 100_000, b'{"images":' + b"[" * 100_000])
@pytest.mark.parametrize("target", [*JSON, "jsonl"])
def test_documents_without_end_are_errors_for_people(target, nested):
    fuzz.attempt(target, nested)


def test_a_plan_that_claims_more_than_it_has_is_refused_at_once(tmp_path):
    plan = json.loads(fuzz.plan_seed())
    for key in ("members", "weights", "dispositions"):
        with pytest.raises(InfluenceSpaceError, match="damaged"):
            fuzz._plan(tmp_path, json.dumps(plan | {key: [["0.0", 10**15]]}).encode())


def test_a_table_without_any_usable_row_says_so(tmp_path):
    with pytest.raises(InfluenceSpaceError, match="too few photos"):
        fuzz.TARGETS["csv"][0](tmp_path, b"image,caption\n0.png,\n1.png,\n")


def test_a_photo_that_was_damaged_since_it_came_in_has_no_thumbnail(tmp_path):
    (tmp_path / "photo.tif").write_bytes(TIFF)
    with pytest.raises(TypeError), Image.open(tmp_path / "photo.tif") as image:
        image.load()
    fuzz.TARGETS["tiff"][0](tmp_path, TIFF)
    assert thumbnails.large(str(tmp_path / "photo.tif")) is None


def test_a_table_of_images_alone_lacks_captions_and_says_so(tmp_path):
    content = io.BytesIO()
    pq.write_table(pa.table({"image": [{"bytes": fuzz.image(shade=i), "path": f"{i}.png"} for i in range(6)]}), content)
    with pytest.raises(InfluenceSpaceError, match="no column of captions"):
        fuzz.TARGETS["parquet"][0](tmp_path, content.getvalue())
