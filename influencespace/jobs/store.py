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
        The stages to run, each with its options as plain JSON values.
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

    @property
    def unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.status in UNFINISHED

    @property
    def fraction(self) -> float:
        """What part of the work at hand is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return (self.finished or time.time()) - self.started if self.started else 0.0


class Store:
    """The jobs of one workspace. Every method opens the database anew: processes and threads share nothing else."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def insert(self, title: str, commands: list[tuple[str, dict[str, Any]]]) -> int:
        """Add a queued job and return its id."""
        values = (title, json.dumps(commands), "queued", time.time())
        with self._open(create=True) as database:
            row = database.execute("INSERT INTO jobs (title, commands, status, submitted) VALUES (?, ?, ?, ?)", values)
            return int(row.lastrowid)

    def all(self) -> list[Job]:
        """All jobs, the latest first."""
        if not self.workspace.jobs.exists():
            return []
        with self._open() as database:
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
        return self.workspace.private("jobs") / f"{job_id}.log"

    def life(self, job_id: int) -> Path:
        """The file that the job's process keeps locked while it lives; the system lets go of it however it ends."""
        return self.workspace.private("jobs") / f"{job_id}.life"

    @contextlib.contextmanager
    def _open(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.workspace.jobs, timeout=10)) as database:
                database.row_factory = sqlite3.Row
                if create:
                    database.execute("PRAGMA journal_mode = WAL")
                    database.execute(SCHEMA)
                with database:
                    yield database
        except sqlite3.Error as error:
            raise JobError(f"The list of jobs {self.workspace.jobs} cannot be used: {error}.") from error


def _job(row: sqlite3.Row) -> Job:
    return Job(**{**dict(row), "commands": json.loads(row["commands"])})
