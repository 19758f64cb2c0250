"""Kill the app's server at random moments while someone decides and trains on its pages, and look whether anything was lost.

    python benchmarks/faults_app.py [--runs 20] [--seed 0] [--json PATH]

Each run copies a small workspace, serves it, and has a visitor (``tests/browser/visitor.py``) choose rows, decide, move sliders,
undo and start a training on the page, until SIGKILL ends the server after a random part of ``SECONDS`` since the visitor came. In
every second run what is being computed is killed with it, as when the machine goes down. Then it looks whether the workspace
can be read and all that was there before is whole, whether every version and every job that a page has told of is there, and
whether a server that is started anew shows the version at which history stands. Work that lives goes on to its end; work that
was killed is started again. What training comes of it must be whole.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkout  # noqa: F401  (puts the project on the path)
from websockets.exceptions import ConnectionClosed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from engine_cases import planted_workspace
from faults import apart
from visiting import started
from visitor import Visitor

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.jobs.store import Store
from influencespace.workspace import NEEDS, Workspace

SECONDS, PATIENCE = 8.0, 120.0
ADDRESS, VERSION = "workspace=workspace", re.compile(r"\*\*Version (\d+)\*\*")
COLUMNS = ("runs", "killed", "readable", "kept", "shown", "trained")
ROWS = 6
"""Clusters of the planted workspace, of which rows are chosen."""


@dataclass
class Told:
    """What pages have told their visitor by the time the server is gone."""

    acts: int = 0
    version: int = 1
    training: bool = False


def main() -> None:
    """Print what came of the runs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    draw, rows = random.Random(asked.seed), []
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template"
        apart(lambda: planted_workspace(template))
        print("".join(f"{name:<10}" for name in ("run", "acts", "versions", "work", *COLUMNS[1:])), flush=True)
        for number in range(asked.runs):
            row = killed(template / "workspace", Path(folder) / str(number), draw, with_work=bool(number % 2))
            rows.append(row)
            print("".join(f"{value!s:<10}" for value in (number + 1, *row.values())), flush=True)
    total = {"runs": len(rows)} | {name: sum(row[name] for row in rows) for name in COLUMNS[1:]}
    total |= {name: sum(row[name] for row in rows) for name in ("acts", "versions", "work")}
    print(", ".join(f"{name} {count}" for name, count in total.items()))
    if asked.json:
        asked.json.write_text(json.dumps(total) + "\n", encoding="utf-8")


def killed(template: Path, folder: Path, draw: random.Random, *, with_work: bool) -> dict[str, Any]:
    """One run: what was told, and what is left of it."""
    workspace = Workspace(shutil.copytree(template, folder / "workspace"))
    before = digests(workspace)
    told, after = Told(), draw.uniform(0, SECONDS)
    with started(folder, folder / "first.log") as (server, address):
        ending = threading.Timer(after, lambda: server.send_signal(signal.SIGKILL))
        ending.start()
        # What a visitor whose server has gone meets.
        with contextlib.suppress(ConnectionClosed, ConnectionError, TimeoutError, EOFError):
            visit(address, draw, told)
        ending.join()
        ended = server.wait() == -signal.SIGKILL
    if with_work:
        for job in jobs.jobs(workspace):
            if job.unfinished and job.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(job.pid, signal.SIGKILL)
    versions = History(workspace).versions()
    trainings = [job for job in jobs.jobs(workspace) if any(name == "train" for name, _ in job.commands)]
    left = digests(workspace)
    return {
        "acts": told.acts, "versions": len(versions), "work": len(trainings), "killed": ended,
        "readable": workspace.check() == {} and sound(workspace) and all(left[name] == digest for name, digest in before.items()),
        "kept": versions[0].id >= told.version and len(trainings) >= told.training,
        "shown": comes_up(folder, History(workspace).head().id), "trained": finished(workspace),
    }


def visit(address: str, draw: random.Random, told: Told) -> None:
    """Work on the pages until the server is gone."""
    visitor = Visitor(address, ADDRESS)
    for act in acts(visitor, draw, told):
        act()
        told.acts += 1
        found = VERSION.search(visitor.words)
        told.version = max(told.version, int(found[1]) if found else 0)


def acts(visitor: Visitor, draw: random.Random, told: Told) -> Iterator[Any]:
    """What is done, one after the other; a training is started once, among the first."""
    train_at = draw.randrange(2, 12)
    yield lambda: visitor.open("curate")
    for number in range(10**6):
        if number == train_at:
            yield lambda: visitor.open("train")
            visitor.waits = False  # for the end of it
            yield lambda: visitor.press("train_start")
            told.training = True
            yield lambda: visitor.open("curate")
        row = draw.randrange(ROWS)
        chosen = json.dumps({"selection": {"rows": [row], "columns": [], "cells": []}})
        yield draw.choice([
            lambda chosen=chosen: visitor.enter("curate_table", chosen),
            lambda: visitor.press(draw.choice(["triage_prune", "triage_keep", "triage_next"])),
            lambda: visitor.step("reduction", draw.random() < 0.5),
            lambda: visitor.press("history_undo"),
        ])


def digests(workspace: Workspace) -> dict[str, str]:
    """What is there; a plan, which the training may have made anew, aside."""
    return {name: found.digest for name in NEEDS if name not in ("plan", "training") and (found := workspace.find(name))}


def sound(workspace: Workspace) -> bool:
    """Whether the databases are whole."""
    for file in workspace.path.glob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(file)) as database:
            if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return False
    return True


def comes_up(folder: Path, version: int) -> bool:
    """Whether a server that is started anew shows that version."""
    with started(folder, folder / "second.log") as (_, address):
        visitor = Visitor(address, ADDRESS)
        visitor.open("curate")
        words = visitor.words
        visitor.close()
    found = VERSION.search(words)
    return found is not None and int(found[1]) == version and "A fault of InfluenceSpace" not in words


def finished(workspace: Workspace) -> bool:
    """Whether all work comes to its end, started again where it was killed, and what it makes is whole."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        last = next(iter(jobs.jobs(workspace)), None)
        if last is None:
            return True
        if not any(job.unfinished for job in jobs.jobs(workspace)):
            if last.status == "done":
                return workspace.check() == {} and workspace.find("training") is not None
            if "was killed" not in last.message:
                return False
            jobs.submit(workspace, [tuple(command) for command in Store(workspace).get(last.id).commands], "Again")
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    main()
