"""The history beside others who write: nothing is lost, whoever changes the workspace when and by whatever means."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from history_cases import PRUNE, step

from influencespace.curation.decisions import with_decision
from influencespace.curation.history import BEGINNING, OUTSIDE, History
from influencespace.curation.options import PlanOptions
from influencespace.errors import WorkspaceError


def test_decisions_changed_by_other_means_are_a_step_of_their_own(workspace, history):
    step(history, 0.3)
    (workspace.path / "decisions.json").write_text(json.dumps(PRUNE))
    found = history.head()
    assert (found.parent, found.what, found.decisions, found.options.reduction) == (2, OUTSIDE, PRUNE, 0.3)
    assert history.undo().id == 2 and workspace.decisions() == {} and history.redo() == found
    (workspace.path / "decisions.json").unlink()
    assert history.head().decisions == {} and history.head().id == 4


def test_the_options_that_are_asked_for_are_those_of_the_head_again(workspace, history):
    made = step(history, 0.3)
    (workspace.path / "plan_options.json").unlink()
    assert history.head() == made and workspace.asked() == made.options.recipe()


def test_a_step_keeps_what_was_changed_meanwhile_by_other_means(workspace, history):
    before = step(history, 0.3)
    workspace.decide(PRUNE)
    made = step(history, 0.4, {}, parent=before.id)
    assert [version.what for version in history.versions()] == ["to 0.4", OUTSIDE, "to 0.3", BEGINNING]
    assert made.parent == before.id and workspace.decisions() == {}


def test_damaged_decisions_are_an_error_and_change_nothing(workspace, history):
    step(history, 0.3, PRUNE)
    (workspace.path / "decisions.json").write_text("{")
    for attempt in (history.head, history.undo):
        with pytest.raises(WorkspaceError, match=r"decisions\.json.*delete it to start anew"):
            attempt()
    workspace.decide(PRUNE)
    assert history.head().id == 2


def test_where_nothing_can_be_written_it_is_read_as_it_is(workspace, history, monkeypatch):
    def frozen():
        monkeypatch.setattr("influencespace.curation.ledger.os.access", lambda path, mode: False)

    frozen()
    assert history.head().what == BEGINNING and history.versions() == [history.head()] and not workspace.history.exists()
    assert not history.can_undo and not history.can_redo
    monkeypatch.undo()
    made = step(history, 0.3, PRUNE)
    history.undo()
    history.redo()
    frozen()
    assert history.head() == made and [version.id for version in history.versions()] == [2, 1] and history.version(1).id == 1
    for attempt in (history.undo, lambda: step(history, 0.5), lambda: history.go_to(1), lambda: history.name(1, "x")):
        with pytest.raises(WorkspaceError, match="cannot be written"):
            attempt()
    workspace.decide({})
    assert history.head().decisions == {} and history.head().id == 2


def test_a_deleted_workspace_does_not_come_back(workspace, history):
    step(history, 0.3)
    shutil.rmtree(workspace.path)
    with pytest.raises(WorkspaceError):
        step(history, 0.4)
    assert not workspace.path.exists()


def test_the_history_is_a_write_ahead_database(workspace, history):
    step(history, 0.3)
    with sqlite3.connect(workspace.history) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_steps_of_many_threads_and_a_process_are_all_kept(workspace):
    code = (
        "import sys; from influencespace.curation.history import History;"
        "from influencespace.curation.options import PlanOptions;"
        "from influencespace.workspace import Workspace; history = History(Workspace(sys.argv[1]));"
        "[history.record(f'process {i}', PlanOptions(cap=2 + i / 100), {}) for i in range(20)]"
    )
    root = str(Path(__file__).parents[2])
    other = subprocess.Popen([sys.executable, "-c", code, str(workspace.path)], cwd=root)
    mine = [threading.Thread(target=lambda t=t: [
        History(workspace).record(f"thread {t} {i}", PlanOptions(reduction=t / 10 + i / 1000), {"pairs": {f"{t} {i}": "keep"}})
        for i in range(10)
    ]) for t in range(3)]
    for thread in mine:
        thread.start()
    for thread in mine:
        thread.join()
    assert other.wait() == 0
    versions = History(workspace).versions()
    said = [version.what for version in versions]
    assert OUTSIDE not in said and len(said) == len(set(said)) == 1 + 3 * 10 + 20
    assert all(version.parent == version.id - 1 for version in versions[:-1])
    assert workspace.decisions() == versions[0].decisions and workspace.asked() == versions[0].options.recipe()


def test_two_who_change_different_things_at_once_do_not_undo_each_other(workspace):
    begun = threading.Barrier(8)

    def decide(name: str) -> None:
        begun.wait()
        for pair in (f"{name} {i}" for i in range(5)):
            History(workspace).change(
                pair, lambda before, pair=pair: (before.options, with_decision(before.decisions, "pairs", pair, "keep"))
            )

    threads = [threading.Thread(target=decide, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(History(workspace).head().decisions["pairs"]) == {f"{name} {i}" for name in "abcdefgh" for i in range(5)}
    assert workspace.decisions() == History(workspace).head().decisions
