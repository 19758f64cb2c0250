"""The page Export in every state: what goes out, where to, and what may not be."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from fabricated import TRAIN, fabricate
from page_cases import fine, words

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.curation.sets import load
from influencespace.export.options import ExportOptions
from influencespace.export.subset import export_subset, prepared
from influencespace.jobs.store import UNFINISHED
from influencespace.ui import export_files, export_panels, selection, served


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    return page


def job(command, status="running", **values):
    plain = {
        "id": 1, "title": "Writing", "status": status, "commands": [[command, values]], "unfinished": status in UNFINISHED,
        "done": 0, "total": 0, "what": "", "fraction": 0.0, "seconds": 0.0, "heartbeat": None, "cancelled": None, "pid": 1,
        "due": None, "message": "", "submitted": 0.0, "started": 0.0, "finished": 0.0,
    }
    return SimpleNamespace(**plain)


@pytest.fixture
def with_jobs(monkeypatch):
    """Lets the workspace have these jobs."""
    monkeypatch.setattr("influencespace.ui.work.strip", lambda workspace: None)
    return lambda *listed: monkeypatch.setattr(jobs, "jobs", lambda workspace: list(listed))


def test_before_there_is_a_plan_one_can_be_made(app, tmp_path):
    fabricate(tmp_path / "demo", upto="scores")
    assert "The plan is not there yet." in words(fine(app("export")))


def test_it_shows_the_first_rows_and_how_much_goes_out(app, workspace):
    opened = fine(app("export"))
    assert len(opened.dataframe[0].value) == 48
    assert (opened.dataframe[0].value["weight"] > 0).all()
    assert [metric.label for metric in opened.metric] == ["Pairs", "Up-weighted", "Size"]
    assert [metric.value for metric in opened.metric][:2] == ["48", "10"]
    assert opened.metric[2].value.startswith("≈ ") and opened.metric[2].value.endswith("kB")
    assert "Version 1 (the beginning) of the plan" in words(opened)
    assert "Written of late" not in words(opened)


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl", "coco", "sampler"])
def test_writing_is_a_job(app, workspace, tmp_path, form):
    opened = app("export")
    opened.session_state["export_format"] = form
    opened.run()
    path = tmp_path / "out" / "subset"
    opened.text_input(key=f"export_to_{form}").set_value(f" {path} ")
    fine(press(opened, "Write the file"))
    options = {"format": form, "output": str(path), "only": "", "overwrite": False, "shard_pairs": 10_000}
    assert app.submitted == [("demo", [("export", options)])]


@pytest.mark.parametrize("form", ["csv", "imagefolder"])
def test_a_format_that_leaves_photos_behind_says_so(app, workspace, monkeypatch, form):
    monkeypatch.setattr("influencespace.export.photos.is_stretch", lambda path: True)
    opened = app("export")
    opened.session_state["export_format"] = form
    assert ("To take them along, export webdataset or imagefolder." in words(fine(opened.run()))) == (form == "csv")


def test_a_folder_of_photos_is_written_and_not_downloaded(app, workspace, tmp_path):
    opened = app("export")
    opened.session_state["export_format"] = "webdataset"
    opened.run()
    opened.number_input(key="export_shard_pairs").set_value(7)
    opened.text_input(key="export_to_webdataset").set_value(str(tmp_path / "shards"))
    assert not opened.get("download_button")
    fine(press(opened, "Write the folder"))
    [(_, [(_, options)])] = app.submitted
    assert (options["format"], options["shard_pairs"]) == ("webdataset", 7)
    assert len(list(export_subset(workspace, ExportOptions(**options)).iterdir())) == 7


def test_a_folder_that_is_there_is_kept_unless_told_otherwise(app, workspace, tmp_path):
    export_subset(workspace, ExportOptions("imagefolder", str(tmp_path / "photos")))
    opened = app("export")
    opened.session_state["export_format"] = "imagefolder"
    opened.run()
    opened.text_input(key="export_to_imagefolder").set_value(str(tmp_path / "photos"))
    press(opened, "Write the folder")
    assert "exists. Name another folder, or switch on “Replace the folder if it exists”" in opened.error[0].value
    opened.toggle(key="export_overwrite").set_value(True)
    fine(press(opened, "Write the folder"))
    assert app.submitted[0][1][0][1]["overwrite"] is True


def test_what_the_pairs_lack_for_a_format_is_a_sentence(app, workspace):
    opened = app("export")
    opened.session_state["export_format"] = "datacomp"
    opened.run()
    assert "uids of 32 hex digits, and the id 'pair-" in opened.error[0].value
    assert not opened.get("download_button")
    assert "Write the file" not in [button.label for button in opened.button]
    assert opened.dataframe


def test_the_first_rows_hold_no_formula_for_the_browser_saves_them_as_csv(app, workspace, monkeypatch):
    subset, head = export_panels._first(workspace, workspace.artifact("plan"))
    hostile = replace(head, rows=head.rows.assign(caption="=HYPERLINK(1)", cluster_name="@A1"))
    monkeypatch.setattr(export_panels, "_first", lambda workspace, plan: (subset, hostile))
    rows = fine(app("export")).dataframe[0].value
    assert set(rows["caption"]) == {"'=HYPERLINK(1)"} and set(rows["cluster_name"]) == {"'@A1"}


def test_the_plan_alone_is_told_from_what_it_was_made_with(app, workspace):
    opened = app("export")
    opened.session_state["export_format"] = "plan"
    fine(opened.run())
    assert "What the plan was" in words(opened)
    assert not opened.metric[2].value.startswith("≈")
    assert ".plan.json" not in words(opened)


@pytest.mark.parametrize(("given", "message"), [
    ("mine.csv", "exists. Name another file"), ("file/below.csv", "cannot be written"), ("demo/x.csv", "inside the workspace"),
    (".", "is a folder"),
    (None, "no file named"),
])
def test_a_bad_destination_is_a_sentence(app, workspace, tmp_path, given, message):
    for name in ("mine.csv", "file"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    opened = app("export")
    opened.text_input(key="export_to_jsonl").set_value("  " if given is None else str(tmp_path / given))
    press(opened, "Write the file")
    assert message in opened.error[0].value
    assert app.submitted == []
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == "mine"


def test_a_file_is_replaced_only_when_told(app, workspace, tmp_path):
    (tmp_path / "mine.jsonl").write_text("mine", encoding="utf-8")
    opened = app("export")
    opened.text_input(key="export_to_jsonl").set_value(str(tmp_path / "mine.jsonl"))
    opened.toggle(key="export_overwrite").set_value(True)
    fine(press(opened, "Write the file"))
    assert app.submitted[0][1][0][1]["overwrite"] is True


def test_a_decision_since_the_plan_was_made_asks_for_a_new_one(app, workspace):
    History(workspace).record("a topic", PlanOptions(reduction=0.3), {"topics": {"0": "prune"}})
    opened = fine(app("export"))
    assert "Something has been decided since the plan was last made." in words(opened)
    fine(press(opened, "Make the plan"))
    assert app.submitted == [("demo", [("plan", None)])]
    assert not opened.dataframe


def test_a_plan_that_is_being_made_is_waited_for(app, workspace, with_jobs):
    workspace.decide({"topics": {"0": "prune"}})
    with_jobs(job("plan"))
    assert "The plan is being made" in words(fine(app("export")))


def test_the_address_of_an_older_version_offers_to_return_to_it(app, workspace):
    first = History(workspace).head()
    History(workspace).record("less", PlanOptions(reduction=0.3), {})
    opened = app("export")
    opened.query_params["version"] = str(first.id)
    fine(opened.run())
    assert "The address shows version 1; what goes out is the present one, version 2 (less)." in words(opened)
    fine(press(opened, "Return to the one shown"))
    assert History(workspace).head().id == first.id
    assert "Version 1 (the beginning) of the plan" in words(opened)


def test_only_what_is_selected_can_go_out(app, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "chosen", lambda workspace: selection.Choice(selection.CLUSTER, "0.0"))
    opened = fine(app("export"))
    kept = int((workspace.artifact("plan").table("pairs")["weight"][: TRAIN].to_numpy()[cluster(workspace) == "0.0"] > 0).sum())
    assert opened.metric[0].value == "48"
    opened.toggle(key="export_only").set_value(True).run()
    assert fine(opened).metric[0].value == str(kept)
    opened.text_input(key="export_to_jsonl").set_value(str(tmp_path / "some.jsonl"))
    fine(press(opened, "Write the file"))
    digest = app.submitted[0][1][0][1]["only"]
    ids = workspace.artifact("pairs").table("pairs")["id"][:TRAIN]
    assert load(workspace, digest).ids.to_pylist() == list(ids[cluster(workspace) == "0.0"])


def cluster(workspace):
    return workspace.artifact("clusters").table("members")["cluster"].to_numpy()


def test_a_small_file_comes_at_once_with_what_it_was_made_with(app, workspace):
    opened = fine(app("export"))
    labels = [button.proto.label for button in opened.get("download_button")]
    assert labels == ["Download subset.jsonl", "and what it was made with"]
    content, told = export_files._content(workspace, "csv", "")
    assert len(content.decode().splitlines()) == 49
    assert b'"kept": 48' in told


def test_a_large_file_is_prepared_by_a_job_and_then_linked(app, workspace, monkeypatch):
    monkeypatch.setattr(export_files, "AT_ONCE", 10)
    opened = fine(app("export"))
    assert not opened.get("download_button")
    old = prepared(workspace, "jsonl").parent.parent / "of another plan"
    old.mkdir(parents=True)
    fine(press(opened, "Prepare the download"))
    [(_, [(command, options)])] = app.submitted
    assert (command, options["output"], options["overwrite"]) == ("export", str(prepared(workspace, "jsonl")), True)
    assert not old.exists()
    export_subset(workspace, ExportOptions(**options))
    links = [link.proto for link in fine(opened.run()).get("link_button")]
    assert links[0].label.startswith("Download subset.jsonl (")
    assert links[0].url.startswith("/-/file/")
    found = served._files.get(links[0].url.removeprefix("/-/file/"))
    assert found == (prepared(workspace, "jsonl"), "subset.jsonl")


def test_what_was_written_is_listed(app, workspace, tmp_path, with_jobs):
    there = tmp_path / "there.csv"
    there.write_text("x" * 1500, encoding="utf-8")
    with_jobs(
        job("export", "queued", output=str(tmp_path / "next.csv")), job("export", "failed", output="/nowhere/x.csv"),
        job("export", "done", output=str(there)), job("export", "done", output=str(tmp_path / "gone.csv")),
        job("export", "done", output=str(workspace.path / "cache" / "x.csv")), job("plan", "done"),
    )
    opened = fine(app("export"))
    table = next(frame.value for frame in opened.dataframe if "State" in frame.value)
    assert list(table["State"]) == ["waits", "failed", "written", "moved or deleted"]
    assert table["Size"][2] == "1.5 kB"
    assert next(button for button in opened.button if button.label == "Write the file").disabled


@pytest.mark.parametrize(("count", "said"), [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (150_000, "150 kB"), (2_340_000, "2.3 MB"), (5e9, "5.0 GB"),
])
def test_bytes_are_said_in_words(count, said):
    assert export_panels.byte_words(count) == said


def test_a_written_csv_is_read_back(workspace, tmp_path):
    path = export_subset(workspace, ExportOptions("csv", str(tmp_path / "subset.csv")))
    assert len(pd.read_csv(path)) == 48
