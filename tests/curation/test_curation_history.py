"""The tree of versions: undo, redo, branches, names, and that nothing is lost whoever writes when."""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from influencespace.curation.decisions import with_decision
from influencespace.curation.history import BEGINNING, OUTSIDE, History
from influencespace.curation.options import PlanOptions
from influencespace.errors import PlanError, WorkspaceError
from influencespace.workspace import Workspace

PRUNE = {"clusters": {"0.1": "prune"}}


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "w", create=True)


@pytest.fixture
def history(workspace):
    return History(workspace)


def step(history, reduction, decisions=None, **more):
    return history.record(f"to {reduction}", PlanOptions(reduction=reduction), decisions or {}, **more)


def test_the_first_version_appears_by_itself(workspace, history):
    workspace.decide(PRUNE)
    first = history.head()
    assert (first.id, first.parent, first.what, first.name) == (1, None, BEGINNING, None)
    assert first.options == PlanOptions() and first.decisions == PRUNE
    assert history.head() == first and history.versions() == [first] and not history.can_undo and not history.can_redo


def test_a_step_becomes_the_head_and_the_workspace_follows(workspace, history):
    made = history.record("prune them", PlanOptions(cap=2.0), PRUNE)
    assert history.head() == made and made.parent == 1 and made.what == "prune them"
    assert workspace.decisions() == PRUNE and workspace.asked() == PlanOptions(cap=2.0).recipe()
    assert [version.id for version in history.versions()] == [2, 1]


def test_a_step_that_changes_nothing_is_none(history):
    made = step(history, 0.3, PRUNE)
    assert step(history, 0.3, {"clusters": {"0.1": "prune"}, "topics": {}}) == made
    assert step(history, 0.2, parent=1).id == 1  # the first version, not the head
    assert history.head() == made and len(history.versions()) == 2


def test_undo_and_redo_walk_along_the_steps(workspace, history):
    step(history, 0.3, PRUNE)
    step(history, 0.4)
    assert workspace.decisions() == {} and history.can_undo and not history.can_redo
    assert history.undo().options.reduction == 0.3 and workspace.decisions() == PRUNE and history.can_redo
    assert history.undo().id == 1 and not history.can_undo
    with pytest.raises(PlanError, match="first version"):
        history.undo()
    assert history.redo().id == 2 and history.redo().id == 3
    with pytest.raises(PlanError, match="none was taken back"):
        history.redo()
    assert history.head().id == 3 and workspace.asked()["reduction"] == 0.4


def test_redo_goes_to_the_child_last_come_from_and_branches_stay(history):
    step(history, 0.3)
    history.undo()
    branch = step(history, 0.4)
    assert branch.parent == 1 and not history.can_redo
    history.undo()
    assert history.redo() == branch
    history.undo()
    history.go_to(2)
    history.undo()
    assert history.redo().id == 2
    assert [version.options.reduction for version in history.versions()] == [0.4, 0.3, 0.2]


def test_a_step_from_an_older_version_is_a_branch_from_it(history):
    step(history, 0.3)
    step(history, 0.4, PRUNE)
    branch = history.record("cap", PlanOptions(cap=2.0), {}, parent=1)
    assert branch.parent == 1 and history.head() == branch and history.undo().id == 1


def test_names_are_unique_and_may_be_given_up(history):
    step(history, 0.3)
    assert history.name(1, " for review ").name == "for review" and history.version("for review").id == 1
    with pytest.raises(PlanError, match="Version 1 is called 'for review' already"):
        history.name(2, "for review")
    assert history.name(1, "for review").name == "for review"
    history.name(1, None)
    assert history.name(2, "for review").id == 2 == history.go_to("for review").id
    for wrong in ("", "  ", "12"):
        with pytest.raises(PlanError, match="cannot be called"):
            history.name(1, wrong)


def test_versions_are_found_by_number_too(history):
    step(history, 0.3)
    assert history.version(1) == history.version("1") and history.go_to(1).id == 1
    for wrong in (7, "7", "nothing"):
        with pytest.raises(PlanError, match="There is no version"):
            history.version(wrong)
        with pytest.raises(PlanError, match="There is no version"):
            history.go_to(wrong)
    with pytest.raises(PlanError, match="There is no version 7"):
        history.name(7, "x")
    with pytest.raises(PlanError, match="There is no version 7"):
        step(history, 0.9, parent=7)


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


class Steps(RuleBasedStateMachine):
    """Any order of steps beside a model of plain dictionaries."""

    @initialize(target=None)
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.workspace = Workspace(Path(self.folder.name) / "w", create=True)
        self.history = History(self.workspace)
        self.parent, self.content, self.redone, self.head = {1: None}, {1: (0.2, {})}, {}, 1
        assert self.history.head().id == 1

    @rule(percent=st.integers(0, 4), decided=st.sampled_from([{}, PRUNE]))
    def record(self, percent, decided):
        made = step(self.history, percent / 10, decided)
        if self.content[self.head] != (percent / 10, decided):
            self._added(made.id, (percent / 10, decided))
        assert made.id == self.head

    @rule(decided=st.sampled_from([{}, PRUNE, {"topics": {"1": "keep"}}]))
    def decide(self, decided):
        self.workspace.decide(decided)
        if self.content[self.head][1] != decided:
            self._added(max(self.parent) + 1, (self.content[self.head][0], decided))

    @precondition(lambda self: self.parent[self.head] is not None)
    @rule()
    def undo(self):
        self.redone[self.parent[self.head]] = self.head
        self.head = self.parent[self.head]
        assert self.history.undo().id == self.head

    @precondition(lambda self: self.head in self.redone)
    @rule()
    def redo(self):
        self.head = self.redone[self.head]
        assert self.history.redo().id == self.head

    @rule(data=st.data())
    def go_to(self, data):
        self.head = data.draw(st.sampled_from(sorted(self.parent)))
        assert self.history.go_to(self.head).id == self.head

    @invariant()
    def it_is_as_the_model_says(self):
        head = self.history.head()
        assert (head.id, (head.options.reduction, head.decisions)) == (self.head, self.content[self.head])
        assert self.workspace.decisions() == head.decisions
        found = {version.id: version for version in self.history.versions()}
        assert {id: version.parent for id, version in found.items()} == self.parent
        assert {id: (version.options.reduction, version.decisions) for id, version in found.items()} == self.content
        assert self.history.can_undo == (head.parent is not None) and self.history.can_redo == (head.id in self.redone)

    def teardown(self):
        self.folder.cleanup()

    def _added(self, id, content):
        self.parent[id], self.content[id], self.head = self.head, content, id


TestSteps = Steps.TestCase
TestSteps.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)


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


def test_a_change_of_an_older_version_is_a_branch_from_it(history):
    first = history.head()
    history.record("prune more", PlanOptions(reduction=0.5), {})
    after = history.change("another cap", lambda before: (replace(before.options, cap=2.0), before.decisions), first.id)
    assert after.parent == first.id
    assert after.options == replace(first.options, cap=2.0)
