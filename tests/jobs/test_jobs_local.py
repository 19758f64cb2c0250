"""Jobs are real processes here: they report, queue, fail, crash and are cancelled."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from influencespace import jobs
from influencespace.errors import JobError
from influencespace.jobs.store import Store
from influencespace.workspace import Workspace

DEADLINE = 20.0


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = Workspace(tmp_path / "curation", create=True)
    yield made
    for job in jobs.jobs(made):
        jobs.cancel(made, job.id)
    _until(lambda: jobs.active(made) is None)


def _submit(workspace, *commands, title="Count"):
    return jobs.submit(workspace, commands, title, stages="fake_stages")


def _until(condition, value=True):
    """The condition's answer as soon as it is what is waited for; fails when it never is."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = condition()
        if bool(answer) == value:
            return answer
        time.sleep(0.02)
    pytest.fail("What was waited for did not happen.")


def _ended(workspace, job_id):
    _until(lambda: _job(workspace, job_id).unfinished, value=False)
    return _job(workspace, job_id)


def _job(workspace, job_id):
    return next(job for job in jobs.jobs(workspace) if job.id == job_id)


def test_job_runs_the_stages_in_order_with_their_options(workspace):
    job_id = _submit(workspace, ("demo", {"seed": 7}), ("count", {"to": 3, "words": ["blurred", "twice"]}))
    job = _ended(workspace, job_id)
    assert (job.status, job.message) == ("done", "")
    assert (job.done, job.total, job.what) == (3, 3, "counted")
    assert job.submitted <= job.started <= job.finished
    assert (workspace.path / "demo.txt").read_text() == "7"
    assert (workspace.path / "counted.txt").read_text() == "3 blurred twice tuple\n"
    assert "counting" in jobs.log(workspace, job_id)


def test_progress_is_seen_from_outside_while_it_runs(workspace, tmp_path):
    gate = tmp_path / "gate"
    job_id = _submit(workspace, ("count", {"to": 5, "gate": str(gate)}))
    job = _until(lambda: (found := _job(workspace, job_id)).what == "counting" and found)
    assert (job.status, job.done, job.total, job.fraction) == ("running", 0, 5, 0.0)
    assert _until(lambda: _job(workspace, job_id).heartbeat) >= job.started
    gate.touch()
    assert _ended(workspace, job_id).fraction == 1.0


def test_second_job_waits_for_the_first(workspace, tmp_path):
    gate = tmp_path / "gate"
    first = _submit(workspace, ("count", {"to": 2, "gate": str(gate)}))
    second = _submit(workspace, ("count", {"to": 9}))
    _until(lambda: _job(workspace, first).what == "counting" and _job(workspace, second).pid)
    assert _job(workspace, second).status == "queued"
    assert jobs.active(workspace).id == first
    gate.touch()
    assert _ended(workspace, second).started >= _job(workspace, first).finished
    assert [line[0] for line in (workspace.path / "counted.txt").read_text().splitlines()] == ["2", "9"]


def test_cancelled_job_stops_at_its_next_report(workspace, tmp_path):
    job_id = _submit(workspace, ("count", {"gate": str(tmp_path / "never")}))
    _until(lambda: _job(workspace, job_id).what == "counting")
    jobs.cancel(workspace, job_id)
    assert _ended(workspace, job_id).status == "cancelled"
    assert not (workspace.path / "counted.txt").exists()


def test_cancelled_job_that_never_reports_is_interrupted(workspace, tmp_path):
    job_id = _submit(workspace, ("silent", {}))
    _until((workspace.path / "silent.txt").exists)
    jobs.cancel(workspace, job_id)
    assert _ended(workspace, job_id).status == "cancelled"


def test_cancelled_while_queued_never_starts(workspace, tmp_path):
    gate = tmp_path / "gate"
    first = _submit(workspace, ("count", {"gate": str(gate)}))
    second = _submit(workspace, ("count", {"to": 9}))
    jobs.cancel(workspace, second)
    assert _ended(workspace, second).started is None
    assert _job(workspace, second).status == "cancelled"
    gate.touch()
    assert _ended(workspace, first).status == "done"


def test_failure_says_what_the_stage_said(workspace):
    job = _ended(workspace, _submit(workspace, ("refuse", {})))
    assert (job.status, job.message) == ("failed", "The ratio takes all pairs; choose a smaller one.")


def test_fault_of_ours_is_named_and_its_trace_is_in_the_log_only(workspace):
    job = _ended(workspace, _submit(workspace, ("break", {})))
    assert job.status == "failed"
    assert "ZeroDivisionError" in job.message and "Traceback" not in job.message
    assert "Traceback" in jobs.log(workspace, job.id)


def test_unknown_stage_and_wrong_option_fail_with_a_sentence(workspace):
    first = _submit(workspace, ("bake", {}))
    second = _submit(workspace, ("count", {"to": 0}))
    assert _ended(workspace, first).message == (
        "There is no stage 'bake'; there are count, refuse, break, crash, silent."
    )
    assert _ended(workspace, second).message == "--to must be at least 1, not 0."


def test_killed_process_is_found_out_and_the_next_job_goes_on(workspace, tmp_path):
    first = _submit(workspace, ("count", {"gate": str(tmp_path / "never")}))
    second = _submit(workspace, ("count", {"to": 9}))
    pid = _until(lambda: _job(workspace, first).what == "counting" and _job(workspace, first).pid)
    os.kill(pid, signal.SIGKILL)
    job = _ended(workspace, first)
    assert job.status == "failed"
    assert "killed" in job.message and str(Store(workspace).log(first)) in job.message
    assert _ended(workspace, second).status == "done"


def test_crash_while_no_one_watches_is_found_out_by_the_next_job(workspace):
    first = _submit(workspace, ("crash", {}))
    second = _submit(workspace, ("count", {}))
    assert _ended(workspace, second).status == "done"
    assert _job(workspace, first).status == "failed"


def test_process_that_never_started_is_found_out(workspace, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: _Ended())
    job_id = _submit(workspace, ("count", {}))
    assert _job(workspace, job_id).status == "queued"
    monkeypatch.setattr("influencespace.jobs.local.STARTUP_SECONDS", 0.0)
    assert "did not start" in _job(workspace, job_id).message


def test_no_process_can_be_started(workspace, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(JobError, match="Cannot allocate memory"):
        _submit(workspace, ("count", {}))
    assert jobs.jobs(workspace)[0].status == "failed"


def test_what_has_finished_stays_as_it_is(workspace):
    job_id = _submit(workspace, ("count", {}))
    _ended(workspace, job_id)
    jobs.cancel(workspace, job_id)
    assert not Store(workspace).finish(job_id, "failed", "too late")
    assert (_job(workspace, job_id).status, _job(workspace, job_id).message) == ("done", "")


def test_unknown_job_and_damaged_list_are_sentences(workspace):
    with pytest.raises(JobError, match="has no job 5"):
        jobs.cancel(workspace, 5)
    workspace.jobs.write_text("not a database, and longer than a header of one would be")
    with pytest.raises(JobError, match="cannot be used"):
        jobs.jobs(workspace)
    workspace.jobs.unlink()


def test_job_starts_after_the_one_before_even_if_it_waited_for_the_record(workspace):
    store = Store(workspace)
    first, second = store.insert("First", []), store.insert("Second", [])
    store.claim(first)
    with contextlib.closing(sqlite3.connect(workspace.jobs)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(store.claim, second)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)  # it is asking for its turn, and another writes
        other.execute("UPDATE jobs SET status = 'done', finished = ? WHERE id = ?", (time.time(), first))
        other.commit()
        assert waiting.result()
    assert store.get(second).started >= store.get(first).finished
    store.finish(second, "done")


class _Ended:
    def poll(self):
        return 0
