"""Every page on a small fabricated workspace: whole, empty, out of date and broken."""

from __future__ import annotations

import pytest
from fabricated import AnyOptions
from page_cases import fine, words

from influencespace import jobs
from influencespace.jobs import Job
from influencespace.ui.road import WORDS
from influencespace.workspace import MADE_BY, Workspace

PAGES = ["data", "clusters", "influence", "curate", "train", "results", "export"]


@pytest.mark.parametrize("page", PAGES)
def test_page_of_an_empty_workspace_is_a_sentence_with_one_button(app, tmp_path, page):
    Workspace(tmp_path / "mine", create=True)
    opened = fine(app(page))
    assert "There are no pairs in this workspace yet." in words(opened)
    expected = ["Open the demo", "Bring them in", "Make it"] if page == "data" else ["Open the demo"]
    assert [button.label for button in opened.button] == expected


def test_first_start_opens_the_demo_by_itself(app, tmp_path):
    opened = fine(app())
    assert app.submitted == [("demo", [("demo", {"seed": 0})])]
    assert (tmp_path / "demo" / "workspace.json").exists()
    assert opened.selectbox(key="workspace").value == "demo"


def test_button_opens_the_demo_beside_an_empty_workspace(app, tmp_path):
    Workspace(tmp_path / "mine", create=True)
    opened = app()
    next(button for button in opened.button if button.label == "Open the demo").click().run()
    assert app.submitted == [("demo", [("demo", {"seed": 0})])]
    assert fine(opened).selectbox(key="workspace").value == "demo"


@pytest.mark.parametrize("page", PAGES)
def test_whole_workspace_shows_every_page(app, workspace, page):
    opened = fine(app(page))
    assert "not there yet" not in words(opened)
    assert not any(word in words(opened).lower() for word in ("gradient", "tensor", "artifact"))


@pytest.mark.parametrize(
    ("page", "made"),
    [("clusters", "clusters"), ("influence", "scores"), ("curate", "scores"), ("train", "scores"), ("export", "plan")],
)
def test_what_is_out_of_date_says_so_and_is_made_again(app, workspace, page, made):
    with workspace.write("pairs", AnyOptions(seed=1)) as draft:
        draft.table("pairs", workspace.artifact("pairs").table("pairs").iloc[:40])
        draft.table("problems", workspace.artifact("pairs").table("problems"))
        draft.facts = workspace.artifact("pairs").facts
    opened = fine(app(page))
    assert "out of date: something before has changed" in words(opened)
    next(button for button in opened.button if button.label == "Bring up to date").click().run()
    # A plan is made with what is asked for when its turn comes.
    options = None if made == "plan" else workspace.artifact(made).record["options"]
    assert app.submitted == [("demo", [(MADE_BY[made], options)])]


@pytest.mark.parametrize("damaged", ["features", "proxy", "clusters", "scores"])
def test_what_is_damaged_on_disk_is_made_anew_from_the_page(app, workspace, damaged):
    (workspace.path / damaged / "artifact.json").write_text("{", encoding="utf-8")
    opened = fine(app("curate"))
    assert f"The {WORDS[damaged][0]} of this workspace are damaged on disk" in words(opened)
    opened.button(key=f"make_{damaged}").click().run()
    assert app.submitted == [("demo", [(MADE_BY[damaged], {})])]


def test_damaged_pairs_lead_to_the_page_where_they_come_in(app, workspace):
    (workspace.path / "pairs" / "artifact.json").write_text("{", encoding="utf-8")
    assert "Bring them into a new one, on the page Data." in words(fine(app("curate")))
    assert "Workspaces" in [header.value for header in fine(app("data")).subheader]


def test_damaged_workspace_is_a_sentence_with_a_button(app, workspace):
    (workspace.path / "clusters" / "artifact.json").write_text("{")
    opened = fine(app())
    assert "The clusters of this workspace are damaged on disk" in words(opened)


def test_fault_of_ours_is_named_without_a_trace(app, workspace, monkeypatch):
    def err(*arguments):
        raise FileNotFoundError("ours")

    monkeypatch.setattr("influencespace.ui.reading._table", err)
    opened = app()
    assert not opened.exception
    assert "A fault of InfluenceSpace itself: FileNotFoundError" in opened.error[0].value
    assert "Traceback" not in opened.error[0].value


def test_running_job_shows_on_every_page_and_can_be_cancelled(app, workspace, monkeypatch):
    cancelled = []
    running = _job(status="running", started=1.0, done=3, total=12, what="arm random, seed 1")
    monkeypatch.setattr(jobs, "active", lambda workspace: running)
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [running])
    monkeypatch.setattr(jobs, "cancel", lambda workspace, job_id: cancelled.append(job_id))
    opened = fine(app("influence"))
    assert opened.get("progress")[0].value == 25
    assert opened.get("progress")[0].text.startswith("**Training** · arm random, seed 1 (3 of 12)")
    next(button for button in opened.button if button.label == "Cancel").click().run()
    assert cancelled == [7]


def test_failed_job_says_why_until_it_is_dismissed(app, workspace, monkeypatch):
    failed = _job(status="failed", message="The encoder 'x' cannot be had.")
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [failed])
    opened = app()
    assert opened.error[0].value == "The encoder 'x' cannot be had."
    next(button for button in opened.button if button.label == "Dismiss").click().run()
    assert not opened.error


def _job(**values) -> Job:
    plain = {
        "id": 7, "title": "Training", "commands": [], "status": "queued", "done": 0, "total": 0, "what": "",
        "message": "", "pid": 1, "submitted": 0.0, "started": None, "heartbeat": None, "cancelled": None,
        "finished": None,
    }
    return Job(**plain | values)
