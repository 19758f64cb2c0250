"""Searching captions and features against naive loops, and queries against an encoder of a few numbers."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from encoder_cases import make_encoder, make_photos, make_table
from hypothesis import given
from hypothesis import strategies as st

from influencespace.errors import FeaturesError
from influencespace.features import search
from influencespace.features.options import EmbedOptions
from influencespace.features.stage import embed
from influencespace.options import Options
from influencespace.workspace import Workspace

CAPTIONS = [
    "A dog with a Frisbee", "Hotdogs, 50% off!", "a dog-show (indoors)", "CAT AND DOG", "ein Hündchen", "a.b", "c++ [code] \\d",
    None, "", "a d_o_g", "dogs",
]


def _found(query: str, words: bool) -> list[str]:
    captions = pa.chunked_array([CAPTIONS[:4], CAPTIONS[4:]])
    return [CAPTIONS[i] for i in search.captions_with(captions, query, words=words)]


def test_whole_words_in_any_order_and_case():
    assert _found("dog", words=True) == ["A dog with a Frisbee", "a dog-show (indoors)", "CAT AND DOG"]
    assert _found("frisbee A", words=True) == ["A dog with a Frisbee"]
    assert _found("hÜndchen", words=True) == ["ein Hündchen"]
    assert _found("frisbee cat", words=True) == []
    assert _found("  ", words=True) == []


def test_any_part_of_a_caption():
    assert _found("dog", words=False) == [*CAPTIONS[:4], "dogs"]
    assert _found("a dog", words=False) == ["A dog with a Frisbee", "a dog-show (indoors)"]
    assert _found("", words=False) == []


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize(("query", "caption"), [
    ("50%", "Hotdogs, 50% off!"), ("(indoors)", "a dog-show (indoors)"), ("c++", "c++ [code] \\d"), ("\\d", "c++ [code] \\d"),
    ("[code]", "c++ [code] \\d"), ("a.b", "a.b"), ("d_o_g", "a d_o_g"),
])
def test_special_characters_are_literal(query, caption, words):
    assert _found(query, words=words) == [caption]


@given(
    st.lists(st.text("aAbé.*\\(|_ -", max_size=8), max_size=12), st.text("aAbé.*\\(|_ -", max_size=3), st.booleans(),
    st.integers(1, 4),
)
def test_search_equals_a_loop(captions, query, words, chunk):
    chunks = [captions[i : i + chunk] for i in range(0, len(captions), chunk)]
    column = pa.chunked_array(chunks, type=pa.string())

    def holds(caption: str, part: str) -> bool:
        if not words:
            return part.lower() in caption.lower()
        return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", caption, re.IGNORECASE) is not None

    parts = query.split() if words else [query]
    expected = [i for i, caption in enumerate(captions) if any(parts) and all(holds(caption, part) for part in parts)]
    assert search.captions_with(column, query, words=words).tolist() == expected


def test_likeness_is_the_cosine_whatever_the_blocks(monkeypatch):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(23, 5)).astype(np.float16)
    features[4] = 0
    vector = draw.normal(size=5)
    told = []
    monkeypatch.setattr(search, "BUDGET", 4 * 5 * 7)
    found = search.likeness(features, vector, progress=lambda done, total, what: told.append((done, total)))
    wide = features.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1) * np.linalg.norm(vector)
    expected = [float(row @ vector) / length if length else 0.0 for row, length in zip(wide, lengths, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert told == [(7, 23), (14, 23), (21, 23), (23, 23)]


def test_pair_is_most_like_itself_then_like_its_kind():
    draw = np.random.default_rng(1)
    kinds = 3 * draw.normal(size=(3, 6))
    # What all have in common is far larger than what tells the kinds apart.
    image = (100 + kinds[np.arange(30) % 3] + 0.1 * draw.normal(size=(30, 6))).astype(np.float32)
    text = (kinds[np.arange(30) % 3][:, :4] + 0.1 * draw.normal(size=(30, 4))).astype(np.float16)
    found = search.like_pair(image, text, 7)
    assert found[7] == pytest.approx(1, abs=1e-3)
    order = search.best(found, 10)
    assert order[0] == 7
    assert set(order % 3) == {7 % 3}


def test_query_weighs_photos_and_captions_alike_where_they_are_aligned():
    draw = np.random.default_rng(2)
    image, text, query = draw.normal(size=(40, 6)), draw.normal(size=(40, 6)), draw.normal(size=6)

    def standard(side):
        cosine = side @ query / np.linalg.norm(side, axis=1) / np.linalg.norm(query)
        return (cosine - cosine.mean()) / cosine.std()

    both = search.like_query(image, text, query, aligned=True)
    np.testing.assert_allclose(both, (standard(image) + standard(text)) / 2, atol=1e-5)
    np.testing.assert_allclose(search.like_query(image, text, query, aligned=False), standard(text), atol=1e-5)


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 14))
def test_best_are_the_first_of_a_stable_order(scores, count):
    scores = np.array(scores, dtype=np.float32)
    assert search.best(scores, count).tolist() == np.argsort(-scores, kind="stable")[:count].tolist()


def test_near_duplicates_are_those_of_the_same_set():
    assert search.in_set_of(np.array([0, 1, 0, 3, 0], dtype=np.int32), 2).tolist() == [0, 2, 4]


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """A workspace whose pairs an encoder of a few numbers has described."""
    folder = tmp_path_factory.mktemp("described")
    workspace = Workspace(folder / "workspace", create=True)
    table = make_table(make_photos(folder / "photos", 4), ["a dog runs", "a cat", "the red ball", "blue photo"])
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", table)
    embed(workspace, EmbedOptions(encoder=str(make_encoder("clip", folder / "encoder")), device="cpu"))
    return workspace


def test_query_lies_where_its_caption_lies(described):
    features = described.artifact("features")
    caption = described.artifact("pairs").table("pairs")["caption"][2]
    assert search.why_no_meaning(features) == ""
    found = search.likeness(features.array("text"), search.embed_query(features, caption))
    assert found[2] == pytest.approx(1, abs=1e-3)
    assert search._encoder.cache_info().currsize == 1


def test_another_encoder_under_the_same_name_is_refused(described):
    features = described.artifact("features")
    features.record["content"] = "another"
    with pytest.raises(FeaturesError, match="is another one than when"):
        search.embed_query(features, "a dog")


@pytest.mark.parametrize(("name", "why"), [
    (search.IMPORTED, "came with the pairs"), ("nobody/has-this-model", "is not on this machine"),
])
def test_without_an_encoder_the_reason_is_given_and_no_network_asked(described, name, why):
    features = described.artifact("features")
    features.record["facts"]["encoder"] = name
    assert why in search.why_no_meaning(features)
    with pytest.raises(FeaturesError, match=why):
        search.embed_query(features, "a dog")
