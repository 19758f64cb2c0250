"""A workspace as a folder: who may write it, what was decided in it, and that what is damaged, newer or gone is said."""

import json
import multiprocessing
import shutil

import pytest
from workspace_cases import Made, make, make_road, states

from influencespace.engines import kept
from influencespace.errors import WorkspaceError
from influencespace.workspace import NEEDS, Workspace


def hold(path, ready, done):
    with Workspace(path).lock():
        ready.set()
        done.wait(30)


def test_the_second_who_wants_to_write_is_told_so_at_once(workspace):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(workspace.path, ready, done))
    other.start()
    try:
        assert ready.wait(30)
        said = rf"is being written by process {other.pid} on \S+ since 20\S+Z; wait until"
        with pytest.raises(WorkspaceError, match=said), workspace.lock():
            pytest.fail("two hold the lock")
    finally:
        done.set()
        other.join()
    with workspace.lock():
        pass


def test_two_in_one_process_exclude_each_other_too(workspace):
    with (
        workspace.lock(),
        pytest.raises(WorkspaceError, match="being written by process"),
        Workspace(workspace.path).lock(),
    ):
        pytest.fail("two hold the lock")


def test_the_lock_is_given_back_after_an_error(workspace):
    with pytest.raises(ZeroDivisionError), workspace.lock():
        1 / 0  # noqa: B018
    with workspace.lock():
        pass


def test_a_folder_that_cannot_be_written_is_said_to_be_so(workspace, monkeypatch):
    # Who runs as root may write everything, so that the answer of the system is put in its mouth.
    monkeypatch.setattr("influencespace.workspace.os.access", lambda path, mode: False)
    with pytest.raises(WorkspaceError, match=r"cannot be written: permission denied"), workspace.lock():
        pytest.fail("a read-only workspace was locked")


def test_decisions_make_the_plan_stale_and_taking_them_back_makes_it_current(workspace):
    make_road(workspace)
    workspace.decide({"clusters": {"0.1": "prune"}})
    assert workspace.decisions() == {"clusters": {"0.1": "prune"}}
    assert states(workspace) | dict.fromkeys(("plan", "training", "ablations"), "current") == dict.fromkeys(NEEDS, "current")
    assert workspace.state("plan") == workspace.state("training") == "stale"
    workspace.decide({})
    assert set(states(workspace).values()) == {"current"}


def test_options_that_are_asked_for_make_a_plan_of_others_stale(workspace):
    make_road(workspace)
    assert workspace.asked() is None
    workspace.ask(Made())
    assert workspace.asked() == Made().recipe() and set(states(workspace).values()) == {"current"}
    workspace.ask(Made(level=9.0))
    assert workspace.state("plan") == workspace.state("training") == "stale" and workspace.state("effects") == "current"
    workspace.ask(Made())
    assert set(states(workspace).values()) == {"current"}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_damaged_options_are_an_error_that_names_the_file(workspace, text):
    (workspace.path / "plan_options.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"plan_options\.json.*delete it to go on"):
        workspace.asked()


def test_the_digest_of_a_plan_is_known_before_it_is_made(workspace):
    make_road(workspace)
    decisions = {"clusters": {"0.1": "prune"}}
    before = workspace.plan_digest(Made(level=9.0), decisions)
    assert workspace.plan_digest(Made(), {}) == workspace.artifact("plan").digest != before
    workspace.decide(decisions)
    make(workspace, "plan", Made(level=9.0))
    assert workspace.artifact("plan").digest == before


def test_levels_without_decisions_are_none(workspace):
    workspace.decide({"topics": {}, "sets": [], "pairs": {"p": "keep"}})
    assert workspace.decisions() == {"pairs": {"p": "keep"}}


def test_a_decision_made_while_the_plan_is_made_leaves_that_plan_stale(workspace):
    make_road(workspace)
    with workspace.write("plan", Made()) as draft:
        draft.facts = {"made from": workspace.decisions()}
        workspace.decide({"clusters": {"0.1": "prune"}})
    assert workspace.state("plan") == "stale"


@pytest.mark.parametrize("text", [
    "{", "[]", '"prune"', '{"clusters": ["0.1"]}', '{"pairs": null}', '{"sets": {}}', '{"sets": ["a"]}', '{"sets": [{}]}',
])
def test_decisions_that_are_none_are_an_error_that_names_the_file(workspace, text):
    (workspace.path / "decisions.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"decisions\.json.*delete it to start anew"):
        workspace.decisions()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "new"}', '{"format": null}'])
def test_a_damaged_workspace_is_an_error(workspace, text):
    (workspace.path / "workspace.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"workspace\.json cannot be read"):
        Workspace(workspace.path)


def test_a_workspace_of_a_newer_version_is_left_alone(workspace):
    (workspace.path / "workspace.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(WorkspaceError, match="newer version"):
        Workspace(workspace.path)


def test_only_an_empty_or_a_new_folder_becomes_a_workspace(tmp_path):
    (tmp_path / "empty").mkdir()
    assert Workspace(tmp_path / "empty", create=True).name == "empty"
    assert Workspace(tmp_path / "new" / "deeper", create=True).path.is_dir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for path in ("full", "file"):
        with pytest.raises(WorkspaceError, match="is no workspace; choose a new or an empty folder"):
            Workspace(tmp_path / path, create=True)
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"
    with pytest.raises(WorkspaceError, match=r"is no workspace\. Make one with"):
        Workspace(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_workspace_that_was_deleted_does_not_come_back_as_a_cache(workspace):
    assert workspace.private("thumbnails").is_dir()
    shutil.rmtree(workspace.path)
    with pytest.raises(WorkspaceError, match="is gone"):
        workspace.private("thumbnails")
    assert not workspace.path.exists()


def test_pieces_do_not_bring_back_a_workspace_that_was_deleted(workspace, monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0)
    monkeypatch.setattr(kept, "WORTH", 0)
    pieces = workspace.pieces("pairs", Made())
    pieces.keep("first", {"number": 1})
    shutil.rmtree(workspace.path)
    with pytest.raises(WorkspaceError, match="is gone"):
        pieces.keep("second", {"number": 2})
    assert not workspace.path.exists()
