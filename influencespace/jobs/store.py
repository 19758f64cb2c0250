"""The record of a workspace's jobs: one SQLite table, written by the runners and read by everyone.

The database is in WAL mode, so that a page that polls never makes a runner wait, and every change is one statement, so
that two processes never see half of one.
"""

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

from influencespace.errors import JobError
from influencespace.workspace import Workspace

UNFINISHED = ("queued", "running")
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL, commands TEXT NOT NULL, status TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, what TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '', pid INTEGER,
    submitted REAL NOT NULL, started REAL, heartbeat REAL, cancelled REAL, finished REAL
)
"""
# What came later; a list that was begun before gets these columns when the next job is added.
ADDED = {"due": "REAL", "decided": "TEXT NOT NULL DEFAULT ''"}


@dataclass(frozen=True)
class Job:
    """One piece of long work.

    Attributes
    ----------
    id
        Counts up within a workspace: an earlier job has a smaller one.
    title
        What is being done, in a few words for a person.
    commands
        The stages to run, each with its options as plain JSON values, or None for those of when it starts.
    status
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    done, total, what
        The last report of progress; ``total`` is 0 before the first.
    message
        Why it failed, for a person; empty otherwise.
    pid
        The process, once it has started.
    submitted, started, heartbeat, cancelled, finished
        Seconds since the epoch; None for what has not happened. ``cancelled`` is when a person asked for it.
    due
        When the step at hand will be finished at its present pace, in seconds since the epoch; None until that is known.
    decided
        Digest of what the curator had decided when the job was submitted.
    """

    id: int
    title: str
    commands: list[list[Any]]
    status: str
    done: int
    total: int
    what: str
    message: str
    pid: int | None
    submitted: float
    started: float | None
    heartbeat: float | None
    cancelled: float | None
    finished: float | None
    due: float | None = None
    decided: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.status in UNFINISHED

    def does(self, commands: list[tuple[str, dict[str, Any]]]) -> bool:
        """Whether these are its commands, with these options."""
        return json.dumps(self.commands) == json.dumps(commands)

    @property
    def fraction(self) -> float:
        """What part of the work at hand is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return (self.finished or time.time()) - self.started if self.started else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the step at hand will still take; None where that is not known, or was and has passed."""
        left = self.due - time.time() if self.due else 0.0
        return left if left > 0 else None


class Store:
    """The jobs of one workspace. Every method opens the database anew: processes and threads share nothing else."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def insert(self, title: str, commands: list[tuple[str, dict[str, Any]]], decided: str = "") -> int:
        """Add a queued job and return its id.

        Raises
        ------
        JobError
            If a job with the same commands, about the same decisions, waits or runs already.
        """
        written = json.dumps(commands)
        # Of two tabs that ask at once one comes second, also when the list itself is still to be made.
        with FileLock(self._folder() / "insert.lock"), self._open(create=True) as database:
            twin = database.execute(
                "SELECT status FROM jobs WHERE commands = ? AND decided = ? AND cancelled IS NULL AND status IN (?, ?)",
                (written, decided, *UNFINISHED),
            ).fetchone()
            if twin is not None:
                state = "waiting" if twin["status"] == "queued" else "running"
                raise JobError(f"'{title}' is already {state} with the same settings, so it was not started twice.")
            row = database.execute(
                "INSERT INTO jobs (title, commands, decided, status, submitted) VALUES (?, ?, ?, 'queued', ?)",
                (title, written, decided, time.time()),
            )
            return int(row.lastrowid)

    def all(self) -> list[Job]:
        """All jobs, the latest first."""
        if not self.workspace.jobs.exists():
            return []
        with self._open() as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
                return []  # the first job is being added at this moment
            return [_job(row) for row in database.execute("SELECT * FROM jobs ORDER BY id DESC")]

    def get(self, job_id: int) -> Job:
        """One job.

        Raises
        ------
        JobError
            If there is none of that id.
        """
        found = next((job for job in self.all() if job.id == job_id), None)
        if found is None:
            raise JobError(f"{self.workspace.path} has no job {job_id}.")
        return found

    def update(self, job_id: int, **values: Any) -> bool:
        """Change columns of a job that is unfinished; a finished one is left as it is.

        Returns
        -------
        bool
            Whether the job was still unfinished.
        """
        columns = ", ".join(f"{name} = ?" for name in values)
        with self._open() as database:
            row = database.execute(
                f"UPDATE jobs SET {columns} WHERE id = ? AND status IN (?, ?)", (*values.values(), job_id, *UNFINISHED)
            )
            return row.rowcount > 0

    def finish(self, job_id: int, status: str, message: str = "") -> bool:
        """End an unfinished job with a status and, if it failed, the reason."""
        return self.update(job_id, status=status, message=message, finished=time.time())

    def claim(self, job_id: int) -> bool:
        """Set a queued job to running if it is first in the queue; whether it was."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")  # the clock is read in its turn: no job starts before the last one ended
            row = database.execute(
                "UPDATE jobs SET status = 'running', started = ?1 WHERE id = ?2 AND status = 'queued' "
                "AND NOT EXISTS (SELECT 1 FROM jobs WHERE id < ?2 AND status IN ('queued', 'running'))",
                (time.time(), job_id),
            )
            return row.rowcount > 0

    def log(self, job_id: int) -> Path:
        """The file that holds what the job's process prints."""
        return self._folder() / f"{job_id}.log"

    def life(self, job_id: int) -> Path:
        """The file that the job's process keeps locked while it lives; the system lets go of it however it ends."""
        return self._folder() / f"{job_id}.life"

    def _folder(self) -> Path:
        if not self.workspace.path.exists():  # it must not come back as an empty folder with a log in it
            raise JobError(f"The workspace {self.workspace.path} is gone, and its jobs with it.")
        return self.workspace.private("jobs")

    @contextlib.contextmanager
    def _open(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        # Opened to read, a list that is gone stays gone: an empty one in its place would hide that.
        address = f"file:{quote(str(self.workspace.jobs))}?mode={'rwc' if create else 'rw'}"
        try:
            with contextlib.closing(sqlite3.connect(address, timeout=10, uri=True)) as database:
                database.row_factory = sqlite3.Row
                if create:
                    database.execute("PRAGMA journal_mode = WAL")
                    database.execute("BEGIN IMMEDIATE")
                    database.execute(SCHEMA)
                    present = {row["name"] for row in database.execute("PRAGMA table_info(jobs)")}
                    for name in ADDED.keys() - present:
                        database.execute(f"ALTER TABLE jobs ADD COLUMN {name} {ADDED[name]}")
                with database:
                    yield database
        except sqlite3.OperationalError as error:
            raise JobError(f"The list of jobs {self.workspace.jobs} cannot be used: {error}.") from error
        except sqlite3.Error as error:
            raise JobError(
                f"The list of jobs {self.workspace.jobs} cannot be used: {error}. Move it away to begin a new one; "
                "what was made stays."
            ) from error


def _job(row: sqlite3.Row) -> Job:
    return Job(**{**dict(row), "commands": json.loads(row["commands"])})
