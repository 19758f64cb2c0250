"""The large view of a single pair: all that is known of it, whatever is known so far, and its large photo."""

from __future__ import annotations

import io

import pytest
from fabricated import fabricate
from page_cases import fine
from PIL import Image
from streamlit.testing.v1 import AppTest

from influencespace.ui import thumbnails


def _view(path: str, index: int):
    from influencespace.ui import pair_view, reading
    from influencespace.workspace import Workspace

    workspace = Workspace(path)
    pair_view.show(workspace, reading.training(workspace), index)


def _shown(workspace, index):
    page = fine(AppTest.from_function(_view, args=(str(workspace.path), index), default_timeout=30).run())
    table = page.table[0].value
    return dict(zip(table["What"], table["Value"], strict=True)), [button.label for button in page.button], page


def test_all_that_is_known_of_a_pair(tmp_path):
    known, buttons, page = _shown(fabricate(tmp_path / "demo"), 3)
    assert known == {
        "Name": "pair-3", "Topic": "dog, frisbee, grass", "Cluster": "dog, frisbee, grass · fit well",
        "Gender": "man",
        "Caption fit (0 is the mean)": "+1.03", "Influence on overall": "+0.0300 (helps)",
        "Influence on gender: woman": "+0.0300 (helps)", "Influence on gender: man": "+0.0300 (helps)", "Near-duplicates": "2",
        "In the plan": "up-weight, weight 2.00",
    }
    assert buttons == ["Most alike", "Near-duplicates (2)", "Its cluster", "Its topic"]
    assert page.text[0].value == "A man with <b>dog</b> number 3"


@pytest.mark.parametrize(("upto", "names"), [
    ("pairs", ["Name", "Gender", "Near-duplicates"]),
    ("clusters", ["Name", "Topic", "Cluster", "Gender", "Caption fit (0 is the mean)", "Near-duplicates"]),
])
def test_what_is_not_known_yet_is_left_out(tmp_path, upto, names):
    assert list(_shown(fabricate(tmp_path / "demo", upto=upto), 5)[0]) == names


def test_a_photo_that_is_gone_is_said_to_be(tmp_path):
    workspace = fabricate(tmp_path / "demo")
    (workspace.path / "images" / "5.png").unlink()
    assert _shown(workspace, 5)[2].caption[0].value == "The photo is not there."


def test_large_photo_is_as_large_as_it_need_be(tmp_path):
    for side in (2000, 300):
        Image.new("RGB", (side, side // 2)).save(tmp_path / "photo.jpg")
        with Image.open(io.BytesIO(thumbnails.large(str(tmp_path / "photo.jpg")))) as photo:
            assert photo.size == (min(side, thumbnails.LARGE), min(side, thumbnails.LARGE) // 2)
    assert thumbnails.large(None) is None
    assert thumbnails.large(str(tmp_path / "absent.jpg")) is None
