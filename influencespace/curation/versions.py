"""The table of versions: one row a version in SQLite, and which of them is the head."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock

from influencespace import databases
from influencespace.curation.options import PlanOptions
from influencespace.errors import PlanError, WorkspaceError
from influencespace.options import restore
from influencespace.workspace import canonical

SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES versions, created TEXT NOT NULL, what TEXT NOT NULL,
    name TEXT UNIQUE, options TEXT NOT NULL, decisions TEXT NOT NULL, redo INTEGER REFERENCES versions
);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL REFERENCES versions);
"""
TABLE = "versions"
READ = "SELECT id, parent, created, what, name, options, decisions FROM versions"
HEAD = f"{READ} WHERE id = (SELECT version FROM head)"


class DamagedHistory(WorkspaceError):
    """The file of the history is broken."""


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


def create(file: Path, aside: Path) -> None:
    """Make an empty table at ``file``, unless there is one; ``aside`` is a folder to make it in."""
    if file.exists():
        return
    # Made aside, so that nobody finds it half made; of two that begin at once the second finds it there.
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
def opened(file: Path, writable: bool) -> Iterator[sqlite3.Connection]:
    """The database, without a transaction.

    Raises
    ------
    DamagedHistory
        If it is broken.
    WorkspaceError
        If it cannot be used for another reason.
    """
    # Where nothing can be written nothing changes either, and WAL's shared memory cannot be had.
    address = f"file:{quote(str(file))}?{'mode=rw' if writable else 'mode=ro&immutable=1'}"
    try:
        with contextlib.closing(sqlite3.connect(address, timeout=30, uri=True, isolation_level=None)) as database:
            yield database
    except sqlite3.Error as error:
        why = databases.damage(file, TABLE)
        if why is not None:
            raise DamagedHistory(f"The history {file} is damaged: {why}.") from error
        raise WorkspaceError(f"The history {file} cannot be used: {databases.trouble(file, error)}") from error


def damage(file: Path) -> str | None:
    """What is wrong with a history, in a few words, also where SQLite takes it for whole; None if nothing is."""
    why = databases.damage(file, TABLE)
    if why is None and file.exists():
        try:
            with opened(file, writable=False) as database:
                read(database, READ)
        except DamagedHistory as error:
            return str(error)
    return why


def read(database: sqlite3.Connection, query: str, *values: Any) -> list[Version]:
    """The versions that a query beginning with ``READ`` finds."""
    return [_version(row) for row in database.execute(query, values)]


def one(database: sqlite3.Connection, id: int) -> Version:
    """A version by its number.

    Raises
    ------
    PlanError
        If there is none.
    """
    found = read(database, f"{READ} WHERE id = ?", id)
    if not found:
        raise PlanError(f"There is no version {id}. All are listed by: python -m influencespace history")
    return found[0]


def insert(
    database: sqlite3.Connection, parent: int | None, what: str, options: PlanOptions, decisions: dict[str, Any]
) -> int:
    """Add a version; returns its number."""
    row = database.execute(
        "INSERT INTO versions (parent, created, what, options, decisions) VALUES (?, ?, ?, ?, ?)",
        (parent, now(), what, canonical(options.recipe()), canonical(decisions)),
    )
    return int(row.lastrowid)


def redo_of(database: sqlite3.Connection, id: int) -> int | None:
    """The child that was last come from, if any."""
    return database.execute("SELECT redo FROM versions WHERE id = ?", (id,)).fetchone()[0]


def now() -> str:
    """UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _version(row: tuple) -> Version:
    id, parent, created, what, name, options, decisions = row
    try:
        plain, decided = json.loads(options), json.loads(decisions)
    except (TypeError, ValueError) as error:
        raise DamagedHistory(f"What version {id} was made with cannot be read: {error}.") from None
    return Version(id, parent, created, what, name, restore(PlanOptions, plain), decided)
