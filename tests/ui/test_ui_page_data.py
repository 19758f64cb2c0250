"""The data page in every state of a workspace: counts, groups, statistics, problems, and the workspaces themselves."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from fabricated import TEST, TRAIN, VALIDATION, AnyOptions, fabricate, rewritten
from page_cases import fine, sent_to, words

from influencespace import jobs
from influencespace.jobs import Job
from influencespace.ui import background, data_panels, workspaces
from influencespace.workspace import Workspace


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """What is worked out beside the page is waited for."""
    monkeypatch.setattr(background, "LITTLE", 30.0)


def _job(commands, status="running", message=""):
    plain = dict.fromkeys(("pid", "started", "heartbeat", "cancelled", "finished"))
    return Job(id=1, title="At work", commands=commands, status=status, done=0, total=1, what="", message=message, submitted=0.0,
               **plain)


def _metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def _press(page, label):
    return next(button for button in page.button if button.label == label).click().run()


# ---- the states of a workspace


def test_without_pairs_there_is_a_sentence_and_the_form(app, tmp_path):
    Workspace(tmp_path / "mine", create=True)
    opened = fine(app("data"))
    assert "There are no pairs in this workspace yet." in words(opened)
    assert [button.label for button in opened.button] == ["Open the demo", "Bring them in", "Make it"]
    assert [text.value for text in opened.text] == ["mine", "empty", "none yet", "49 B", "never"]


def test_while_pairs_come_in_the_page_says_so(app, tmp_path, monkeypatch):
    Workspace(tmp_path / "mine", create=True)
    running = _job([("import", {})])
    monkeypatch.setattr(jobs, "active", lambda _: running)
    monkeypatch.setattr(jobs, "jobs", lambda _: [running])
    assert "The pairs are on the way and will show here." in words(fine(app("data")))


@pytest.mark.parametrize(("upto", "state"), [
    ("pairs", "pairs are in"), ("clusters", "clusters are found"), ("effects", "ready to curate"), ("training", "trained"),
    ("ablations", "settings varied"),
])
def test_counts_and_state(app, tmp_path, upto, state):
    fabricate(tmp_path / "demo", upto=upto)
    opened = fine(app("data"))
    assert list(_metrics(opened).values())[:4] == [str(TRAIN), str(VALIDATION), str(TEST), "2"]
    assert [text.value for text in opened.text][:3] == ["demo", state, "60"]
    cards = sent_to(opened, "data_samples")["cards"]
    assert [cards[0]["pair"], cards[-1]["pair"]] == [0, TRAIN - 1]
    assert cards[0]["caption"] == "A woman with <b>dog</b> number 0"


def test_what_changed_before_says_so_in_the_list(app, workspace):
    with workspace.write("proxy", AnyOptions(seed=1)) as draft:
        draft.array("agreement", np.zeros(TRAIN, dtype=np.float32))
    opened = fine(app("data"))
    assert "trained, out of date" in [text.value for text in opened.text]
    states = opened.dataframe[-1].value.set_index("What")["State"]
    assert states["features"] == "up to date"
    assert states["clusters"] == "out of date"


def test_training_and_its_failure_leave_the_page_as_it_is(app, workspace, monkeypatch):
    for job in (_job([("train", {})]), _job([("train", {})], "failed", "The disk is full.")):
        monkeypatch.setattr(jobs, "active", lambda _, job=job: job if job.unfinished else None)
        monkeypatch.setattr(jobs, "jobs", lambda _, job=job: [job])
        opened = app("data")
        assert not opened.exception
        assert _metrics(opened)["Pairs for training"] == "60"
        assert [error.value for error in opened.error] == ([] if job.unfinished else ["The disk is full."])


# ---- what the pairs are like


def test_statistics_of_captions_and_photos(app, workspace):
    metrics = _metrics(fine(app("data")))
    assert metrics["Words in a caption"] == "6"
    assert metrics["Repeated captions"] == "0.0 %"
    assert metrics["Size"] == "32 × 32"
    assert metrics["File"].endswith(" B")


def test_photos_that_are_gone_are_counted(app, workspace, tmp_path):
    for i in range(10):
        (workspace.path / "images" / f"{i}.png").unlink()
    assert "10 of them cannot be read any more." in words(fine(app("data")))


def test_a_fault_in_the_statistics_is_a_sentence(app, workspace, monkeypatch):
    monkeypatch.setattr("influencespace.ui.statistics_panels.caption_statistics", lambda captions, progress: 1 / 0)
    opened = app("data")
    assert not opened.exception
    assert "A fault of InfluenceSpace itself: ZeroDivisionError" in opened.error[0].value
    assert _metrics(opened)["Size"] == "32 × 32"


def test_groups_are_counted_by_split(app, workspace):
    table = workspace.artifact("pairs").table("pairs")
    counts = data_panels.counted(str(workspace.path / "pairs"), "digest", "group.gender")
    for value in ("woman", "man", "unknown"):
        own, training = table["group.gender"] == value, table["split"] == "train"
        assert counts.loc[value].tolist() == [(own & training).sum(), (own & ~training).sum()]
    figure = json.loads(fine(app("data")).get("plotly_chart")[0].proto.spec)
    assert {bar["name"] for bar in figure["data"]} == {"training", "validation and test"}


def test_many_problems_come_page_by_page_and_kind_by_kind(app, workspace, monkeypatch):
    found = pd.DataFrame({
        "table": "pairs.csv", "row": range(130), "id": "x", "problem": ["empty caption", "unreadable image"] * 65, "detail": "",
        "action": "left out",
    })
    found.to_parquet(workspace.path / "pairs" / "problems.parquet", index=False)
    rewritten(workspace, "pairs")
    opened = fine(app("data"))
    assert len(opened.dataframe[0].value) == data_panels.PROBLEMS
    kinds = opened.selectbox(key="problems_kind")
    assert kinds.options == ["All kinds (130)", "empty caption (65)", "unreadable image (65)"]
    shown = fine(kinds.set_value("empty caption").run()).dataframe[0].value
    assert set(shown["problem"]) == {"empty caption"}


# ---- bringing in, and the workspaces


def test_bringing_in_starts_a_job_in_a_new_workspace(app, workspace):
    opened = app("data")
    opened.text_input(key="bring_in_name").set_value("flickr")
    opened.text_input(key="bring_in_source").set_value("pairs.jsonl")
    opened.multiselect(key="bring_in_groups").set_value(["gender", "age:old,young"])
    opened.text_input(key="bring_in_encoder").set_value("mini-clip")
    _press(opened, "Bring them in")
    assert not opened.exception
    name, commands = app.submitted[0]
    assert name == "flickr"
    assert [command[0] for command in commands] == ["import", "embed", "proxy", "cluster", "score", "plan", "effects"]
    assert commands[0][1]["source"] == "pairs.jsonl"
    assert commands[0][1]["groups"] == ["gender", "age:old,young"]
    assert commands[1][1] == {"encoder": "mini-clip"}
    assert opened.selectbox(key="workspace").value == "flickr"


def test_bringing_in_says_what_is_wrong(app, workspace):
    opened = app("data")
    opened.text_input(key="bring_in_name").set_value("demo")
    opened.text_input(key="bring_in_source").set_value("pairs.jsonl")
    _press(opened, "Bring them in")
    assert "There is a workspace 'demo' already" in opened.error[0].value
    assert app.submitted == []


def test_another_workspace_is_opened_from_the_list(app, workspace, tmp_path):
    fabricate(tmp_path / "other", upto="pairs")
    opened = fine(app("data"))
    assert [text.value for text in opened.text][::5] == ["demo", "other"]
    opened = fine(opened.button(key="open_other").click().run())
    assert opened.selectbox(key="workspace").value == "other"
    assert [text.value for text in opened.text][::5] == ["other", "demo"]


def test_a_new_workspace_is_made_and_opened(app, workspace, tmp_path):
    opened = app("data")
    opened = opened.text_input(key="new_workspace").set_value("fresh").run()
    _press(opened, "Make it")
    assert (tmp_path / "fresh" / "workspace.json").exists()
    assert opened.selectbox(key="workspace").value == "fresh"


def test_a_damaged_workspace_stands_in_the_list(app, workspace, tmp_path):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "workspace.json").write_text("{")
    texts = [text.value for text in fine(app("data")).text]
    assert texts[texts.index("torn") + 1] == "damaged"


def test_a_workspace_deleted_under_the_app_is_a_sentence_and_another_one_opens(app, workspace, tmp_path, monkeypatch):
    fabricate(tmp_path / "other")
    opened = fine(app("data"))
    shutil.rmtree(workspace.path)
    opened = fine(opened.run())
    assert "There is no workspace “demo” in" in opened.warning[0].value
    assert opened.selectbox(key="workspace").value == "other"
    # An element may ask for a run at once; the sentence stays until it can have been read.
    assert "There is no workspace “demo” in" in fine(opened.run()).warning[0].value
    monkeypatch.setattr(workspaces, "READ_SECONDS", 0.0)
    assert not fine(opened.run()).warning


def test_a_workspace_deleted_while_a_page_is_drawn_is_a_sentence(app, workspace, monkeypatch):
    opened = app("data")
    monkeypatch.setattr(workspaces, "choose", lambda root: workspace)
    shutil.rmtree(workspace.path)
    opened = opened.run()
    assert not opened.exception
    assert "has been deleted" in opened.error[-1].value


def test_size_counts_every_file(tmp_path):
    (tmp_path / "w" / "cache").mkdir(parents=True)
    (tmp_path / "w" / "a").write_bytes(b"x" * 1000)
    (tmp_path / "w" / "cache" / "b").write_bytes(b"x" * 234)
    assert workspaces.size(tmp_path, "w") == 1234
    assert [workspaces.in_bytes(n) for n in (0, 999, 1500, 2.5e6, 3.1e9, 4e12)] == [
        "0 B", "999 B", "2 kB", "2 MB", "3.1 GB", "4000.0 GB",
    ]


def test_names_that_no_folder_can_have_are_refused(app, workspace):
    opened = app("data").text_input(key="new_workspace").set_value("../up").run()
    _press(opened, "Make it")
    assert "cannot name a workspace" in opened.error[0].value
