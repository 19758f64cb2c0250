"""A workspace whose jobs do what tests ask for, and are ended with the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs_cases import until

from influencespace import jobs
from influencespace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = Workspace(tmp_path / "curation", create=True)
    yield made
    for job in jobs.jobs(made):
        jobs.cancel(made, job.id)
    until(lambda: jobs.active(made) is None)
