"""Databases of a workspace that were damaged: found out, set aside under another name, never deleted.

Both are small SQLite files that the work itself can do without: what they hold beyond it (versions of the plan, the list of jobs)
is lost for the app and stays in the file that was set aside. SQLite's own check is asked when something fails, and by ``check``.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import quote

# SQLite's write-ahead log and its index belong to the file; left behind, they would be taken for the next one's.
COMPANIONS = ("-wal", "-shm")
# What it answers where a file cannot grow, the log's index above all; and how much a step takes at the most.
NO_ROOM, ROOM = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN), 1_000_000


def trouble(file: Path, error: sqlite3.Error) -> str:
    """What SQLite says, and what to do where that is for want of room on the disk, which it only hints at."""
    free = shutil.disk_usage(file.parent).free
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in NO_ROOM or free > ROOM:
        return f"{error}."
    return (
        f"{error}. Its disk has {free / 1e6:,.1f} MB left: free some, or move the workspace to another disk, and start again. "
        "What was finished before is kept."
    )


def damage(file: Path, table: str) -> str | None:
    """What is wrong with a database that should hold this table, in a few words; None if nothing is, or there is no file."""
    if not file.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", timeout=10, uri=True)) as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                return " ".join(str(found).split())
            present = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            return None if present else f"it has no table {table}"
    except sqlite3.OperationalError:
        return None  # it is busy, or cannot be opened: that is another trouble
    except sqlite3.Error as error:
        return str(error)


def set_aside(file: Path) -> Path:
    """Give a database another name, with what belongs to it; returns where it lies now."""
    aside = next(
        place for number in itertools.count(1) if not (place := file.with_name(f"{file.name}.damaged-{number}")).exists()
    )
    for companion in COMPANIONS:
        own = file.with_name(file.name + companion)
        if own.exists():
            own.rename(aside.with_name(aside.name + companion))
    file.rename(aside)
    return aside
