"""Formats that hold photos are read back by webdataset and datasets, and hold the photos' own bytes."""

import io
import json
import tarfile
from pathlib import Path

import datasets
import export_cases as cases
import pytest
from PIL import Image

from influencespace.errors import ExportError
from influencespace.export.batches import Subset as PlannedSubset
from influencespace.export.options import FILES, FOLDERS, ExportOptions
from influencespace.export.photos import left_behind
from influencespace.export.rows import OWN, records
from influencespace.export.subset import check_pairs, export_subset, planned_subset
from influencespace.pairs.stretch import stretch


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def photo(folder, number):
    return (folder / "images" / f"{number}.jpg").read_bytes()


# ------------------------------------------------------------------------------------------------ WebDataset

def test_webdataset_reads_photos_captions_and_weights(workspace, written, folder):
    samples = cases.samples_of(written("webdataset"))
    rows = planned_subset(workspace)
    assert [sample["__key__"] for sample in samples] == [f"{i:09d}" for i in range(6)]
    assert [sample["jpg"] for sample in samples] == [photo(folder, i) for i in cases.KEPT_PAIRS]
    assert [sample["txt"].decode() for sample in samples] == rows["caption"].tolist()
    assert [json.loads(sample["json"]) for sample in samples] == records(rows)


def test_webdataset_decodes_what_was_written(written):
    first = cases.samples_of(written("webdataset"), decode=True)[0]
    assert first["jpg"].size == (8, 8) and first["txt"] == cases.CAPTIONS[0] and first["json"]["weight"] == 1.0


@pytest.mark.parametrize(("most", "counts"), [(1, [1] * 6), (4, [4, 2]), (6, [6]), (100, [6])])
def test_a_shard_holds_at_most_so_many_pairs(written, most, counts):
    path = written("webdataset", shard_pairs=most)
    assert [file.name for file in sorted(path.iterdir())] == [f"{i:05d}.tar" for i in range(len(counts))]
    assert [len(cases.samples_of(file)) for file in sorted(path.iterdir())] == counts


def test_a_shard_ends_where_it_is_large(written, monkeypatch):
    monkeypatch.setattr("influencespace.export.webdataset.MOST_BYTES", 1)
    assert len(list(written("webdataset").iterdir())) == 6


def test_the_same_pairs_give_the_same_shards_of_nobody_and_no_time(workspace, tmp_path):
    one, other = (export_subset(workspace, ExportOptions("webdataset", str(tmp_path / name))) for name in ("one", "other"))
    assert (one / "00000.tar").read_bytes() == (other / "00000.tar").read_bytes()
    with tarfile.open(one / "00000.tar") as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in tar} == {(0, 0, 0, "", "", 0o644)}


def test_an_ending_is_that_of_the_source_or_of_the_content_and_never_another(tmp_path):
    folder = tmp_path / "data"
    images = [f"{i}.jpg" for i in range(10)]
    images[0], images[1], images[2] = "a.JPEG", "../x.tar.gz; rm", None
    workspace = cases.workspace(folder, image=images)
    Image.new("RGB", (4, 4)).save(folder / "images" / "1.jpg", format="PNG")
    path = export_subset(workspace, ExportOptions("webdataset", str(tmp_path / "shards")))
    with tarfile.open(path / "00000.tar") as tar:
        assert tar.getnames()[0:9:3] == ["000000000.jpg", "000000001.png", "000000002.jpg"]


# ------------------------------------------------------------------------------------------------ imagefolder

def test_imagefolder_is_read_by_datasets(workspace, written, folder):
    path = written("imagefolder")
    found = datasets.load_dataset("imagefolder", data_dir=str(path), split="train")
    rows = records(planned_subset(workspace))
    assert found.column_names == ["image", "id", "text", "weight", *OWN[4:], "source"]
    for name in ("id", "weight", *OWN[4:]):
        assert found[name][:] == [row[name] for row in rows]
    assert found["text"][:] == [row["caption"] for row in rows]
    assert [json.loads(text) for text in found["source"]] == [
        {name: value for name, value in row.items() if name == "image" or name not in OWN} for row in rows
    ]
    raw = found.cast_column("image", datasets.Image(decode=False))
    assert [Path(one["path"]).read_bytes() for one in raw["image"]] == [photo(folder, i) for i in cases.KEPT_PAIRS]
    assert found[0]["image"].size == (8, 8)


def test_a_photo_with_several_captions_is_copied_once(written):
    path = written("imagefolder")
    assert len([file for file in path.rglob("*.jpg")]) == 5
    names = [json.loads(line)["file_name"] for line in (path / "metadata.jsonl").read_bytes().splitlines()]
    assert names[0] == names[1] and len(set(names)) == 5


def test_photos_are_copies_that_lead_nowhere_else(written, folder):
    for file in written("imagefolder").rglob("*.jpg"):
        assert file.stat().st_nlink == 1 and not file.is_symlink()


def test_columns_of_the_source_cannot_pass_for_those_of_datasets(tmp_path):
    names = ("file_name", "x_file_name", "text", "label", "file_names")
    workspace = cases.workspace(tmp_path / "data", **{f"meta.{name}": "../../secret" for name in names})
    path = export_subset(workspace, ExportOptions("imagefolder", str(tmp_path / "test-set")))
    found = datasets.load_dataset("imagefolder", data_dir=str(path), split="train")
    assert found["text"][0] == cases.CAPTIONS[0] and "label" not in found.column_names
    assert json.loads(found["source"][0])["x_file_name"] == "../../secret"


# ------------------------------------------------------------------------------------------------ COCO

@pytest.mark.parametrize("form", FOLDERS)
def test_formats_with_photos_say_that_they_need_them(tmp_path, form):
    workspace = cases.workspace(tmp_path / "data", image_path=None)
    with pytest.raises(ExportError, match=r"holds photos, and the pair 'p0' came without one.*--images"):
        export_subset(workspace, ExportOptions(form, str(tmp_path / "out")))
    assert [file.name for file in tmp_path.iterdir()] == ["data"]
    with pytest.raises(ExportError, match="holds photos"):
        check_pairs(PlannedSubset(workspace).head(2), form)


@pytest.mark.parametrize("form", FOLDERS)
def test_a_photo_that_is_gone_is_named_and_nothing_is_written(workspace, folder, tmp_path, form):
    (folder / "images" / "4.jpg").unlink()
    with pytest.raises(ExportError, match=rf"photo of the pair '{cases.UIDS[4]}' cannot be read from .*4\.jpg: No such file"):
        export_subset(workspace, ExportOptions(form, str(tmp_path / "out")))
    assert [file.name for file in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("form", FOLDERS)
def test_a_photo_may_be_a_stretch_of_a_larger_file(tmp_path, form):
    folder = tmp_path / "data"
    (tmp_path / "all").write_bytes(b"")
    contents = []
    with open(tmp_path / "all", "ab") as file:
        for i in range(10):
            buffer = io.BytesIO()
            Image.new("RGB", (8, 8), (0, 25 * i, 0)).save(buffer, "PNG")
            contents.append((file.tell(), buffer.getvalue()))
            file.write(buffer.getvalue())
    paths = [stretch(tmp_path / "all", offset, len(content)) for offset, content in contents]
    workspace = cases.workspace(folder, image_path=paths, image=[str(i) for i in range(10)])
    path = export_subset(workspace, ExportOptions(form, str(tmp_path / "out")))
    expected = {contents[i][1] for i in cases.KEPT_PAIRS}
    if form == "webdataset":
        assert {sample["png"] for sample in cases.samples_of(path)} == expected
    else:
        assert {file.read_bytes() for file in path.rglob("*.png")} == expected


@pytest.mark.parametrize("form", list(FILES))
@pytest.mark.parametrize("inside", [True, False])
def test_formats_that_only_name_photos_say_where_they_lie_if_they_are_no_files(folder, form, inside):
    columns = {"image_path": ["bytes:512+2048:/shards/00000.tar"] * 10} if inside else {}
    told = left_behind(cases.workspace(folder, **columns).artifact("pairs"), form)
    assert told == "" or "To take them along, export webdataset or imagefolder." in told
    assert bool(told) == (inside and form in ("jsonl", "csv", "parquet", "coco"))
