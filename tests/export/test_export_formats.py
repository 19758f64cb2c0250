"""Every format is read back by its own library and equals the plan, weights included."""

import json
import re

import export_cases as cases
import numpy as np
import pandas as pd
import pytest
import torch
from pycocotools.coco import COCO
from torch.utils.data import DataLoader, Dataset, Subset, WeightedRandomSampler

from influencespace.errors import ExportError
from influencespace.export.options import ExportOptions
from influencespace.export.rows import OWN, records
from influencespace.export.subset import export_subset, planned_subset
from influencespace.pairs.images import digest
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.reading import read_pairs
from influencespace.progress import silent

FORMS_WITH_SIDECAR = ["coco", "webdataset", "imagefolder", "datacomp", "sampler"]


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
    kept = {cases.UIDS[i] for i in cases.KEPT_PAIRS}
    for uid in [*cases.UIDS, "0" * 32, "f" * 32]:
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
    workspace = cases.workspace(tmp_path / "data", id=[*cases.UIDS[:4], bad, *cases.UIDS[5:8], "bad too", cases.UIDS[9]])
    with pytest.raises(ExportError, match=re.escape(f"the id {bad!r} is none") + ".*--id-column"):
        export_subset(workspace, ExportOptions("datacomp", str(tmp_path / "out.npy")))
    assert not [file for file in tmp_path.iterdir() if file.name != "data"]


def test_uids_in_capitals_are_the_same_uids(tmp_path):
    lower, upper = (
        export_subset(cases.workspace(tmp_path / name, id=ids), ExportOptions("datacomp", str(tmp_path / f"{name}.npy")))
        for name, ids in (("lower", cases.UIDS), ("upper", [uid.upper() for uid in cases.UIDS]))
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
    assert index["rows"].tolist() == [cases.UIDS.index(uid) for uid in rows["id"]]
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


def test_the_sampler_names_rows_of_each_split_as_datasets_gives_it(tmp_path):
    files = [("test", 3), ("train", 2), ("test", 1), ("train", 4)]
    workspace = cases.workspace(tmp_path / "data", files, id=cases.UIDS)
    index = np.load(export_subset(workspace, ExportOptions("sampler", str(tmp_path / "out.npz"))), allow_pickle=False)
    by_split = {name: [] for name, _ in files}
    for uid, split in zip(cases.UIDS, [name for name, rows in files for _ in range(rows)], strict=True):
        by_split[split].append(uid)
    found = [by_split[split][row] for split, row in zip(index["split"], index["split_rows"], strict=True)]
    assert found == planned_subset(workspace)["id"].tolist() and {*index["split"]} == {"test", "train"}
    assert found == [cases.UIDS[row] for row in index["rows"]]


# ------------------------------------------------------------------------------------------------ all of them

@pytest.mark.parametrize("form", FORMS_WITH_SIDECAR)
def test_what_the_plan_was_lies_beside(written, form):
    path = written(form)
    told = json.loads(path.with_name("written.plan.json").read_text(encoding="utf-8"))
    assert told["file"] == {"name": "written", "format": form} and told["counts"]["kept"] == 6


def test_weights_of_all_formats_are_those_of_the_plan(workspace, tmp_path):
    planned = workspace.artifact("plan").table("pairs")["weight"]
    planned = np.sort(planned[planned > 0].to_numpy())

    def found(form):
        path = export_subset(workspace, ExportOptions(form, str(tmp_path / form)))
        return {
            "webdataset": lambda: [json.loads(sample["json"])["weight"] for sample in cases.samples_of(path)],
            "imagefolder": lambda: pd.read_json(path / "metadata.jsonl", lines=True)["weight"],
            "coco": lambda: [one["weight"] for one in json.loads(path.read_text("utf-8"))["annotations"]],
            "datacomp": lambda: np.load(f"{path}.weights.npy"), "sampler": lambda: np.load(path)["weights"],
            "csv": lambda: pd.read_csv(path)["weight"], "parquet": lambda: pd.read_parquet(path)["weight"],
            "jsonl": lambda: pd.read_json(path, lines=True)["weight"],
        }[form]()

    for form in ("jsonl", "csv", "parquet", *FORMS_WITH_SIDECAR):
        assert np.array_equal(np.sort(np.asarray(found(form), np.float32)), planned), form


@pytest.mark.parametrize(("form", "source", "options"), [
    ("webdataset", "", {}), ("imagefolder", "", {"id_column": "id"}),
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
