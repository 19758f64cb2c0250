"""Every format is read back by its own library and equals the plan, weights included."""

import io
import json
import re
import shutil
import tarfile
import warnings
from pathlib import Path

import datasets
import export_cases as cases
import numpy as np
import pandas as pd
import pytest
import torch
import webdataset
from PIL import Image
from pycocotools.coco import COCO
from torch.utils.data import DataLoader, Dataset, Subset, WeightedRandomSampler

from influencespace.errors import ExportError
from influencespace.export.batches import Subset as PlannedSubset
from influencespace.export.options import FOLDERS, ExportOptions
from influencespace.export.rows import OWN, records
from influencespace.export.subset import check_pairs, export_subset, planned_subset
from influencespace.pairs.images import digest
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.reading import read_pairs
from influencespace.pairs.stretch import stretch
from influencespace.progress import silent

UIDS = [f"{(i * 0x9E3779B97F4A7C15F39CC0605CEDC834) % 2**128:032x}" for i in range(1, 11)]
FORMS_WITH_SIDECAR = ["coco", "webdataset", "imagefolder", "datacomp", "sampler"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def workspace(folder):
    """Pairs 0 and 1 show one photo."""
    photos = cases.pairs(folder)["photo"].tolist()
    made = cases.workspace(folder, photo=[photos[1], *photos[1:]], id=UIDS)
    shutil.copyfile(folder / "images" / "0.jpg", folder / "images" / "1.jpg")
    return made


@pytest.fixture
def written(workspace, tmp_path):
    return lambda form, **options: export_subset(workspace, ExportOptions(form, str(tmp_path / "out" / "written"), **options))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def photo(folder, number):
    return (folder / "images" / f"{number}.jpg").read_bytes()


# ------------------------------------------------------------------------------------------------ WebDataset

def samples_of(path, decode=False):
    """What webdataset reads from a shard, or from all of a folder."""
    names = sorted(map(str, path.iterdir())) if path.is_dir() else [str(path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves closing to the collector
        found = webdataset.WebDataset(names, shardshuffle=False)
        return list(found.decode("pil") if decode else found)


def test_webdataset_reads_photos_captions_and_weights(workspace, written, folder):
    samples = samples_of(written("webdataset"))
    rows = planned_subset(workspace)
    assert [sample["__key__"] for sample in samples] == [f"{i:09d}" for i in range(6)]
    assert [sample["jpg"] for sample in samples] == [photo(folder, i) for i in cases.KEPT_PAIRS]
    assert [sample["txt"].decode() for sample in samples] == rows["caption"].tolist()
    assert [json.loads(sample["json"]) for sample in samples] == records(rows)


def test_webdataset_decodes_what_was_written(written):
    first = samples_of(written("webdataset"), decode=True)[0]
    assert first["jpg"].size == (8, 8) and first["txt"] == cases.CAPTIONS[0] and first["json"]["weight"] == 1.0


@pytest.mark.parametrize(("most", "counts"), [(1, [1] * 6), (4, [4, 2]), (6, [6]), (100, [6])])
def test_a_shard_holds_at_most_so_many_pairs(written, most, counts):
    path = written("webdataset", shard_pairs=most)
    assert [file.name for file in sorted(path.iterdir())] == [f"{i:05d}.tar" for i in range(len(counts))]
    assert [len(samples_of(file)) for file in sorted(path.iterdir())] == counts


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
        assert tar.getnames()[0:9:3] == ["000000000.jpeg", "000000001.png", "000000002.jpg"]


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

def test_coco_is_read_by_pycocotools(workspace, written, capsys):
    coco = COCO(str(written("coco")))
    rows = records(planned_subset(workspace))
    annotations = coco.loadAnns(coco.getAnnIds())
    assert [one["id"] for one in annotations] == [1, 2, 3, 4, 5, 6]
    assert [one["pair"] for one in annotations] == [row["id"] for row in rows]
    for name in ("caption", "weight", *OWN[4:]):
        assert [one[name] for one in annotations] == [row[name] for row in rows]
    assert annotations[2]["source"] == {
        "image": "images/2.jpg", "gender_words": "female", "group.topic": "x", "meta.topic": "y", "width": 3.0, "flag": True,
    }
    images = coco.loadImgs([one["image_id"] for one in annotations])
    assert [image["file_name"] for image in images] == ["images/0.jpg", "images/0.jpg", *(row["image"] for row in rows[2:])]
    assert len(coco.getImgIds()) == 5 and len(coco.getAnnIds(imgIds=[1])) == 2


def test_what_coco_needs_no_photos_for_it_writes_without(tmp_path):
    workspace = cases.workspace(tmp_path / "data", image=None, image_path=None)
    found = json.loads(export_subset(workspace, ExportOptions("coco", str(tmp_path / "c.json"))).read_text(encoding="utf-8"))
    assert [image["file_name"] for image in found["images"]] == [None] * 6


# ------------------------------------------------------------------------------------------------ DataComp

def test_datacomp_uids_are_found_as_its_resharder_looks_them_up(workspace, written):
    path = written("datacomp")
    subset = np.load(path, mmap_mode="r")
    assert subset.dtype == np.dtype("u8,u8")
    kept = {UIDS[i] for i in cases.KEPT_PAIRS}
    for uid in [*UIDS, "0" * 32, "f" * 32]:
        key = np.array([divmod(int(uid, 16), 2**64)], np.dtype("u8,u8"))[0]
        copies = np.searchsorted(subset, key, "right") - np.searchsorted(subset, key, "left")
        assert copies == (uid in kept)


def test_datacomp_weights_lie_beside_in_the_same_order(workspace, written):
    path = written("datacomp")
    weights = np.load(path.with_name("written.weights.npy"))
    assert weights.dtype == np.float32
    uids = [f"{upper:016x}{lower:016x}" for upper, lower in np.load(path).tolist()]
    assert uids == sorted(uids)
    rows = planned_subset(workspace)
    assert dict(zip(uids, weights.tolist(), strict=True)) == dict(zip(rows["id"], rows["weight"].astype("float32"), strict=True))


@pytest.mark.parametrize("bad", ["p4", "0" * 31, "0" * 33, "g" * 32, " " + "0" * 31, "0" * 32 + "\n", "0x" + "0" * 30])
def test_the_first_id_that_is_no_uid_is_named(tmp_path, bad):
    workspace = cases.workspace(tmp_path / "data", id=[*UIDS[:4], bad, *UIDS[5:8], "bad too", UIDS[9]])
    with pytest.raises(ExportError, match=re.escape(f"the id {bad!r} is none") + ".*--id-column"):
        export_subset(workspace, ExportOptions("datacomp", str(tmp_path / "out.npy")))
    assert not [file for file in tmp_path.iterdir() if file.name != "data"]


def test_uids_in_capitals_are_the_same_uids(tmp_path):
    lower, upper = (
        export_subset(cases.workspace(tmp_path / name, id=ids), ExportOptions("datacomp", str(tmp_path / f"{name}.npy")))
        for name, ids in (("lower", UIDS), ("upper", [uid.upper() for uid in UIDS]))
    )
    assert lower.read_bytes() == upper.read_bytes()


# ------------------------------------------------------------------------------------------------ sampler

class Source(Dataset):
    """The table that the pairs were read from, as anybody's dataset."""

    def __len__(self):
        return 10

    def __getitem__(self, row):
        return row


def test_the_sampler_draws_rows_of_the_source_by_their_weights(workspace, written):
    index = np.load(written("sampler"), allow_pickle=False)
    rows = planned_subset(workspace)
    assert index["rows"].tolist() == [UIDS.index(uid) for uid in rows["id"]]
    assert index["weights"].dtype == np.float32 and np.array_equal(index["weights"], rows["weight"].astype("float32"))
    draws = 20_000
    generator = torch.Generator().manual_seed(0)
    sampler = WeightedRandomSampler(index["weights"], draws, generator=generator)
    loader = DataLoader(Subset(Source(), index["rows"]), sampler=sampler, batch_size=1000)
    counts = np.bincount(torch.cat(list(loader)), minlength=10)
    expected = np.zeros(10)
    expected[index["rows"]] = index["weights"] / index["weights"].sum()
    # Five standard deviations of a binomial: one in a million for each of six rows, and none where nothing may be drawn.
    assert (np.abs(counts - draws * expected) <= 5 * np.sqrt(draws * expected * (1 - expected))).all()


# ------------------------------------------------------------------------------------------------ all of them

@pytest.mark.parametrize("form", FORMS_WITH_SIDECAR)
def test_what_the_plan_was_lies_beside(written, form):
    path = written(form)
    told = json.loads(path.with_name("written.plan.json").read_text(encoding="utf-8"))
    assert told["file"] == {"name": "written", "format": form} and told["counts"]["kept"] == 6


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
    with pytest.raises(ExportError, match=rf"photo of the pair '{UIDS[4]}' cannot be read from .*4\.jpg: No such file"):
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
        assert {sample["png"] for sample in samples_of(path)} == expected
    else:
        assert {file.read_bytes() for file in path.rglob("*.png")} == expected


def test_weights_of_all_formats_are_those_of_the_plan(workspace, tmp_path):
    planned = workspace.artifact("plan").table("pairs")["weight"]
    planned = np.sort(planned[planned > 0].to_numpy())

    def found(form):
        path = export_subset(workspace, ExportOptions(form, str(tmp_path / form)))
        return {
            "webdataset": lambda: [json.loads(sample["json"])["weight"] for sample in samples_of(path)],
            "imagefolder": lambda: pd.read_json(path / "metadata.jsonl", lines=True)["weight"],
            "coco": lambda: [one["weight"] for one in json.loads(path.read_text("utf-8"))["annotations"]],
            "datacomp": lambda: np.load(f"{path}.weights.npy"), "sampler": lambda: np.load(path)["weights"],
            "csv": lambda: pd.read_csv(path)["weight"], "parquet": lambda: pd.read_parquet(path)["weight"],
            "jsonl": lambda: pd.read_json(path, lines=True)["weight"],
        }[form]()

    for form in ("jsonl", "csv", "parquet", *FORMS_WITH_SIDECAR):
        assert np.array_equal(np.sort(np.asarray(found(form), np.float32)), planned), form


@pytest.mark.parametrize(("form", "source", "options"), [
    ("webdataset", "", {}), ("imagefolder", "metadata.jsonl", {"id_column": "id"}),
    ("jsonl", "", {"images": "data", "id_column": "id"}), ("parquet", "", {"images": "data", "id_column": "id"}),
    ("coco", "", {"images": "data"}),
])
def test_what_went_out_comes_in_again(folder, tmp_path, form, source, options):
    workspace = cases.workspace(folder)
    name = {"coco": "out.json", "webdataset": "out", "imagefolder": "out"}.get(form, f"out.{form}")
    path = export_subset(workspace, ExportOptions(form, str(tmp_path / name))) / source
    images = {"images": str(tmp_path / options["images"])} if "images" in options else {}
    table = read_pairs(ImportOptions(str(path), holdout=0.7, **options | images), silent, tmp_path).table
    rows = planned_subset(workspace)
    photos = {row["caption"].strip(): digest((folder / row["image"]).read_bytes()) for row in records(rows)}
    assert dict(zip(table["caption"], table["photo"], strict=True)) == photos
    if form in ("imagefolder", "jsonl", "parquet"):
        assert sorted(table["id"]) == sorted(rows["id"])
    weights = dict(zip(table["caption"], table["meta.weight"].astype("float32"), strict=True))
    assert weights == dict(zip(rows["caption"].str.strip(), rows["weight"].astype("float32"), strict=True))
