"""What tests of jobs do with them: submit, wait, and look."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from influencespace import jobs

DEADLINE = 20.0


def submit(workspace, *commands, title="Count"):
    return jobs.submit(workspace, commands, title, stages="fake_stages")


def until(condition, value=True):
    """The condition's answer as soon as it is what is waited for; fails when it never is."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = condition()
        if bool(answer) == value:
            return answer
        time.sleep(0.02)
    pytest.fail("What was waited for did not happen.")


def ended(workspace, job_id):
    until(lambda: job_of(workspace, job_id).unfinished, value=False)
    return job_of(workspace, job_id)


def job_of(workspace, job_id):
    return next(job for job in jobs.jobs(workspace) if job.id == job_id)


def runs(pid):
    """Whether the process is there and not merely waiting for its parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
