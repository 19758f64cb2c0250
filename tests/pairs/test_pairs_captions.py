"""Captions as tables hold them: one each, lists, lists written as text, and conversations."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.errors import PairsError
from influencespace.pairs.captions import LONGEST_LIST, captions
from influencespace.pairs.records import Records


def found(values, kind=None):
    """The captions of each row, None where it has none."""
    column = pa.chunked_array([pa.array(values, kind)])
    records = Records("t", "table", pa.table({"raw": column}), np.arange(1, len(values) + 1))
    table = captions(records, "raw")
    of = table["caption"].astype(object).where(table["caption"].notna(), None)
    return [of[table["record"] == row].tolist() for row in range(len(values))]


@pytest.mark.parametrize("written", [json.dumps, repr])
@given(lists=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3), min_size=1, max_size=4))
def test_lists_that_were_written_as_text_are_lists(written, lists):
    expected = [[one.strip() for one in texts] or [None] for texts in lists]
    assert found([written(texts) for texts in lists]) == expected


def test_a_list_as_nlphuji_writes_flickr30k(tmp_path):
    assert found(['["Two young guys with shaggy hair.", "Two \\"young\\" men."]', None]) == [
        ["Two young guys with shaggy hair.", 'Two "young" men.'], [None],
    ]


@pytest.mark.parametrize("texts", [
    ["[a dog]", "[a cat]"], ["[laughs]"], ['["one"]', "two"], ["[1, 2]"], ["['a', ['b']]"], ["[" * 1000 + "]" * 1000],
    ["[__import__('os')]"], ["[" + "-" * 5000 + "1]"], ["['\\d']x]"],
])
def test_captions_that_only_look_like_lists_stay_what_they_are(texts):
    assert found(texts) == [[text] for text in texts]


def test_a_list_that_is_longer_than_any_is_left_as_it_is():
    text = json.dumps(["x" * LONGEST_LIST])
    assert found([text]) == [[text]]


def test_a_row_with_an_embedding_has_one_caption_in_a_list_written_as_text_too():
    class Vectors:
        pass

    records = Records("t", "table", pa.table({"raw": ['["a", "b"]']}), np.array([1]), image=Vectors())
    with pytest.raises(PairsError, match="several captions"):
        captions(records, "raw")


LLAVA = [
    {"from": "human", "value": "Describe it.\n<image>"}, {"from": "gpt", "value": " A dog. "}, {"from": "gpt", "value": "More."},
]
CHAT = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A cat."}]


@pytest.mark.parametrize(("turns", "caption"), [(LLAVA, "A dog."), (CHAT, "A cat.")])
def test_the_first_answer_of_a_conversation_is_the_caption(turns, caption):
    assert found([turns, None, [], turns[:1]]) == [[caption], [None], [None], [None]]
    strings = pa.struct([(name, pa.large_string()) for name in turns[0]])
    assert found([turns], pa.large_list(strings)) == [[caption]]


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet"])
def test_llava_comes_in_as_it_is_published(tmp_path, draw_photos, read, form):
    draw_photos(20, tmp_path / "0045")
    records = [
        {"id": f"00453{i}", "image": f"0045/{i}.png",
         "conversations": [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": f"a bed {i}"}]}
        for i in range(20)
    ]
    path = tmp_path / f"blip_laion_cc_sbu_558k.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        path.write_text(json.dumps(records) if form == "json" else "\n".join(map(json.dumps, records)))
    pairs = read(path, id_column="id")
    assert pairs.table["caption"].tolist() == [f"a bed {i}" for i in range(20)]
    assert pairs.table["id"].tolist() == [f"00453{i}" for i in range(20)]


@pytest.mark.parametrize(("image", "caption"), [("filepath", "title"), ("filename", "raw")])
def test_columns_as_openclip_and_flickr30k_call_them_need_no_flags(tmp_path, draw_photos, read, image, caption):
    path = tmp_path / "pairs.csv"
    names = draw_photos(20)
    pd.DataFrame({image: names, caption: [json.dumps([f"one {n}", f"two {n}"]) for n in names]}).to_csv(path, index=False)
    assert sorted(read(path).table["caption"])[:2] == ["one 0.png", "one 1.png"]


def test_records_that_are_no_conversation_are_an_error():
    with pytest.raises(PairsError, match="neither captions nor lists of captions"):
        found([[{"who": "x", "value": "y"}]])
