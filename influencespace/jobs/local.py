"""Jobs as processes of this machine: submit, list, cancel, and find out which have died."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import influencespace
from influencespace.errors import JobError
from influencespace.jobs import roots
from influencespace.jobs.store import UNFINISHED, Job, Store
from influencespace.threads import threads
from influencespace.workspace import Workspace, canonical

STAGES, RUNNER = "influencespace.stages", "influencespace.jobs.runner"
# A process that was started takes its lock within moments; a busy machine gets this long.
STARTUP_SECONDS = 30.0
# A job that is cancelled ends itself within five seconds, unless its process hangs so that none of its threads runs.
KILL_SECONDS = 10.0
# A line of a log is seldom longer, in bytes.
LONGEST_LINE = 500
# The processes started from here, kept until they have ended: a parent must ask for the end of its children.
_children: list[subprocess.Popen] = []


def submit(
    workspace: Workspace, commands: Sequence[tuple[str, dict[str, Any] | None]], title: str, *, stages: str = STAGES
) -> int:
    """Start a job in a process of its own, which goes on when this one ends.

    One job of a workspace runs at a time; a later one waits for those before it.

    Parameters
    ----------
    workspace
        Where the stages read and write.
    commands
        Names of stages, each with its options as plain JSON values; options that are not named have their defaults. None for
        those that it was last run with or, for a plan, those that are asked for when the job starts.
        ``("demo", {"seed": 0})`` draws the demo and takes it up to a plan; ``("export", {"output": FILE})`` writes the
        subset, after the stages named beside it.
    title
        What is being done, in a few words for a person.
    stages
        The module that holds ``STAGES``, ``run_stages`` and ``build_demo``.

    Returns
    -------
    int
        The job's id.

    Raises
    ------
    OptionError
        If an option names a place where this process may not read or write (``roots.py``).
    JobError
        If the same is waiting or running already, the workspace cannot be written, or no process can be started.
    """
    for _, values in commands:
        roots.check(values or {})
    store = Store(workspace)
    jobs(workspace)  # what has died without a word must not stand in the way
    job_id = store.insert(title, list(commands), decided(workspace))
    command = [sys.executable, "-m", RUNNER, str(workspace.path), str(job_id), stages]
    try:
        with store.log(job_id).open("ab") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(), start_new_session=True
            )
        _children.append(child)
    except OSError as error:
        message = f"No process could be started for '{title}': {error.strerror or error}."
        store.finish(job_id, "failed", message)
        raise JobError(message) from error
    return job_id


def decided(workspace: Workspace) -> str:
    """A digest of what the curator has decided up to now: the plan's options, and about which pairs."""
    return hashlib.sha256(canonical([workspace.asked(), workspace.decisions()]).encode()).hexdigest()[:32]


def jobs(workspace: Workspace) -> list[Job]:
    """All jobs of the workspace, the latest first; those whose process has died say so from now on."""
    _children[:] = [child for child in _children if child.poll() is None]
    store = Store(workspace)
    listed = store.all()
    if not os.access(workspace.path, os.W_OK):
        return listed  # to be looked at: nothing can run here, and nothing can be written down
    for job in listed:
        if job.unfinished and job.cancelled and abs(time.time() - job.cancelled) > KILL_SECONDS:
            _kill(store, job)
    dead = [job for job in listed if job.unfinished and not _lives(store, job)]
    for job in dead:
        if job.cancelled:
            store.finish(job.id, "cancelled")
        else:
            store.finish(job.id, "failed", _epitaph(store, job))
    return store.all() if dead else listed


def active(workspace: Workspace) -> Job | None:
    """The job that runs, or else the first that waits; None if there is nothing to do."""
    return next((job for job in reversed(jobs(workspace)) if job.status in UNFINISHED), None)


def cancel(workspace: Workspace, job_id: int) -> None:
    """Ask a job to stop. It does so at its next report of progress; one that does not report is ended after a grace.

    Raises
    ------
    JobError
        If there is no such job.
    """
    store = Store(workspace)
    if store.get(job_id).unfinished:
        store.update(job_id, cancelled=time.time())


def log(workspace: Workspace, job_id: int, lines: int = 40) -> str:
    """The last lines that the job's process has printed; however long the whole is, only its end is read."""
    file = log_file(workspace, job_id)
    if not file.exists():
        return ""
    with file.open("rb") as printed:
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - lines * LONGEST_LINE))
        return "\n".join(printed.read().decode("utf-8", errors="replace").splitlines()[-lines:])


def log_file(workspace: Workspace, job_id: int) -> Path:
    """Where all that the job's process has printed stands; there is none before it has started."""
    return Store(workspace).log(job_id)


def _lives(store: Store, job: Job) -> bool:
    # A clock that was set back must not keep for alive what never started; a little is forgiven.
    return abs(time.time() - job.submitted) < STARTUP_SECONDS if job.pid is None else store.lives(job.id)


def _kill(store: Store, job: Job) -> None:
    """End a job's process that should long have ended itself, and all that it has started."""
    # Its own session, and so its own group, with its own number (submit). Without its lock the number may be another's by now.
    if job.pid and store.lives(job.id) and _is_runner(store, job):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(job.pid, signal.SIGKILL)


def _is_runner(store: Store, job: Job) -> bool:
    """Whether the process of that number runs this job, on this machine."""
    if any(child.pid == job.pid for child in _children):
        return True
    try:
        command = Path(f"/proc/{job.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return all(word.encode() in command for word in (RUNNER, str(store.workspace.path), str(job.id)))


def _epitaph(store: Store, job: Job) -> str:
    if job.pid is None:
        cause = "did not start"
    else:
        cause = "has gone without a word: it was killed, or the machine ran out of memory or power"
    kept = "What was finished before is kept; start it again to go on."
    return f"The process of this job {cause}. {kept} What it printed is in {store.log(job.id)}."


def _environment() -> dict[str, str]:
    """This process' environment, with the package importable and threads left for the pages."""
    root = str(Path(influencespace.__file__).parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**threads(), **os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
