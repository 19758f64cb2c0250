"""Many sessions on a served app at once: nothing that is decided is lost, and who leaves takes his memory with him.

The sessions have no window (``visitor.py``), so these tests need no browser.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from drawn import draw_workspace
from visiting import started
from visitor import Visitor

from influencespace.curation.history import History

pytestmark = pytest.mark.browser
PAIRS, CLUSTERS, SESSIONS = 4000, 40, 6
# Streamlit keeps a session for two minutes, for one whose connection was lost.
KEPT_SECONDS = 125.0


@pytest.fixture
def app(tmp_path):
    """The process of a server, its address and the workspace."""
    workspace = draw_workspace(tmp_path / "drawn", PAIRS, CLUSTERS)
    with started(tmp_path, tmp_path / "server.log") as (server, address):
        yield server, address, workspace


def test_all_who_decide_in_the_same_moment_are_in_the_history_and_none_undoes_another(app):
    _, address, workspace = app
    ready = threading.Barrier(SESSIONS)

    def decide(row: int) -> tuple[list[str], str]:
        visitor = Visitor(address, "workspace=drawn")
        visitor.open("curate")
        visitor.enter("curate_table", json.dumps({"selection": {"rows": [row], "columns": [], "cells": []}}))
        ready.wait()
        visitor.press("triage_keep")
        said = [visitor.words]
        ready.wait()
        visitor.again()
        said.append(visitor.words)
        pruned = visitor.message("curate_panel")["order"]["free"]
        visitor.close()
        return said, pruned

    with ThreadPoolExecutor(SESSIONS) as pool:
        found = list(pool.map(decide, range(SESSIONS)))
    versions = History(workspace).versions()
    assert len(versions) == SESSIONS + 1
    assert len(versions[0].decisions["clusters"]) == SESSIONS
    kept = sum(
        int(row.pairs) for row in workspace.artifact("clusters").table("clusters").itertuples()
        if row.cluster in versions[0].decisions["clusters"]
    )
    for (own, after), free in found:
        assert f"**Version {SESSIONS + 1}**" in after
        assert free == PAIRS - kept
        assert f"**Version {SESSIONS + 1}**" in own or "Changed elsewhere meanwhile" in after
    # Each but the first stood on the step of another, and was told of it then or with the next run.
    told = sum("Changed elsewhere meanwhile" in own + after for (own, after), _ in found)
    assert told >= SESSIONS - 1


@pytest.mark.slow
def test_memory_does_not_grow_with_sessions_that_have_left(app):
    server, address, _ = app

    def visit(_: int) -> None:
        visitor = Visitor(address, "workspace=drawn")
        for page in ("clusters", "influence", "curate", "data"):
            visitor.open(page)
            visitor.fetch()
        visitor.open("curate")
        visitor.press("triage_next")
        visitor.press("triage_prune")
        visitor.close()

    def resident(sessions: int) -> float:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(visit, range(sessions)))
        time.sleep(KEPT_SECONDS)
        visit(0)
        lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))

    before = resident(8)
    assert resident(40) - before < 40  # MB: one for each
