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
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records


def found(values, kind=None, problems=None):
    """The captions of each row, None where it has none."""
    column = pa.chunked_array([pa.array(values, kind)])
    records = Records("t", "table", pa.table({"raw": column}), np.arange(1, len(values) + 1))
    table = captions(records, "raw", problems or Problems())
    of = table["caption"].astype(object).where(table["caption"].notna(), None)
    return [of[table["record"] == row].tolist() for row in range(len(values))]


# ---- lists that were written as text


def as_numpy(texts):
    """As pandas writes what was a list in Parquet; NumPy breaks lines, and shows what is long in part."""
    with np.printoptions(threshold=1000, linewidth=40):
        return str(np.array(texts, dtype=object))


@pytest.mark.parametrize("written", [json.dumps, repr, as_numpy])
@given(lists=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3), min_size=1, max_size=4))
def test_lists_that_were_written_as_text_are_lists(written, lists):
    expected = [[one.strip() or None for one in texts] or [None] for texts in lists]
    assert [[one or None for one in row] for row in found([written(texts) for texts in lists])] == expected


@pytest.mark.parametrize(("text", "captions"), [
    ('["Two young guys with shaggy hair.", "Two \\"young\\" men."]', ["Two young guys with shaggy hair.", 'Two "young" men.']),
    ("['a dog' \"it's a cat\"\n 'c']", ["a dog", "it's a cat", "c"]), ('["A dog." "B."]', ["A dog.", "B."]),
    ("['a', None, nan]", ["a", None, None]), ('["a", null]', ["a", None]), ("['\\d', '\\\\d',]", ["\\d", "\\d"]),
    ("['\\ud800']", ["?"]), ('["\\ud800"]', ["?"]),
])
def test_a_list_is_read_as_it_was_meant(text, captions):
    assert found([text, "", None]) == [captions, [""], [""]]


@pytest.mark.parametrize("texts", [
    ["[a dog]", "[a cat]"], ["[laughs]"], ["[1, 2]"], ["['a', ['b']]"], ["[" * 1000 + "]" * 1000], ["[__import__('os')]"],
    ["[" + "-" * 5000 + "1]"], ["[" + "-" * 50_000 + "1]"], ["['\\d']x]"], ["['a''b']"], ["['a'] # ['b']"], ["['a' + 'b']"],
    ["[f'a', 'b']"], ["['''a''']"], [json.dumps(["x" * LONGEST_LIST])], ["A dog.", "A cat.", '["a", "b"]'],
])
def test_captions_that_only_look_like_lists_stay_what_they_are(texts):
    assert found(texts) == [[text] for text in texts]


def test_among_lists_a_caption_is_a_caption_and_a_damaged_list_a_problem():
    problems = Problems()
    texts = ['["a", "b"]', "A dog.", '["a", "b', "['c']", "['d' # ]", '["e"]']
    assert found(texts, problems=problems) == [["a", "b"], ["A dog."], [], ["c"], [], ["e"]]
    assert problems.table()[["row", "problem"]].to_numpy().tolist() == [[3, "malformed row"], [5, "malformed row"]]


def test_a_row_with_an_embedding_has_one_caption_in_a_list_written_as_text_too():
    class Vectors:
        pass

    records = Records("t", "table", pa.table({"raw": ['["a", "b"]']}), np.array([1]), image=Vectors())
    with pytest.raises(PairsError, match="several captions"):
        captions(records, "raw", Problems())


@pytest.mark.parametrize("text", [
    "[{'from': 'human', 'value': 'x'}]", '{"from": "gpt", "value": "x"}', '  [ {"role": "user", "content": "x"}]',
])
@pytest.mark.parametrize("wrapped", [False, True])
def test_records_that_were_written_as_text_are_no_captions(text, wrapped):
    with pytest.raises(PairsError, match="records that were written as text"):
        found([[text]] * 3 if wrapped else [text] * 3)


# ---- conversations


LLAVA = [
    {"from": "human", "value": "Describe it.\n<image>"}, {"from": "gpt", "value": " A dog. "}, {"from": "gpt", "value": "More."},
]
CHAT = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A cat."}]
PARTS = [{"role": "assistant", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "cow."}]}]


@pytest.mark.parametrize(("turns", "caption"), [(LLAVA, "A dog."), (CHAT, "A cat."), (PARTS, "A cow.")])
def test_the_first_answer_of_a_conversation_is_the_caption(turns, caption):
    assert found([[], turns, None, turns[:-1] if turns is CHAT else []]) == [[None], [caption], [None], [None]]


@pytest.mark.parametrize("turns", [LLAVA, CHAT])
def test_conversations_of_large_types_are_read(turns):
    strings = pa.struct([(name, pa.large_string()) for name in turns[0]])
    assert len(found([turns], pa.large_list(strings))[0]) == 1


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


@pytest.mark.parametrize("odd", [
    [{"from": "human", "value": 1.5}, {"from": "gpt", "value": "answer"}], [{"from": "gpt", "value": "answer", "score": "n/a"}],
    [{"role": "user", "content": [{"type": "image"}]}, {"role": "assistant", "content": [{"type": "text", "text": "answer"}]}],
])
def test_one_odd_turn_costs_no_other_its_caption(draw_photos, read, write_jsonl, odd):
    plain = [{"from": "human", "value": "q", "score": 1}, {"from": "gpt", "value": "cut \ud83d", "score": 2}]
    rows = [{"image": name, "conversations": odd if i == 5 else plain} for i, name in enumerate(draw_photos(20))]
    assert read(write_jsonl(rows)).table["caption"].tolist() == ["answer" if i == 5 else "cut ?" for i in range(20)]


@pytest.mark.parametrize("odd", ["a text", {"from": "gpt", "value": "x"}, [], [{"from": "gpt", "value": None}], [1]])
def test_what_is_no_conversation_has_no_caption(draw_photos, read, write_jsonl, odd):
    rows = [{"image": name, "conversations": odd if i == 5 else LLAVA} for i, name in enumerate(draw_photos(20))]
    pairs = read(write_jsonl(rows))
    assert len(pairs.table) == 19 and set(pairs.table["caption"]) == {"A dog."}
    assert pairs.problems[["row", "problem"]].to_numpy().tolist() == [[6, "empty caption"]]


def test_records_that_are_no_conversation_are_an_error():
    with pytest.raises(PairsError, match="neither captions nor lists of captions"):
        found([[{"who": "x", "value": "y"}]])


# ---- columns without a flag


@pytest.mark.parametrize(("image", "caption"), [("filepath", "title"), ("filename", "raw")])
def test_columns_as_openclip_and_flickr30k_call_them_need_no_flags(tmp_path, draw_photos, read, image, caption):
    path = tmp_path / "pairs.csv"
    names = draw_photos(20)
    pd.DataFrame({image: names, caption: [json.dumps([f"one {n}", f"two {n}"]) for n in names]}).to_csv(path, index=False)
    assert sorted(read(path).table["caption"])[:2] == ["one 0.png", "one 1.png"]


def test_images_that_a_table_holds_come_before_names_of_files(tmp_path, draw_photos, read):
    path = tmp_path / "pairs.csv"
    names = draw_photos(20)
    pd.DataFrame({"filename": "gone.jpg", "filepath": "gone", "jpg": names, "caption": "a dog"}).to_csv(path, index=False)
    pairs = read(path)
    assert pairs.table["image"].tolist() == names and set(pairs.table["meta.filename"]) == {"gone.jpg"}
