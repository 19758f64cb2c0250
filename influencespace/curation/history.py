"""The steps of curation: every change of the plan's options or of a decision is a version, and none is ever lost.

Versions form a tree in one SQLite table that only grows. One of them is the head: its decisions are those of the workspace, and
its options those that the next plan is made with. Undo makes its parent the head, redo the child that was last come from; a
step from there begins a branch. Two processes or tabs may write at once: each step is one transaction, and what was changed in
``decisions.json`` by other means becomes a step of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from filelock import FileLock

from influencespace.curation.decisions import settled
from influencespace.curation.options import PlanOptions
from influencespace.errors import PlanError, WorkspaceError
from influencespace.options import restore
from influencespace.workspace import Workspace, canonical

BEGINNING = "the beginning"
OUTSIDE = "decisions changed outside the app"
SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES versions, created TEXT NOT NULL, what TEXT NOT NULL,
    name TEXT UNIQUE, options TEXT NOT NULL, decisions TEXT NOT NULL, redo INTEGER REFERENCES versions
);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL REFERENCES versions);
"""
READ = "SELECT id, parent, created, what, name, options, decisions FROM versions"
HEAD = f"{READ} WHERE id = (SELECT version FROM head)"


@dataclass(frozen=True)
class Version:
    """One step: what a plan is to be made with, and what the curator has decided.

    Attributes
    ----------
    id
        Counts up.
    parent
        The version that it was a step from; None for the first.
    created
        UTC, ISO 8601.
    what
        What was done, in a few words.
    name
        What the curator calls it, if anything.
    options, decisions
        What the plan is made with.
    """

    id: int
    parent: int | None
    created: str
    what: str
    name: str | None
    options: PlanOptions
    decisions: dict[str, Any]


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
        decisions = self.workspace.decisions()
        found = self._read(HEAD)
        if found and found[0].decisions == decisions:
            return found[0]
        if not self._writable():
            return replace(found[0], what=OUTSIDE, decisions=decisions) if found else self._first()
        with self._step() as (_, head):
            return head

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
        found = [head] if head.id == id_or_name else self._read(f"{READ} WHERE {column} = ?", id_or_name)
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
        decisions = settled(decisions)
        with self._step() as (database, head):
            before = head if parent is None else self._one(database, parent)
            if (before.options, before.decisions) == (options, decisions):
                return before
            return self._move(database, _insert(database, before.id, what, options, decisions))

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
            after = _redo(database, head.id)
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
            self._one(database, id)
            database.execute("UPDATE versions SET name = ? WHERE id = ?", (name, id))
            return self._one(database, id)

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
        with self._open() as database:
            return _redo(database, head.id) is not None

    def _read(self, query: str, *values: Any) -> list[Version]:
        if not self.workspace.history.exists():
            return []
        with self._open() as database:
            return [_version(row) for row in database.execute(query, values)]

    @contextlib.contextmanager
    def _step(self) -> Iterator[tuple[sqlite3.Connection, Version]]:
        """One transaction on the history, and the head as it is when it begins."""
        if not self._writable():
            raise WorkspaceError(f"The workspace {self.workspace.path} cannot be written, so its plan stays as it is.")
        self._create()
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            with database:
                yield database, self._settled_head(database)

    def _settled_head(self, database: sqlite3.Connection) -> Version:
        """The head, once there is one and it has what was decided by other means."""
        row = database.execute(HEAD).fetchone()
        if row is None:
            begun = self._first()
            row_id = _insert(database, None, begun.what, begun.options, begun.decisions)
            database.execute("INSERT INTO head VALUES (1, ?)", (row_id,))
            self.workspace.ask(begun.options)
            return self._one(database, row_id)
        head, decisions = _version(row), self.workspace.decisions()
        if head.decisions == decisions:
            return head
        return self._move(database, _insert(database, head.id, OUTSIDE, head.options, decisions))

    def _first(self) -> Version:
        """The version that a workspace without a history is at."""
        asked, plan = self.workspace.asked(), self.workspace.find("plan")
        recipe = asked if asked is not None else {} if plan is None else plan.record["options"]
        options = restore(PlanOptions, recipe)
        return Version(1, None, _now(), BEGINNING, None, options, self.workspace.decisions())

    def _move(self, database: sqlite3.Connection, id: int) -> Version:
        """Make a version the head, for the workspace too."""
        version = self._one(database, id)
        database.execute("UPDATE head SET version = ?", (id,))
        # Before the transaction ends: if it fails now, the files are found to differ from the head, and nothing is lost.
        self.workspace.ask(version.options)
        if self.workspace.decisions() != version.decisions:
            self.workspace.decide(version.decisions)
        return version

    def _one(self, database: sqlite3.Connection, id: int) -> Version:
        row = database.execute(f"{READ} WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise PlanError(f"There is no version {id}. All are listed by: python -m influencespace history")
        return _version(row)

    def _writable(self) -> bool:
        return os.access(self.workspace.path, os.W_OK)

    def _create(self) -> None:
        file = self.workspace.history
        if file.exists():
            return
        # Made beside its place, so that nobody finds it half made; of two that begin at once the second finds it there.
        aside = self.workspace.private("history")
        with FileLock(aside / "begin.lock"):
            if file.exists():
                return
            draft = aside / file.name
            draft.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(draft)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(SCHEMA)
            draft.rename(file)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # Where nothing can be written nothing changes either, and WAL's shared memory cannot be had.
        mode = "mode=rw" if self._writable() else "mode=ro&immutable=1"
        address = f"file:{quote(str(self.workspace.history))}?{mode}"
        try:
            with contextlib.closing(sqlite3.connect(address, timeout=30, uri=True, isolation_level=None)) as database:
                yield database
        except sqlite3.Error as error:
            raise WorkspaceError(f"The history {self.workspace.history} cannot be used: {error}.") from error


def _insert(
    database: sqlite3.Connection, parent: int | None, what: str, options: PlanOptions, decisions: dict[str, Any]
) -> int:
    row = database.execute(
        "INSERT INTO versions (parent, created, what, options, decisions) VALUES (?, ?, ?, ?, ?)",
        (parent, _now(), what, canonical(options.recipe()), canonical(decisions)),
    )
    return int(row.lastrowid)


def _redo(database: sqlite3.Connection, id: int) -> int | None:
    return database.execute("SELECT redo FROM versions WHERE id = ?", (id,)).fetchone()[0]


def _version(row: tuple) -> Version:
    id, parent, created, what, name, options, decisions = row
    return Version(id, parent, created, what, name, restore(PlanOptions, json.loads(options)), json.loads(decisions))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
