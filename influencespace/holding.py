"""Who writes a workspace: one process at a time, and whoever comes second is told which it is."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from influencespace.errors import WorkspaceError

HOLDER = ".holder.json"


def hold(folder: Path) -> AbstractContextManager[None]:
    """Take the lock of a workspace at once; what comes back lets go of it at the end of its block.

    Raises
    ------
    WorkspaceError
        If another process has it.
    OSError
        If the folder cannot be written.
    """
    lock, holder = FileLock(folder / ".lock"), folder / HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkspaceError(f"{folder} is being written by {_said_of(holder)}; wait until it is done, or cancel it.") from None
    return _held(lock, holder)


@contextlib.contextmanager
def _held(lock: FileLock, holder: Path) -> Iterator[None]:
    try:
        # The system lets go of the lock with its holder's end, however that comes; the file only says who it is.
        with contextlib.suppress(OSError):
            holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": now()}), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def now() -> str:
    """The time in words that people and machines read: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _said_of(holder: Path) -> str:
    """Which process it is that wrote this file, for a person."""
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"  # it has the lock since a moment ago
