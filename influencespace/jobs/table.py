"""The table of jobs in its database: made, given the columns that came later, read, and begun anew after damage."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

TABLE = "jobs"
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
ADDED = {"due": "REAL", "decided": "TEXT NOT NULL DEFAULT ''", "reported": "REAL"}


def begin(database: sqlite3.Connection) -> None:
    """The table, in a transaction that is left open."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    database.execute(SCHEMA)
    present = {row["name"] for row in database.execute("PRAGMA table_info(jobs)")}
    for name in ADDED.keys() - present:
        database.execute(f"ALTER TABLE jobs ADD COLUMN {name} {ADDED[name]}")


def rows(database: sqlite3.Connection) -> list[dict[str, Any]]:
    """What is known of each job, by column, the latest first."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
        return []  # the first job is being added at this moment
    found = database.execute("SELECT * FROM jobs ORDER BY id DESC")
    return [{**dict(row), "commands": json.loads(row["commands"])} for row in found]


def put_back(database: sqlite3.Connection, running: list[int], note: int, told: str) -> None:
    """Into a new list: the jobs that run, and a note of why it is new, after whose number the next ones count."""
    now = time.time()
    add = (
        "INSERT INTO jobs (id, title, commands, status, message, submitted, started, finished) "
        "VALUES (?, ?, '[]', ?, ?, ?, ?, ?)"
    )
    for job_id in running:
        database.execute(add, (job_id, "Work begun earlier", "running", "", now, now, None))
    database.execute(add, (note, "The list of jobs", "failed", told, now, None, now))
