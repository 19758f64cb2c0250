"""JSON files that are no COCO: Karpathy's splits, lists of records, and records a line under another name."""

import json

import pytest

from influencespace.errors import PairsError
from influencespace.pairs.documents import read_document
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records


def write(tmp_path, document):
    path = tmp_path / "dataset.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def karpathy(names, splits, folder=None):
    """As Karpathy's files are written."""
    return {"dataset": "coco", "images": [
        {"filename": name, "split": split, "imgid": i, "sentids": [2 * i, 2 * i + 1],
         "sentences": [{"tokens": ["a", "dog"], "raw": f"A dog {i}.", "imgid": i, "sentid": 2 * i},
                       {"tokens": ["a", "cat"], "raw": f"A cat {i}.", "imgid": i, "sentid": 2 * i + 1}]}
        | ({"filepath": folder, "cocoid": 7 + i} if folder else {})
        for i, (name, split) in enumerate(zip(names, splits, strict=True))
    ]}


def test_images_of_karpathy_have_captions_and_lie_in_their_folder(tmp_path):
    records = read_records(write(tmp_path, karpathy(["a.jpg", "b.jpg"], ["train", "val"], "val2014")), Problems())
    assert records.format == "karpathy" and records.split_column == "split" and records.rows.tolist() == [1, 2]
    assert records.columns.to_pylist()[1] == {
        "image": "val2014/b.jpg", "caption": ["A dog 1.", "A cat 1."], "split": "val", "imgid": 1, "cocoid": 8,
    }


def test_splits_of_karpathy_hold_out_their_photos(tmp_path, draw_photos, read):
    names = draw_photos(10)
    splits = ["train"] * 4 + ["restval"] * 2 + ["val"] * 2 + ["test"] * 2
    pairs = read(write(tmp_path, karpathy(names, splits)))
    assert pairs.facts["format"] == "karpathy"
    assert pairs.facts["photos"] == {"train": 6, "validation": 2, "test": 2}
    assert pairs.facts["counts"] == {"train": 12, "validation": 4, "test": 4}
    assert pairs.table["id"].tolist()[:3] == ["1.1", "1.2", "2.1"]
    assert set(pairs.table["split"][pairs.table["meta.imgid"] >= 8]) == {"test"}


def test_images_of_karpathy_without_a_name_or_sentences_are_problems(tmp_path):
    document = karpathy(["a.jpg", "b.jpg"], ["train", "train"])
    document["images"] += [3, {"filename": "c.jpg"}, {"sentences": []}, {"filename": "d.jpg", "sentences": ["no record", {}]}]
    problems = Problems()
    records = read_document(write(tmp_path, document), problems)
    assert records.rows.tolist() == [1, 2, 6] and records.columns["caption"].to_pylist()[2] == []
    assert problems.table()["row"].tolist() == [3, 4, 5]
    assert records.split_column is None  # nothing is held out by it


def test_what_an_image_of_karpathy_says_besides_changes_neither_its_captions_nor_its_file(tmp_path):
    document = karpathy(["a.jpg", "b.jpg"], ["train", "val"])
    document["images"][0] |= {"caption": "other", "image": "other.jpg"}
    document["images"].insert(0, {"filename": "c.jpg"})  # the first is not one of those
    columns = read_document(write(tmp_path, document), Problems()).columns.to_pylist()
    assert [row["image"] for row in columns] == ["a.jpg", "b.jpg"] and columns[0]["caption"] == ["A dog 0.", "A cat 0."]


def test_splits_of_karpathy_count_in_any_case(tmp_path):
    assert read_document(write(tmp_path, karpathy(["a.jpg", "b.jpg"], [" TRAIN", "Val"])), Problems()).split_column == "split"


def test_no_image_of_karpathy_that_can_be_used_is_an_error(tmp_path):
    with pytest.raises(PairsError, match=r"holds no captions\. Most frequent problems: 1 x malformed row"):
        read_document(write(tmp_path, {"images": [{"sentences": []}]}), Problems())


def test_a_list_of_records_is_a_table(tmp_path, draw_photos, read):
    names = draw_photos(10)
    document = [{"image": name, "caption": [f"one {name}", f"two {name}"], "n": i} for i, name in enumerate(names)]
    pairs = read(write(tmp_path, [*document, "text", {}]), holdout=0.4)
    assert pairs.facts["format"] == "table" and pairs.facts["counts"]["train"] == 12
    assert pairs.problems[["row", "detail"]].to_numpy().tolist() == [[r, "no JSON object with named values"] for r in (11, 12)]


@pytest.mark.parametrize("first", ['{"image": "a.jpg"', '{"image": "a\x01.jpg"}', "header"])
def test_records_a_line_under_the_name_of_json_are_read_as_lines(tmp_path, first):
    problems = Problems()
    path = write(tmp_path, f'\n{first}\n{{"image": "b.jpg", "caption": "B."}}\n{{"image": "c.jpg", "caption": "C."}}\n')
    assert read_document(path, problems).rows.tolist() == [3, 4]
    assert problems.table()["row"].tolist() == [2]


def test_one_image_in_a_list_is_that_image_and_several_are_a_problem(tmp_path, draw_photos, read):
    names = draw_photos(20)
    rows = [{"image": [name], "caption": "a dog"} for name in names]
    rows[3]["image"], rows[4]["image"], rows[5]["image"] = names[3:5], names[4], []
    pairs = read(write(tmp_path, rows))
    assert pairs.table["image"].tolist() == [name for i, name in enumerate(names) if i not in (3, 5)]
    assert pairs.problems[["row", "problem"]].to_numpy().tolist() == [[4, "malformed row"], [6, "no image named"]]


@pytest.mark.parametrize("text", ["{}", '{"images": [], "annotations": {}}', '{"images": []}', '{"images": [7]}', "7", '"a"'])
def test_json_of_no_known_kind_is_an_error_that_says_which_there_are(tmp_path, text):
    with pytest.raises(PairsError, match=r"a list of records.*'images' and 'annotations'.*'sentences'"):
        read_document(write(tmp_path, text), Problems())


@pytest.mark.parametrize(("text", "message"), [
    ("", "is empty"), ("{", "is no JSON"), ('{"images": [], "annotations": []}\ngarbage', "is no JSON"),
    ('{\n "images": [\n  {"id": 1},\n  {"id": 2}\n ],\n "annotations": [', "is no JSON"),
    ("[" * 100_000, "is no JSON"), ('{"image": "a.jpg"', "is no JSON"),
    ("[]", "holds no rows"), ("[1]", "holds no rows. Most frequent problems: 1 x malformed row"),
])
def test_what_cannot_be_read_is_an_error(tmp_path, text, message):
    with pytest.raises(PairsError, match=message):
        read_document(write(tmp_path, text), Problems())
