"""The record of a workspace's jobs: one SQLite table, written by the runners and read by everyone.

The database is in WAL mode, so that a page that polls never makes a runner wait, and every change is one statement, so
that two processes never see half of one. Jobs are ordered by their numbers, never by the clock. A damaged list is set aside and
a new one begun; work that runs goes on and stands in the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from influencespace import databases
from influencespace.errors import JobError
from influencespace.jobs import table
from influencespace.workspace import Workspace

UNFINISHED = ("queued", "running")


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
    reported
        When the work itself last told of its progress, in seconds since the epoch; the heartbeat beats also while it hangs.
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
    reported: float | None = None

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
        return max(0.0, (self.finished or time.time()) - self.started) if self.started else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the step at hand will still take; None where that is not known, or was and has passed."""
        left = self.due - time.time() if self.due else 0.0
        return left if left > 0 else None


class Store:
    """The jobs of one workspace. Every method opens the database anew: processes and threads share nothing else."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._alone: FileLock | None = None

    def insert(self, title: str, commands: list[tuple[str, dict[str, Any]]], decided: str = "") -> int:
        """Add a queued job and return its id.

        Raises
        ------
        JobError
            If a job with the same commands, about the same decisions, waits or runs already, or nothing can be written.
        """
        if not os.access(self.workspace.path, os.W_OK):
            raise JobError(f"The workspace {self.workspace.path} cannot be written, so no work can be begun on it.")
        written = json.dumps(commands)
        # Of two tabs that ask at once one comes second, also when the list itself is still to be made.
        with self._one_at_a_time(), self._open(create=True) as database:
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
        try:
            with self._open() as database:
                return [Job(**row) for row in table.rows(database)]
        except JobError:
            # On a full disk there is no room for the index of a write-ahead log, and yet it can be read.
            with self._open(as_it_is=True) as database:
                return [Job(**row) for row in table.rows(database)]

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

    def check(self) -> list[str]:
        """What is wrong with the file of the list, in a sentence: none or one. It is set aside then."""
        why = databases.damage(self.workspace.jobs, table.TABLE)
        return [] if why is None else [self._begin_anew(why)]

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

    def _one_at_a_time(self) -> FileLock:
        if self._alone is None:
            self._alone = FileLock(self._folder() / "insert.lock")
        return self._alone

    @contextlib.contextmanager
    def _open(self, create: bool = False, as_it_is: bool = False) -> Iterator[sqlite3.Connection]:
        # Opened to read, a list that is gone stays gone: an empty one in its place would hide that. Where nothing can be written
        # nothing changes either, and the shared memory of a write-ahead log cannot be had.
        writable = not as_it_is and os.access(self.workspace.path, os.W_OK)
        mode = "mode=ro&immutable=1" if not writable else "mode=rwc" if create else "mode=rw"
        try:
            with contextlib.closing(
                sqlite3.connect(f"file:{quote(str(self.workspace.jobs))}?{mode}", timeout=10, uri=True)
            ) as database:
                database.row_factory = sqlite3.Row
                if create:
                    table.begin(database)
                with database:
                    yield database
        except sqlite3.Error as error:
            why = databases.damage(self.workspace.jobs, table.TABLE)
            raise JobError(
                f"The list of jobs {self.workspace.jobs} cannot be used: {databases.trouble(self.workspace.jobs, error)}"
                if why is None else self._begin_anew(why)
            ) from error

    def _begin_anew(self, why: str) -> str:
        """Set a damaged list aside and begin a new one, in which what runs still stands; says so in a sentence."""
        file = self.workspace.jobs
        if not os.access(self.workspace.path, os.W_OK):
            return f"The list of jobs {file} is damaged ({why}), and nothing can be written here to mend it."
        with self._one_at_a_time():
            if databases.damage(file, table.TABLE) is not None:  # nobody else was faster
                aside = databases.set_aside(file)
                known = sorted(int(path.stem) for path in self._folder().glob("*.life"))
                told = f"It was damaged ({why}) and lies in {aside.name}; this is a new one. What jobs have made is as it was."
                with self._open(create=True) as database:
                    table.put_back(database, [job_id for job_id in known if self.lives(job_id)], max(known, default=0) + 1, told)
        return f"The list of jobs {file} was damaged ({why}); it was set aside, and a new one begun."

    def lives(self, job_id: int) -> bool:
        """Whether a process holds the job's lock."""
        try:
            with FileLock(self.life(job_id)).acquire(timeout=0):
                return False
        except Timeout:
            return True
