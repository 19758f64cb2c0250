import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records

PLACES = ["at home", "in the street", "at sea"]


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


def labelled(places, parts=None):
    """A data set of ``datasets`` with names of places kept as numbers."""
    columns = {"caption": [f"c {i}" for i in range(len(places))], "image": ["x.png"] * len(places), "place": places}
    text = datasets.Value("string")
    features = {"caption": text, "image": text, "place": datasets.ClassLabel(names=PLACES)}
    if parts is not None:
        columns["part"], features["part"] = parts, datasets.ClassLabel(names=["test", "train", "validation"])
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


@pytest.mark.parametrize("form", ["saved", "saved dict", "parquet", "folder", "shuffled"])
def test_class_labels_come_in_by_their_names(tmp_path, form):
    whole, numbers = labelled([2, 0, 1, None, 2, -1]), [2, 0, 1, None, 2, None]
    if form == "saved":
        whole.save_to_disk(tmp_path / "set", num_shards=2)
    elif form == "saved dict":
        datasets.DatasetDict(train=whole).save_to_disk(tmp_path / "set")
    elif form == "shuffled":
        order = [5, 3, 1, 0, 2, 4]
        whole.select(order).save_to_disk(tmp_path / "set")
        numbers = [numbers[row] for row in order]
    else:
        (tmp_path / "set").mkdir()
        whole.to_parquet(tmp_path / "set" / "train.parquet")
    records = read_records(tmp_path / ("set/train.parquet" if form == "parquet" else "set"), Problems())
    assert records.columns["place"].to_pylist() == [None if number is None else PLACES[number] for number in numbers]


def test_groups_splits_and_filters_go_by_names(tmp_path, read):
    places, parts = [0, 1, 2, None] * 4, [1] * 8 + [2] * 4 + [0] * 4
    labelled(places, parts).save_to_disk(tmp_path / "set")
    (tmp_path / "set" / "x.png").touch()
    whole = read_records(tmp_path / "set", Problems())
    assert set(whole.columns["part"].to_pylist()) == {"test", "train", "validation"}
    pairs = read(embedded(tmp_path / "set.parquet", places, parts), groups=("place",), holdout_column="part")
    assert pairs.facts["groups"] == {"place": sorted(PLACES)}
    assert pairs.facts["counts"] == {"train": 8, "validation": 4, "test": 4}
    assert pairs.table["group.place"].tolist() == ["at home", "in the street", "at sea", "unknown"] * 4
    assert pairs.table["meta.part"].tolist() == ["train"] * 8 + ["validation"] * 4 + ["test"] * 4
    at_sea = read(embedded(tmp_path / "sea.parquet", [2] * 8 + [0] * 2), filter=("place=at sea",), holdout=0.5)
    assert sum(at_sea.facts["counts"].values()) == 8


def embedded(path, places, parts=None):
    """The same in Parquet with embeddings, so that no photo is needed."""
    whole = labelled(places, parts).remove_columns("image")
    vectors = [[float(i + 1), 1.0] for i in range(len(places))]
    for name in ("image_embedding", "text_embedding"):
        whole = whole.add_column(name, vectors)
    whole.to_parquet(path)
    return path


def metadata(place):
    return {b"huggingface": json.dumps({"info": {"features": {"place": place}}}).encode()}


@pytest.mark.parametrize("described", [
    {}, {b"huggingface": b"{"}, {b"huggingface": b"\xff"}, {b"huggingface": b"[" * 100_000}, {b"huggingface": b"[]"},
    {b"huggingface": b'{"info": {"features": []}}'}, metadata(3), metadata({"_type": "Value"}), metadata({"_type": "ClassLabel"}),
    metadata({"_type": "ClassLabel", "names": "abc"}), metadata({"_type": "ClassLabel", "names": ["a", 3, "c"]}),
    metadata({"_type": ["ClassLabel"], "names": ["a"]}), metadata({"_type": "ClassLabel", "names": {"0": "a"}}),
])
def test_numbers_stay_numbers_where_nothing_names_them(tmp_path, described):
    table = pa.table({"caption": ["x", "y"], "place": [0, 1]}).replace_schema_metadata(described)
    pq.write_table(table, tmp_path / "t.parquet")
    assert read_records(tmp_path / "t.parquet", Problems()).columns["place"].to_pylist() == [0, 1]


@pytest.mark.parametrize("values", [["a", "b", "c"], [0.0, 1.0, 2.0], [[0], [1], [2]], [True, False, None]])
def test_a_column_that_holds_no_numbers_of_classes_stays(tmp_path, values):
    table = pa.table({"place": values}).replace_schema_metadata(metadata({"_type": "ClassLabel", "names": PLACES}))
    pq.write_table(table, tmp_path / "t.parquet")
    assert read_records(tmp_path / "t.parquet", Problems()).columns["place"].to_pylist() == values


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64()])
def test_a_number_beyond_the_names_stays_a_number(tmp_path, kind):
    names = {"_type": "ClassLabel", "names": PLACES}
    table = pa.table({"place": pa.array([1, 3, None, -2, 2], kind)}).replace_schema_metadata(metadata(names))
    pq.write_table(table, tmp_path / "t.parquet")
    column = read_records(tmp_path / "t.parquet", Problems()).columns["place"]
    assert column.to_pylist() == ["in the street", "3", None, "-2", "at sea"]
