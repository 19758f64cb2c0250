"""A folder is replaced only if an export made it and nothing else lies in it; what pairs came from is in no danger."""

import json
import os
import shutil

import export_cases as cases
import pytest

from influencespace.errors import ExportError
from influencespace.export.options import FOLDERS, ExportOptions
from influencespace.export.sidecar import beside
from influencespace.export.subset import export_subset


@pytest.fixture
def workspace(tmp_path):
    return cases.workspace(tmp_path / "data")


@pytest.fixture(params=FOLDERS)
def form(request):
    return request.param


def files(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def export(workspace, form, path, overwrite=False):
    return export_subset(workspace, ExportOptions(form, str(path), overwrite=overwrite))


def refused(workspace, form, path, message):
    """Not even with --overwrite, and nothing changes."""
    before = files(path.parent)
    with pytest.raises(ExportError, match=message):
        export(workspace, form, path, overwrite=True)
    assert files(path.parent) == before


def test_an_export_is_replaced_when_told(workspace, tmp_path, form):
    path = export(workspace, form, tmp_path / "out")
    before = files(path)
    with pytest.raises(ExportError, match=r"out exists.*--overwrite"):
        export(workspace, form, path)
    cases.write_scores_and_plan(workspace, tmp_path / "data", pruned=[1, 4])
    export(workspace, form, path, overwrite=True)
    assert files(path) != before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data", "out", "out.plan.json"]


def test_one_kind_of_folder_replaces_the_other(workspace, tmp_path):
    export(workspace, "webdataset", tmp_path / "out")
    export(workspace, "imagefolder", tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "metadata.jsonl").exists() and not list((tmp_path / "out").glob("*.tar"))


def test_an_empty_folder_is_as_good_as_none(workspace, tmp_path, form):
    (tmp_path / "out").mkdir()
    assert files(export(workspace, form, tmp_path / "out"))


@pytest.mark.parametrize("name", ["00007.tar", "notes.txt", "sub/00000.tar", "photos/ab/mine.jpg"])
def test_a_folder_that_no_export_has_made_stays(workspace, tmp_path, form, name):
    file = tmp_path / "mine" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine", encoding="utf-8")
    refused(workspace, form, tmp_path / "mine", "is a folder that no export has made")
    beside(tmp_path / "mine").write_text(json.dumps({"file": {"name": "mine", "format": "csv"}}), encoding="utf-8")
    refused(workspace, form, tmp_path / "mine", "is a folder that no export has made")


@pytest.mark.parametrize("name", ["notes.txt", "photos/ab/mine.jpg", ".hidden", "sub/00000.tar"])
def test_an_export_to_which_something_was_added_stays(workspace, tmp_path, form, name):
    path = export(workspace, form, tmp_path / "out")
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_text("mine", encoding="utf-8")
    refused(workspace, form, path, f"holds files that no export has written, such as {os.path.basename(name)}")


def test_a_photo_that_lies_in_an_export_under_its_name_stays(workspace, tmp_path):
    path = export(workspace, "imagefolder", tmp_path / "out")
    file = next(path.rglob("*.jpg"))
    file.unlink()
    os.link(tmp_path / "data" / "images" / "0.jpg", file)
    refused(workspace, "imagefolder", path, "is one of the images of the pairs")


def test_an_export_that_the_pairs_were_read_from_stays(workspace, tmp_path):
    path = export(workspace, "imagefolder", tmp_path / "out")
    with workspace.write("pairs", cases.Options()) as draft:
        draft.table("pairs", cases.pairs(tmp_path / "data"))
        draft.facts["source"] = str(path / "metadata.jsonl")
    refused(workspace, "imagefolder", path, "lies where the pairs came from")


def test_a_file_and_a_link_are_no_folders(workspace, tmp_path, form):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "data" / "images")
    for name in ("file", "link"):
        refused(workspace, form, tmp_path / name, "is a file or a link")


def test_a_place_in_the_workspace_or_the_source_is_refused(workspace, tmp_path, form):
    shutil.rmtree(tmp_path / "data" / "W" / "cache", ignore_errors=True)
    for name, message in (("W/shards", "inside the workspace"), ("", "came from"), ("W", "is a folder")):
        path = tmp_path / "data" / name
        with pytest.raises(ExportError, match=message):
            export(workspace, form, path, overwrite=True)
    assert (tmp_path / "data" / "W" / "workspace.json").exists()
