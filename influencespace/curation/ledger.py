"""The table of versions of one workspace, and the workspace kept at its head.

Two processes or tabs may write at once: each step is one transaction, and what was changed in ``decisions.json`` by other means
becomes a step of its own. A history whose file was damaged is set aside, and a new one begins with the present decisions.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import Any

from filelock import FileLock

from influencespace import databases
from influencespace.curation.options import PlanOptions
from influencespace.curation.versions import HEAD, DamagedHistory, Version, create, damage, insert, now, one, opened, read
from influencespace.errors import WorkspaceError
from influencespace.options import restore
from influencespace.workspace import Workspace

BEGINNING = "the beginning"
OUTSIDE = "decisions changed outside the app"


class Ledger:
    """Reads and steps of the history of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def read(self, query: str, *values: Any) -> list[Version]:
        """The versions that a query finds; a damaged history is set aside, and has none."""
        if not self.workspace.history.exists():
            return []
        try:
            with self.open() as database:
                return read(database, query, *values)
        except DamagedHistory as error:
            self.begin_anew(str(error))
            return []
        except WorkspaceError:
            # On a full disk there is no room for the index of a write-ahead log, and yet it can be read.
            with opened(self.workspace.history, writable=False) as database:
                return read(database, query, *values)

    @contextlib.contextmanager
    def step(self) -> Iterator[tuple[sqlite3.Connection, Version]]:
        """One transaction on the history, and the head as it is when it begins."""
        if not self.writable():
            raise WorkspaceError(f"The workspace {self.workspace.path} cannot be written, so its plan stays as it is.")
        self.read(HEAD)  # a damaged one makes way for a new one
        create(self.workspace.history, self.workspace.private("history"))
        try:
            with self.open() as database:
                database.execute("BEGIN IMMEDIATE")
                with database:
                    yield database, self._settled_head(database)
        except DamagedHistory as error:
            raise WorkspaceError(f"{self.begin_anew(str(error))} Take that step again.") from error

    def begin_anew(self, why: str) -> str:
        """Set a damaged history aside, so that the next step finds none; says so in a sentence."""
        file = self.workspace.history
        if not self.writable():
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
            begun = self.first()
            row_id = insert(database, None, begun.what, begun.options, begun.decisions)
            database.execute("INSERT INTO head VALUES (1, ?)", (row_id,))
            self.workspace.ask(begun.options)
            return one(database, row_id)
        head, decisions = found[0], self.workspace.decisions()
        if head.decisions == decisions:
            self.workspace.ask(head.options)
            return head
        return self.move(database, insert(database, head.id, OUTSIDE, head.options, decisions))

    def followed(self, head: Version) -> bool:
        """Whether the workspace is at the head."""
        return self.workspace.decisions() == head.decisions and self.workspace.asked() == head.options.recipe()

    def first(self) -> Version:
        """The version that a workspace without a history is at."""
        asked, plan = self.workspace.asked(), self.workspace.recorded("plan")
        recipe = asked if asked is not None else {} if plan is None else plan["options"]
        options = restore(PlanOptions, recipe)
        what = self._aside() or BEGINNING
        return Version(1, None, now(), what, None, options, self.workspace.decisions())

    def move(self, database: sqlite3.Connection, id: int) -> Version:
        """Make a version the head, for the workspace too."""
        version = one(database, id)
        database.execute("UPDATE head SET version = ?", (id,))
        # Before the transaction ends: if it fails now, the files are found to differ from the head, and nothing is lost.
        self.workspace.ask(version.options)
        if self.workspace.decisions() != version.decisions:
            self.workspace.decide(version.decisions)
        return version

    def writable(self) -> bool:
        """Whether steps can be made."""
        return os.access(self.workspace.path, os.W_OK)

    def open(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """The database, opened for one purpose."""
        return opened(self.workspace.history, self.writable())
