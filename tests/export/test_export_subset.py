"""Every format holds the kept pairs with all that is known of them, and what must not be overwritten is not."""

import csv
import json
import os
import re

import export_cases as cases
import numpy as np
import pandas as pd
import pytest

from influencespace.curation.sets import save
from influencespace.errors import DamagedError, ExportError, OptionError, WorkspaceError
from influencespace.export.options import FILES, ExportOptions
from influencespace.export.subset import export_subset, planned_subset
from influencespace.options import Options
from influencespace.spreadsheets import original
from influencespace.workspace import Workspace

COLUMNS = [
    "id", "image", "caption", "weight", "topic", "topic_name", "cluster", "cluster_name", "disposition", "reason",
    "gender_words", "group.topic", "meta.topic", "width", "flag",
]


@pytest.fixture
def workspace(tmp_path):
    return cases.workspace(tmp_path / "data")


def lines(path):
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def test_jsonl_by_hand(workspace, tmp_path):
    path = export_subset(workspace, ExportOptions("jsonl", str(tmp_path / "subset.jsonl")))
    found = lines(path)
    assert [row["id"] for row in found] == ["p0", "p1", "p2", "p4", "p5", "p8"]
    assert [row["caption"] for row in found] == [cases.CAPTIONS[i] for i in (0, 1, 2, 4, 5, 8)]
    assert list(found[0]) == COLUMNS
    assert found[2] == {
        "id": "p2", "image": "images/2.jpg", "caption": cases.CAPTIONS[2], "weight": 1.3, "topic": 0,
        "topic_name": "dog, grass", "cluster": "0.1", "cluster_name": "dogs", "disposition": "up-weight",
        "reason": "helps female", "gender_words": "female", "group.topic": "x", "meta.topic": "y", "width": 3.0,
        "flag": True,
    }
    # Neither an absent number nor an infinite one is JSON.
    assert [row["width"] for row in found] == [160.5, None, 3.0, None, 6.0, 9.0]


def test_weights_are_written_short_and_are_the_same_float32(workspace):
    rows = planned_subset(workspace)
    assert rows["weight"].tolist() == [1, 1, 1.3, 1, 1, 1.3]
    planned = workspace.artifact("plan").table("pairs")["weight"]
    assert np.array_equal(rows["weight"].to_numpy(np.float32), planned[planned > 0].to_numpy())


def test_csv_brings_every_caption_back_to_the_letter(workspace, tmp_path):
    path = export_subset(workspace, ExportOptions("csv", str(tmp_path / "subset.csv")))
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == COLUMNS
    assert [original(row["caption"]) for row in found] == planned_subset(workspace)["caption"].tolist()
    assert [float(row["weight"]) for row in found] == [1, 1, 1.3, 1, 1, 1.3]
    back = pd.read_csv(path, keep_default_na=False, na_values={"width": [""]}, dtype={"cluster": str})
    assert back["caption"].map(original).tolist() == planned_subset(workspace)["caption"].tolist()
    assert back["cluster"].tolist() == ["0.0", "0.0", "0.1", "1.0", "1.0", "0.1"]
    assert np.isnan(back["width"][1])


ATTACKS = ['=HYPERLINK("http://e")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-0.5", "'=1", "<script>", "a = b"]


def test_csv_holds_no_formula_wherever_a_text_comes_from(tmp_path):
    workspace = cases.workspace(tmp_path / "data", caption=ATTACKS, image=ATTACKS, **{"meta.=note": ATTACKS})
    members, clusters, topics, *_ = cases.tables()
    with workspace.write("clusters", Options()) as draft:
        draft.table("members", members)
        draft.table("clusters", clusters.assign(name="=A1"))
        draft.table("topics", topics.assign(name="@A1"))
    cases.write_scores_and_plan(workspace, tmp_path / "data")
    path = export_subset(workspace, ExportOptions("csv", str(tmp_path / "subset.csv")))
    with path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))
    numbers = re.compile(r"[+-]?[0-9.]+")
    assert not [cell for row in cells for cell in row if cell[:1] in list("=+-@\t\r") and not numbers.fullmatch(cell)]
    rows = planned_subset(workspace)
    assert [original(name) for name in cells[0]] == list(rows.columns)
    for name, column in zip(cells[0], zip(*cells[1:], strict=True), strict=True):
        if name not in ("weight", "topic", "width", "flag"):
            assert list(map(original, column)) == rows[original(name)].tolist()
    for form in ("jsonl", "parquet"):
        path = export_subset(workspace, ExportOptions(form, str(tmp_path / form)))
        found = lines(path) if form == "jsonl" else pd.read_parquet(path).to_dict("records")
        assert [row["caption"] for row in found] == rows["caption"].tolist()


def test_parquet_equals_the_rows_with_their_types(workspace, tmp_path):
    path = export_subset(workspace, ExportOptions("parquet", str(tmp_path / "subset.parquet")))
    pd.testing.assert_frame_equal(pd.read_parquet(path), planned_subset(workspace))


def test_a_folder_that_is_absent_is_made_and_nothing_else_is_left(workspace, tmp_path):
    path = export_subset(workspace, ExportOptions("jsonl", str(tmp_path / "new" / "deep" / "subset.jsonl")))
    assert sorted(os.listdir(path.parent)) == ["subset.jsonl", "subset.jsonl.plan.json"]


def test_without_an_output_the_file_is_named_by_the_format(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forms = [form for form in FILES if form != "datacomp"]
    assert [export_subset(workspace, ExportOptions(form)).name for form in forms] == [FILES[form] for form in forms]


def test_progress_is_reported_to_its_end(workspace, tmp_path):
    seen = []
    export_subset(workspace, ExportOptions(output=str(tmp_path / "s.jsonl")), lambda *report: seen.append(report))
    assert [report[:2] for report in seen] == [(0, 1), (6, 6), (1, 1)]
    assert seen[1][2] == "writing pairs"


def test_an_existing_file_stays_unless_told_otherwise(workspace, tmp_path):
    path = tmp_path / "subset.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match=r"exists.*--overwrite"):
        export_subset(workspace, ExportOptions(output=str(path)))
    assert path.read_text(encoding="utf-8") == "mine"
    export_subset(workspace, ExportOptions(output=str(path), overwrite=True))
    assert len(lines(path)) == 6


@pytest.mark.parametrize("target, message", [
    ("data/pairs.jsonl", "where the pairs came from"),
    ("link.jsonl", "where the pairs came from"),
    ("data/images/3.jpg", "one of the images"),
    ("hard.jpg", "one of the images"),
    ("data/W/plan/plan.json", "inside the workspace"),
    ("data/images", "is a folder"),
])
def test_what_the_pairs_came_from_is_never_replaced(workspace, tmp_path, target, message):
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "data" / "pairs.jsonl")
    os.link(tmp_path / "data" / "images" / "4.jpg", tmp_path / "hard.jpg")
    before = {f: f.read_bytes() for f in (tmp_path / "data").rglob("*") if f.is_file()}
    with pytest.raises(ExportError, match=message):
        export_subset(workspace, ExportOptions(output=str(tmp_path / target), overwrite=True))
    assert before == {f: f.read_bytes() for f in (tmp_path / "data").rglob("*") if f.is_file()}


def test_a_write_that_fails_leaves_the_old_file_and_no_other(workspace, tmp_path, monkeypatch):
    path = tmp_path / "out" / "subset.jsonl"
    export_subset(workspace, ExportOptions(output=str(path)))
    before = path.read_bytes()

    def full(batches, schema, file):
        file.write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("influencespace.export.subset.write_jsonl", full)
    with pytest.raises(ExportError, match="cannot be written: No space left"):
        export_subset(workspace, ExportOptions(output=str(path), overwrite=True))
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["subset.jsonl", "subset.jsonl.plan.json"]


def test_a_place_below_a_file_is_a_clear_error(workspace, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ExportError, match="cannot be written"):
        export_subset(workspace, ExportOptions(output=str(tmp_path / "file" / "subset.jsonl")))


def test_a_stale_plan_is_refused_with_what_to_do(workspace, tmp_path):
    workspace.decide({"clusters": {"0.0": "prune"}})
    with pytest.raises(ExportError, match=r"stale.*influencespace plan"):
        export_subset(workspace, ExportOptions(output=str(tmp_path / "subset.jsonl")))
    assert not (tmp_path / "subset.jsonl").exists()


@pytest.mark.parametrize(("form", "file"), [("csv", "pairs/pairs.parquet"), ("plan", "plan/plan.json")])
def test_what_is_not_as_it_was_written_does_not_go_out(workspace, tmp_path, form, file):
    content = bytearray((workspace.path / file).read_bytes())
    content[len(content) // 2] ^= 1
    (workspace.path / file).write_bytes(content)
    with pytest.raises(DamagedError, match="holds other bytes than were written"):
        export_subset(workspace, ExportOptions(form, str(tmp_path / "subset")))
    assert not (tmp_path / "subset").exists()


def test_no_plan_yet_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(WorkspaceError, match="influencespace plan"):
        export_subset(Workspace(tmp_path / "W", create=True), ExportOptions(output=str(tmp_path / "subset.jsonl")))


def test_an_unknown_format_is_refused_at_once():
    with pytest.raises(OptionError, match="choose from jsonl, csv, parquet, coco, webdataset"):
        ExportOptions("xlsx")


def test_only_the_pairs_of_a_stored_set_are_written_where_they_are_kept(workspace, tmp_path):
    digest = save(workspace, ["p8", "p3", "p1", "p7"])  # one is pruned, one is held out
    path = export_subset(workspace, ExportOptions(output=str(tmp_path / "some.jsonl"), only=digest))
    assert [row["id"] for row in lines(path)] == ["p1", "p8"]
    assert json.loads(path.with_name("some.jsonl.plan.json").read_text("utf-8"))["only"] == {"set": digest, "pairs": 2}


@pytest.mark.parametrize("form, ids, message", [
    ("jsonl", ["p3"], "keeps none of the selected pairs"), ("plan", ["p1"], "A plan is of all pairs"),
])
def test_a_set_that_leaves_nothing_to_write_is_a_sentence(workspace, tmp_path, form, ids, message):
    with pytest.raises(ExportError, match=message):
        export_subset(workspace, ExportOptions(form, str(tmp_path / "some"), only=save(workspace, ids)))
    assert not (tmp_path / "some").exists()


def test_a_set_that_is_not_stored_is_named(workspace, tmp_path):
    with pytest.raises(ExportError, match="no stored set of pairs 'abc'"):
        export_subset(workspace, ExportOptions(output=str(tmp_path / "some.jsonl"), only="abc"))
