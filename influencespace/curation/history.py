"""The steps of curation: every change of the plan's options or of a decision is a version, and none is ever lost.

Versions form a tree in one SQLite table that only grows. One of them is the head: its decisions are those of the workspace, and
its options those that the next plan is made with. Undo makes its parent the head, redo the child that was last come from; a
step from there begins a branch. Versions are told apart and ordered by their numbers, which count up whatever the clock does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from influencespace.curation.decisions import settled
from influencespace.curation.ledger import BEGINNING, OUTSIDE, Ledger
from influencespace.curation.options import PlanOptions
from influencespace.curation.versions import HEAD, READ, Version, damage, insert, one, redo_of
from influencespace.errors import PlanError, WorkspaceError
from influencespace.workspace import Workspace

__all__ = ["BEGINNING", "OUTSIDE", "History", "Version"]


class History:
    """The versions of one workspace. Every method opens the database anew: processes and threads share nothing else.

    In a workspace that cannot be written it is read as it is, and where there is none yet the first version is made up.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._ledger = Ledger(workspace)

    def head(self) -> Version:
        """The present version; its decisions are those of the workspace.

        Raises
        ------
        WorkspaceError
            If the history or the decisions cannot be read.
        """
        found = self._ledger.read(HEAD)
        if found and self._ledger.followed(found[0]):
            return found[0]
        if self._ledger.writable():
            with self._ledger.step() as (_, head):
                return head
        if not found:
            return self._ledger.first()
        decisions = self.workspace.decisions()
        return found[0] if found[0].decisions == decisions else replace(found[0], what=OUTSIDE, decisions=decisions)

    def version(self, id_or_name: int | str) -> Version:
        """A version by its number or its name.

        Raises
        ------
        PlanError
            If there is none.
        """
        if isinstance(id_or_name, str) and id_or_name.isdecimal():
            id_or_name = int(id_or_name)
        column = "name" if isinstance(id_or_name, str) else "id"
        head = self.head()
        # SQLite has no whole numbers above this, and no version has such a one.
        there = isinstance(id_or_name, str) or id_or_name <= sys.maxsize
        found = [head] if head.id == id_or_name else self._ledger.read(f"{READ} WHERE {column} = ?", id_or_name) if there else []
        if not found:
            said = repr(id_or_name) if isinstance(id_or_name, str) else id_or_name
            raise PlanError(f"There is no version {said}. All are listed by: python -m influencespace history")
        return found[0]

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        head = self.head()
        return self._ledger.read(f"{READ} ORDER BY id DESC") or [head]

    def record(
        self, what: str, options: PlanOptions, decisions: dict[str, Any], parent: int | None = None
    ) -> Version:
        """Make a step; it becomes the head. A step that changes nothing is none, and gives its parent.

        Parameters
        ----------
        what
            What was done, in a few words for a person.
        options, decisions
            What the plan is made with from now on.
        parent
            The version that it is a step from; None for the head.

        Raises
        ------
        PlanError
            If there is no such parent.
        WorkspaceError
            If the workspace cannot be written.
        """
        return self.change(what, lambda _: (options, decisions), parent)

    def change(
        self, what: str, edit: Callable[[Version], tuple[PlanOptions, dict[str, Any]]], parent: int | None = None
    ) -> Version:
        """Make a step out of what there is when it is made, so that of two who change different things at once neither undoes
        what the other did; else as :meth:`record`.

        Parameters
        ----------
        what, parent
            As of :meth:`record`.
        edit
            ``edit(before)`` gives options and decisions, from the version that it is a step from.
        """
        with self._ledger.step() as (database, head):
            before = head if parent is None else one(database, parent)
            options, decided = edit(before)
            decisions = settled(decided)
            if (before.options, before.decisions) == (options, decisions):
                return before
            return self._ledger.move(database, insert(database, before.id, what, options, decisions))

    def undo(self) -> Version:
        """Take the last step back; returns the version before it.

        Raises
        ------
        PlanError
            If there is none.
        WorkspaceError
            If the workspace cannot be written.
        """
        with self._ledger.step() as (database, head):
            if head.parent is None:
                raise PlanError("There is no step to take back: this is the first version.")
            database.execute("UPDATE versions SET redo = ? WHERE id = ?", (head.id, head.parent))
            return self._ledger.move(database, head.parent)

    def redo(self) -> Version:
        """Make the step again that was last taken back from here; returns the version after it.

        Raises
        ------
        PlanError
            If there is none.
        WorkspaceError
            If the workspace cannot be written.
        """
        with self._ledger.step() as (database, head):
            after = redo_of(database, head.id)
            if after is None:
                raise PlanError("There is no step to make again: none was taken back from this version.")
            return self._ledger.move(database, after)

    def go_to(self, id_or_name: int | str) -> Version:
        """Make any version the head; the others stay.

        Raises
        ------
        PlanError
            If there is none of that number or name.
        WorkspaceError
            If the workspace cannot be written.
        """
        wanted = self.version(id_or_name)
        with self._ledger.step() as (database, _):
            return self._ledger.move(database, wanted.id)

    def name(self, id: int, name: str | None) -> Version:
        """Give a version a name of its own, or take it away (None).

        Raises
        ------
        PlanError
            If there is no such version, another has the name, or it is empty or a number.
        WorkspaceError
            If the workspace cannot be written.
        """
        name = None if name is None else name.strip()
        if name is not None and (not name or name.isdecimal()):
            raise PlanError(f"A version cannot be called {name!r}: a name is a few words, and no number.")
        with self._ledger.step() as (database, _):
            taken = database.execute("SELECT id FROM versions WHERE name = ? AND id != ?", (name, id)).fetchone()
            if taken:
                raise PlanError(f"Version {taken[0]} is called {name!r} already; choose another name, or rename that one.")
            one(database, id)
            database.execute("UPDATE versions SET name = ? WHERE id = ?", (name, id))
            return one(database, id)

    def check(self) -> list[str]:
        """What is wrong with the file of the history, in a sentence: none or one. It is set aside then."""
        why = damage(self.workspace.history)
        return [] if why is None else [self._ledger.begin_anew(why)]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._ledger.writable() and self.head().parent is not None

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back from here."""
        if not self._ledger.writable():
            return False
        head = self.head()
        try:
            with self._ledger.open() as database:
                return redo_of(database, head.id) is not None
        except WorkspaceError:
            return False  # as on a full disk: no step can be made there
