import json
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from influencespace.errors import PairsError
from influencespace.pairs import sources
from influencespace.pairs.download import fetch
from influencespace.pairs.inside import Inside
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records
from influencespace.pairs.stage import import_pairs
from influencespace.pairs.stretch import open_image
from influencespace.progress import silent
from influencespace.workspace import Workspace


@pytest.fixture
def datacomp(tmp_path):
    """``datacomp(sizes)``: a folder of DataComp metadata with shards of these sizes, and all b32 features."""

    def write(sizes):
        rng, features, start = np.random.default_rng(0), {"b32_img": [], "b32_txt": [], "l14_img": [], "l14_txt": []}, 0
        (tmp_path / "metadata").mkdir()
        for shard, size in enumerate(sizes):
            stem = tmp_path / "metadata" / f"{shard:032x}"
            arrays = {name: rng.normal(size=(size, 4 if "b32" in name else 6)).astype(np.float16) for name in features}
            np.savez(stem.with_suffix(".npz"), **arrays)
            for name, array in arrays.items():
                features[name].append(array)
            pd.DataFrame({
                "uid": [f"{i:032x}" for i in range(start, start + size)], "url": "http://x", "text": f"caption of {shard}",
                "original_width": 10, "clip_b32_similarity_score": np.float32(0.25), "clip_l14_similarity_score": 0.2,
                "face_bboxes": [[[0.1, 0.2]]] * size,
            }).to_parquet(stem.with_suffix(".parquet"))
            start += size
        return tmp_path / "metadata", {name: np.concatenate(arrays) for name, arrays in features.items()}

    return write


def test_datacomp_metadata_with_its_features(datacomp, read):
    folder, features = datacomp([7, 5])
    pairs = read(folder, holdout=0.5)
    assert pairs.facts["format"] == "datacomp"
    assert pairs.table["id"].tolist() == [f"{i:032x}" for i in range(12)]
    assert pairs.table["caption"].tolist() == ["caption of 0"] * 7 + ["caption of 1"] * 5
    assert pairs.table["meta.clip_b32_similarity_score"].tolist() == [0.25] * 12
    assert not any("bboxes" in name for name in pairs.table.columns)
    assert np.array_equal(pairs.image, features["b32_img"])
    assert np.array_equal(pairs.text, features["b32_txt"])
    large = read(folder, holdout=0.5, image_embedding="l14_img", text_embedding="l14_txt")
    assert np.array_equal(large.image, features["l14_img"])
    assert np.array_equal(large.text, features["l14_txt"])


def test_features_that_do_not_fit_their_metadata_are_an_error_with_both(datacomp):
    folder, _ = datacomp([7, 5])
    first, second = sorted(folder.glob("*.npz"))
    content = second.read_bytes()
    second.write_bytes(first.read_bytes())
    with pytest.raises(PairsError, match=r"b32_img of .*1.npz has 7 rows, but .*1.parquet has 5"):
        read_records(folder, Problems())
    second.write_bytes(content[: len(content) // 2])
    with pytest.raises(PairsError, match=r"1.npz cannot be read as an array"):
        read_records(folder, Problems())
    second.unlink()
    with pytest.raises(PairsError, match=r"1.npz is missing"):
        read_records(folder, Problems())


def photos(count):
    return [Image.new("RGB", (4, 4), (i, 5, 9)) for i in range(count)]


def saved(count, **columns):
    """A data set of ``datasets`` with images inside."""
    data = {"image": photos(count), "text": [f"c {i}" for i in range(count)]} | columns
    return datasets.Dataset.from_dict(data).cast_column("image", datasets.Image())


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


def test_a_saved_data_set_is_read_as_datasets_reads_it(tmp_path):
    saved(10, size=[i / 2 for i in range(10)]).save_to_disk(tmp_path / "saved", num_shards=3)
    problems = Problems()
    records = read_records(tmp_path / "saved", problems, Inside(folder=tmp_path))
    theirs = datasets.load_from_disk(tmp_path / "saved")
    assert problems.table().empty
    assert records.format == "dataset"
    assert records.columns["text"].to_pylist() == theirs["text"][:]
    assert records.columns["size"].to_pylist() == theirs["size"][:]
    for path, image in zip(records.inside.to_pylist(), theirs["image"], strict=True):
        with open_image(path) as file, Image.open(file) as mine:
            assert np.array_equal(np.asarray(mine), np.asarray(image))


def test_the_splits_of_a_saved_dict_are_held_out(tmp_path):
    whole = saved(14)
    parts = {"train": whole.select(range(6)), "validation": whole.select(range(6, 10)), "test": whole.select(range(10, 14))}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    options = ImportOptions(source=str(tmp_path / "saved"))
    pairs = import_pairs(Workspace(tmp_path / "w", create=True), options, silent)
    assert pairs.table("pairs")["split"].tolist() == ["train"] * 6 + ["validation"] * 4 + ["test"] * 4
    assert pairs.table("pairs")["caption"].tolist() == [f"c {i}" for i in range(14)]
    del parts["validation"]
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "two")
    pairs = import_pairs(Workspace(tmp_path / "v", create=True), ImportOptions(source=str(tmp_path / "two")), silent)
    assert pairs.facts["photos"] == {"train": 6, "validation": 2, "test": 2}


def test_what_datasets_keeps_in_its_cache_is_read_as_it_reads_it(tmp_path):
    for split, rows in (("train", range(8)), ("test", range(8, 12))):
        pa.Table.from_pylist([{"text": f"c {i}", "size": i / 2} for i in rows]).to_pandas().to_json(
            tmp_path / f"{split}.jsonl", orient="records", lines=True
        )
    files = {split: str(tmp_path / f"{split}.jsonl") for split in ("train", "test")}
    theirs = datasets.load_dataset("json", data_files=files, cache_dir=tmp_path / "cache")
    theirs["train"].map(lambda row: {"size": row["size"] + 1})  # whose result is kept beside it
    first = Path(theirs["train"].cache_files[0]["filename"])
    records = read_records(first.parent, Problems(), Inside(folder=tmp_path))
    # In the order of the names of the files, as everywhere.
    assert records.columns["text"].to_pylist() == theirs["test"]["text"][:] + theirs["train"]["text"][:]
    assert records.columns["split"].to_pylist() == ["test"] * 4 + ["train"] * 8
    for name, columns in ((first, ["text", "size"]), (first.parent / "json-*.arrow", ["text", "size", "split"])):
        found = read_records(name, Problems(), Inside(folder=tmp_path))
        assert found.format == "dataset" and found.columns.column_names == columns
    assert read_records(first, Problems(), Inside(folder=tmp_path)).columns["text"].to_pylist() == theirs["train"]["text"][:]


def test_rows_without_any_column_are_an_error_that_names_the_file(tmp_path):
    rows = pa.table({"text": ["a", "b"]})
    with pa.ipc.new_stream(tmp_path / "a.arrow", pa.schema([])) as stream:
        stream.write_batch(rows.to_batches()[0].select([]))
    pq.write_table(rows.select([]), tmp_path / "b.parquet")
    for name in ("a.arrow", "b.parquet"):
        with pytest.raises(PairsError, match=rf"{name} has 2 rows and no columns|{name} holds no rows"):
            read_records(tmp_path / name, Problems(), Inside(folder=tmp_path))


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_comes_in_files_and_in_streams(tmp_path, new):
    with new(tmp_path / "a.arrow", pa.schema([("image", pa.binary()), ("text", pa.string())])) as written:
        for text in ("one", "two"):
            written.write_table(pa.table({"image": [b"x", b"y"], "text": [text, f"{text} too"]}))
    records = read_records(tmp_path / "a.arrow", Problems(), Inside(folder=tmp_path))
    assert records.columns["text"].to_pylist() == ["one", "one too", "two", "two too"] and len(records.inside) == 4


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"ARROW1 and more", b"\xff\xff\xff\xff"])
def test_an_arrow_file_that_is_none_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "a.arrow").write_bytes(content)
    with pytest.raises(PairsError, match=r"a\.arrow cannot be read as Arrow"):
        read_records(tmp_path / "a.arrow", Problems(), Inside(folder=tmp_path))


def test_capitals_in_the_names_of_files_change_nothing(tmp_path):
    for name, text in (("TRAIN-0.PARQUET", "one"), ("test-0.parquet", "two")):
        pq.write_table(pa.table({"text": [text]}), tmp_path / name)
    records = read_records(tmp_path, Problems())
    assert sorted(zip(*records.columns.select(["text", "split"]).to_pydict().values(), strict=True)) == [
        ("one", "train"), ("two", "test")
    ]
    assert records.parts == (("train", 1), ("test", 1))


def test_the_top_of_a_cache_leads_to_its_data_set_unless_there_are_several(tmp_path):
    def write(place):
        place.mkdir(parents=True)
        with pa.ipc.new_stream(place / "json-train.arrow", pa.schema([("text", pa.string())])) as stream:
            stream.write_table(pa.table({"text": [place.name]}))

    write(tmp_path / "json" / "default-1" / "0.0.0")
    assert read_records(tmp_path, Problems()).columns["text"].to_pylist() == ["0.0.0"]
    write(tmp_path / "json" / "default-2" / "0.0.0")
    with pytest.raises(PairsError, match=r"holds several data sets \(.*default-1.*default-2.*\); name one: .*default-1"):
        read_records(tmp_path, Problems())


def test_arrow_beside_parquet_and_what_map_left_are_not_the_data(tmp_path):
    for name, text in (("train-0.parquet", "parquet"), ("index.arrow", "arrow"), ("cache-1.arrow", "mapped")):
        table = pa.table({"text": [text]})
        if name.endswith("parquet"):
            pq.write_table(table, tmp_path / name)
        else:
            with pa.ipc.new_stream(tmp_path / name, table.schema) as stream:
                stream.write_table(table)

    def texts(source):
        return read_records(source, Problems(), Inside(folder=tmp_path)).columns["text"].to_pylist()

    assert texts(tmp_path) == ["parquet"]
    assert texts(tmp_path / "*.arrow") == ["arrow"] and texts(tmp_path / "cache-1.arrow") == ["mapped"]
    (tmp_path / "train-0.parquet").unlink()
    assert texts(tmp_path) == ["arrow"]


def test_what_was_saved_names_only_files_beside_it(tmp_path):
    saved(3).save_to_disk(tmp_path / "saved")
    state = tmp_path / "saved/state.json"
    for wrong in ({"_data_files": [{"filename": "../../secret.arrow"}]}, {"_data_files": 3}, [], {"_data_files": [{}]}):
        state.write_text(json.dumps(wrong))
        with pytest.raises(PairsError, match=r"no file beside it|does not say what was saved"):
            read_records(tmp_path / "saved", Problems(), Inside(folder=tmp_path))


@pytest.mark.parametrize("name", ["{split}-00000-of-00001.parquet", "data/{split}-00000-of-00001-0123.parquet",
                                  "default/{split}/0000.parquet", "{split}.parquet"])
def test_parquet_as_the_hub_lays_it_out(tmp_path, read, name):
    for split, count in (("train", 6), ("test", 4)):
        path = tmp_path / "set" / name.format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        images = [f"{split}{i}.png" for i in range(count)]
        for image in images:
            Image.effect_noise((8, 8), 60).save(tmp_path / "set" / image)
        captions = [[f"a {i}", f"b {i}"] for i in range(count)]
        pa.parquet.write_table(pa.table({"image": images, "captions": captions}), path)
    pairs = read(tmp_path / "set")
    assert pairs.facts["counts"] == {"train": 12, "validation": 4, "test": 4}
    assert set(pairs.table["meta.split"]) == {"train", "test"}
    everything = read(tmp_path / "set", filter=("split=train",), validation=str(tmp_path / "set"),
                      validation_filter=("split=test",))
    assert everything.facts["counts"] == {"train": 12, "validation": 4, "test": 4}


def test_several_configurations_are_an_error_that_names_them(tmp_path):
    for name in ("en", "de"):
        (tmp_path / name / "train").mkdir(parents=True)
        pd.DataFrame({"image": ["a"], "caption": ["b"]}).to_parquet(tmp_path / name / "train/0000.parquet")
    with pytest.raises(PairsError, match=r"several data sets \(de, en\); name one"):
        read_records(tmp_path, Problems())
    assert len(read_records(tmp_path / "en", Problems())) == 1


def test_the_hub_without_network_is_one_clear_error(monkeypatch):
    def fail(*args, **options):
        raise ConnectionError("no route to host\nand much more")

    monkeypatch.setattr("influencespace.pairs.download.HfApi.dataset_info", fail)
    with pytest.raises(PairsError, match=r"hf:a/b cannot be fetched .*no route to host\). Where there is no network, save"):
        read_records("hf:a/b", Problems())
    for name in ("hf:", "hf:a", "hf:../b", "hf:a/b/c/d", "hf:/etc/passwd"):
        with pytest.raises(PairsError, match="no name of a data set"):
            fetch(name)


def test_of_the_hub_only_parquet_is_asked_for(tmp_path, monkeypatch):
    pd.DataFrame({"image": ["a"], "caption": ["b"]}).to_parquet(tmp_path / "train.parquet")
    asked = {}

    class Info:
        sha, siblings = "abc", [type("File", (), {"rfilename": name}) for name in ("loader.py", "train.parquet", "a.pkl")]

    monkeypatch.setattr("influencespace.pairs.download.HfApi.dataset_info", lambda self, name, **options: Info)
    monkeypatch.setattr("influencespace.pairs.download.snapshot_download",
                        lambda name, **options: asked.update(options) or str(tmp_path))
    assert len(sources.read_records("hf:a/b", Problems())) == 1
    assert asked == {"repo_type": "dataset", "revision": "abc", "allow_patterns": ["train.parquet"]}


def test_a_table_of_datacomp_that_is_named_itself_comes_with_its_features(datacomp, read):
    folder, features = datacomp([8])
    pairs = read(next(folder.glob("*.parquet")), holdout=0.5)
    assert pairs.facts["format"] == "datacomp"
    assert np.array_equal(pairs.image, features["b32_img"])


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f2"])
def test_features_of_any_float_become_float16(datacomp, read, kind):
    folder, features = datacomp([8])
    file = next(folder.glob("*.npz"))
    np.savez(file, **{name: array.astype(kind) for name, array in features.items()})
    assert np.array_equal(read(folder, holdout=0.5).image, features["b32_img"])


@pytest.mark.parametrize(("array", "message"), [
    (np.ones((8, 4), np.int8), r"b32_img of .*\.npz must hold floats of shape \(rows, dimensions\), not int8 of shape \(8, 4\)"),
    (np.ones((8, 4), "V2"), r"must hold floats .* not \|V2 .*Save it as float16 or float32"),
    (np.ones(8, np.float16), r"not float16 of shape \(8,\)"),
    (np.ones((8, 4, 1), np.float16), r"not float16 of shape \(8, 4, 1\)"),
    (np.asfortranarray(np.ones((8, 4), np.float16)), r"it is stored by columns; save numpy\.ascontiguousarray of it"),
    (np.ones((7, 4), np.float16), r"b32_img of .*\.npz has 7 rows, but .*\.parquet has 8.*the same run"),
])
def test_features_that_are_none_are_an_error_that_says_where(datacomp, array, message):
    folder, features = datacomp([8])
    np.savez(next(folder.glob("*.npz")), **(features | {"b32_img": array}))
    with pytest.raises(PairsError, match=message):
        read_records(folder, Problems())


def test_features_of_another_encoder_alone_are_an_error_that_says_how_to_take_them(datacomp):
    folder, features = datacomp([8])
    np.savez(next(folder.glob("*.npz")), l14_img=features["l14_img"], l14_txt=features["l14_txt"])
    with pytest.raises(PairsError, match=r"no array 'b32_img'\. Its arrays: l14_img, l14_txt\. Name .*--image-embedding"):
        read_records(folder, Problems())


def test_rows_of_features_that_cannot_be_used_are_problems(datacomp):
    folder, features = datacomp([8])
    image, text = features["b32_img"].astype(np.float32), features["b32_txt"].astype(np.float32)
    image[1, 2], image[3], text[5, 0], text[6, 1] = np.nan, 0, np.inf, 1e6  # 1e6 is infinite in float16
    np.savez(next(folder.glob("*.npz")), b32_img=image, b32_txt=text)
    problems = Problems()
    assert read_records(folder, problems).rows.tolist() == [1, 3, 5, 8]
    assert problems.table()[["row", "detail"]].sort_values("row").to_numpy().tolist() == [
        [2, "the image embedding holds NaN or infinity in float16"], [4, "the image embedding is all zero"],
        [6, "the text embedding holds NaN or infinity in float16"], [7, "the text embedding holds NaN or infinity in float16"],
    ]
