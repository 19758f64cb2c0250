"""A fabricated workspace, the app opened on it, and jobs in its list."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from fabricated import fabricate
from filelock import FileLock
from influence_cases import score_again
from streamlit.testing.v1 import AppTest
from train_cases import TRAIN

import influencespace
from influencespace import jobs
from influencespace.curation.history import History
from influencespace.jobs.store import Store
from influencespace.workspace import Workspace

ROOT = Path(influencespace.__file__).parents[1]


@pytest.fixture
def app(tmp_path, monkeypatch):
    """Opens a page of the app on the workspaces of a folder, and keeps what is submitted instead of computing it."""
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(tmp_path))
    submitted = []
    monkeypatch.setattr(jobs, "submit", lambda workspace, commands, title: submitted.append((workspace.name, commands)))

    def open_page(page: str = "clusters") -> AppTest:
        test = AppTest.from_file(str(ROOT / "influencespace" / "ui" / "router.py"), default_timeout=30)
        return test.switch_page(f"../../pages/{page}.py").run()

    open_page.submitted = submitted
    return open_page


@pytest.fixture
def workspace(tmp_path):
    return fabricate(tmp_path / "demo")


@pytest.fixture
def scored(workspace):
    """The workspace with scores as they are written now."""
    score_again(workspace)
    return workspace


@pytest.fixture
def untrained(tmp_path):
    """The workspace before anything was trained on it."""
    workspace = fabricate(tmp_path / "demo", upto="effects")
    History(workspace).head()  # as any page that trains has asked before
    return workspace


@pytest.fixture
def written(tmp_path):
    """Writes a job into a workspace's list as a process would, and holds its lock where it is to live."""
    with contextlib.ExitStack() as held:
        def write(workspace: Workspace, commands=TRAIN, title="Training", **values) -> int:
            store = Store(workspace)
            job_id = store.insert(title, commands, jobs.decided(workspace))
            held.enter_context(FileLock(store.life(job_id)))
            store.update(job_id, pid=1, **values)
            return job_id

        yield write
