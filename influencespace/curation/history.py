"""The steps of curation: every change of the plan's options or of a decision is a version, and none is ever lost.

Versions form a tree in one SQLite table that only grows. One of them is the head: its decisions are those of the workspace, and
its options those that the next plan is made with. Undo makes its parent the head, redo the child that was last come from; a
step from there begins a branch. Two processes or tabs may write at once: each step is one transaction, and what was changed in
``decisions.json`` by other means becomes a step of its own. Versions are told apart and ordered by their numbers, which count
up whatever the clock does. A history whose file was damaged is set aside, and a new one begins with the present decisions.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from filelock import FileLock

from influencespace import databases
from influencespace.curation.decisions import settled
from influencespace.curation.options import PlanOptions
from influencespace.curation.versions import (
    HEAD,
    READ,
    DamagedHistory,
    Version,
    create,
    damage,
    insert,
    now,
    one,
    opened,
    read,
    redo_of,
)
from influencespace.errors import PlanError, WorkspaceError
from influencespace.options import restore
from influencespace.workspace import Workspace

__all__ = ["BEGINNING", "OUTSIDE", "History", "Version"]

BEGINNING = "the beginning"
OUTSIDE = "decisions changed outside the app"


class History:
    """The versions of one workspace. Every method opens the database anew: processes and threads share nothing else.

    In a workspace that cannot be written it is read as it is, and where there is none yet the first version is made up.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def head(self) -> Version:
        """The present version; its decisions are those of the workspace.

        Raises
        ------
        WorkspaceError
            If the history or the decisions cannot be read.
        """
        found = self._read(HEAD)
        if found and self._followed(found[0]):
            return found[0]
        if self._writable():
            with self._step() as (_, head):
                return head
        if not found:
            return self._first()
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
        found = [head] if head.id == id_or_name else self._read(f"{READ} WHERE {column} = ?", id_or_name) if there else []
        if not found:
            said = repr(id_or_name) if isinstance(id_or_name, str) else id_or_name
            raise PlanError(f"There is no version {said}. All are listed by: python -m influencespace history")
        return found[0]

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        head = self.head()
        return self._read(f"{READ} ORDER BY id DESC") or [head]

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
        with self._step() as (database, head):
            before = head if parent is None else one(database, parent)
            options, decided = edit(before)
            decisions = settled(decided)
            if (before.options, before.decisions) == (options, decisions):
                return before
            return self._move(database, insert(database, before.id, what, options, decisions))

    def undo(self) -> Version:
        """Take the last step back; returns the version before it.

        Raises
        ------
        PlanError
            If there is none.
        WorkspaceError
            If the workspace cannot be written.
        """
        with self._step() as (database, head):
            if head.parent is None:
                raise PlanError("There is no step to take back: this is the first version.")
            database.execute("UPDATE versions SET redo = ? WHERE id = ?", (head.id, head.parent))
            return self._move(database, head.parent)

    def redo(self) -> Version:
        """Make the step again that was last taken back from here; returns the version after it.

        Raises
        ------
        PlanError
            If there is none.
        WorkspaceError
            If the workspace cannot be written.
        """
        with self._step() as (database, head):
            after = redo_of(database, head.id)
            if after is None:
                raise PlanError("There is no step to make again: none was taken back from this version.")
            return self._move(database, after)

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
        with self._step() as (database, _):
            return self._move(database, wanted.id)

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
        with self._step() as (database, _):
            taken = database.execute("SELECT id FROM versions WHERE name = ? AND id != ?", (name, id)).fetchone()
            if taken:
                raise PlanError(f"Version {taken[0]} is called {name!r} already; choose another name, or rename that one.")
            one(database, id)
            database.execute("UPDATE versions SET name = ? WHERE id = ?", (name, id))
            return one(database, id)

    def check(self) -> list[str]:
        """What is wrong with the file of the history, in a sentence: none or one. It is set aside then."""
        why = damage(self.workspace.history)
        return [] if why is None else [self._begin_anew(why)]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._writable() and self.head().parent is not None

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back from here."""
        if not self._writable():
            return False
        head = self.head()
        try:
            with self._open() as database:
                return redo_of(database, head.id) is not None
        except WorkspaceError:
            return False  # as on a full disk: no step can be made there

    def _read(self, query: str, *values: Any) -> list[Version]:
        if not self.workspace.history.exists():
            return []
        try:
            with self._open() as database:
                return read(database, query, *values)
        except DamagedHistory as error:
            self._begin_anew(str(error))
            return []
        except WorkspaceError:
            # On a full disk there is no room for the index of a write-ahead log, and yet it can be read.
            with opened(self.workspace.history, writable=False) as database:
                return read(database, query, *values)

    @contextlib.contextmanager
    def _step(self) -> Iterator[tuple[sqlite3.Connection, Version]]:
        """One transaction on the history, and the head as it is when it begins."""
        if not self._writable():
            raise WorkspaceError(f"The workspace {self.workspace.path} cannot be written, so its plan stays as it is.")
        self._read(HEAD)  # a damaged one makes way for a new one
        create(self.workspace.history, self.workspace.private("history"))
        try:
            with self._open() as database:
                database.execute("BEGIN IMMEDIATE")
                with database:
                    yield database, self._settled_head(database)
        except DamagedHistory as error:
            raise WorkspaceError(f"{self._begin_anew(str(error))} Take that step again.") from error

    def _begin_anew(self, why: str) -> str:
        """Set a damaged history aside, so that the next step finds none; says so in a sentence."""
        file = self.workspace.history
        if not self._writable():
            return f"The history {file} is damaged ({why.rstrip('.')}), so present decisions are all there is to see."
        with FileLock(self.workspace.private("history") / "begin.lock"):
            if damage(file) is not None:  # nobody else was faster
                databases.set_aside(file)
        return f"{self._aside()}. A new one begins with the present decisions."

    def _aside(self) -> str:
        """Where damaged histories lie, in words; empty where there are none."""
        there = sorted(self.workspace.path.glob(f"{self.workspace.history.name}.damaged-*[0-9]"))
        return f"The history of before was damaged and lies in {', '.join(file.name for file in there)}" if there else ""

    def _settled_head(self, database: sqlite3.Connection) -> Version:
        """The head, once there is one and it has what was decided by other means."""
        found = read(database, HEAD)
        if not found:
            begun = self._first()
            row_id = insert(database, None, begun.what, begun.options, begun.decisions)
            database.execute("INSERT INTO head VALUES (1, ?)", (row_id,))
            self.workspace.ask(begun.options)
            return one(database, row_id)
        head, decisions = found[0], self.workspace.decisions()
        if head.decisions == decisions:
            self.workspace.ask(head.options)
            return head
        return self._move(database, insert(database, head.id, OUTSIDE, head.options, decisions))

    def _followed(self, head: Version) -> bool:
        """Whether the workspace is at the head."""
        return self.workspace.decisions() == head.decisions and self.workspace.asked() == head.options.recipe()

    def _first(self) -> Version:
        """The version that a workspace without a history is at."""
        asked, plan = self.workspace.asked(), self.workspace.recorded("plan")
        recipe = asked if asked is not None else {} if plan is None else plan["options"]
        options = restore(PlanOptions, recipe)
        what = self._aside() or BEGINNING
        return Version(1, None, now(), what, None, options, self.workspace.decisions())

    def _move(self, database: sqlite3.Connection, id: int) -> Version:
        """Make a version the head, for the workspace too."""
        version = one(database, id)
        database.execute("UPDATE head SET version = ?", (id,))
        # Before the transaction ends: if it fails now, the files are found to differ from the head, and nothing is lost.
        self.workspace.ask(version.options)
        if self.workspace.decisions() != version.decisions:
            self.workspace.decide(version.decisions)
        return version

    def _writable(self) -> bool:
        return os.access(self.workspace.path, os.W_OK)

    def _open(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        return opened(self.workspace.history, self._writable())
