"""A fabricated workspace and the app opened on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabricated import fabricate
from influence_cases import score_again
from streamlit.testing.v1 import AppTest

import influencespace
from influencespace import jobs

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
