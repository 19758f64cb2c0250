"""The tree of versions: undo, redo, branches and names, and any order of steps beside a model."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from history_cases import PRUNE, step
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from influencespace.curation.history import BEGINNING, History
from influencespace.curation.options import PlanOptions
from influencespace.errors import PlanError
from influencespace.workspace import Workspace


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
TestSteps.settings = settings(max_examples=30, stateful_step_count=15)


def test_a_change_of_an_older_version_is_a_branch_from_it(history):
    first = history.head()
    history.record("prune more", PlanOptions(reduction=0.5), {})
    after = history.change("another cap", lambda before: (replace(before.options, cap=2.0), before.decisions), first.id)
    assert after.parent == first.id
    assert after.options == replace(first.options, cap=2.0)
