"""Jobs are real processes here: they report, queue, fail, crash and are cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from jobs_cases import ended, job_of, runs, submit, until

from influencespace import jobs
from influencespace.errors import JobError
from influencespace.jobs.store import Store


def test_job_runs_the_stages_in_order_with_their_options(workspace):
    job_id = submit(workspace, ("demo", {"seed": 7}), ("count", {"to": 3, "words": ["blurred", "twice"]}))
    job = ended(workspace, job_id)
    assert (job.status, job.message) == ("done", "")
    assert (job.done, job.total, job.what) == (3, 3, "counted")
    assert job.submitted <= job.started <= job.finished
    assert (workspace.path / "demo.txt").read_text() == "7"
    assert (workspace.path / "counted.txt").read_text() == "3 blurred twice tuple\n"
    assert "counting" in jobs.log(workspace, job_id)


def test_progress_is_seen_from_outside_while_it_runs(workspace, tmp_path):
    gate = tmp_path / "gate"
    job_id = submit(workspace, ("count", {"to": 5, "gate": str(gate)}))
    job = until(lambda: (found := job_of(workspace, job_id)).what == "counting" and found)
    assert (job.status, job.done, job.total, job.fraction) == ("running", 0, 5, 0.0)
    assert until(lambda: job_of(workspace, job_id).heartbeat) >= job.started
    gate.touch()
    assert ended(workspace, job_id).fraction == 1.0


def test_second_job_waits_for_the_first(workspace, tmp_path):
    gate = tmp_path / "gate"
    first = submit(workspace, ("count", {"to": 2, "gate": str(gate)}))
    second = submit(workspace, ("count", {"to": 9}))
    until(lambda: job_of(workspace, first).what == "counting" and job_of(workspace, second).pid)
    assert job_of(workspace, second).status == "queued"
    assert jobs.active(workspace).id == first
    gate.touch()
    assert ended(workspace, second).started >= job_of(workspace, first).finished
    assert [line[0] for line in (workspace.path / "counted.txt").read_text().splitlines()] == ["2", "9"]


def test_cancelled_job_stops_at_its_next_report(workspace, tmp_path):
    job_id = submit(workspace, ("count", {"gate": str(tmp_path / "never")}))
    until(lambda: job_of(workspace, job_id).what == "counting")
    jobs.cancel(workspace, job_id)
    assert ended(workspace, job_id).status == "cancelled"
    assert not (workspace.path / "counted.txt").exists()


def test_cancelled_job_that_never_reports_is_interrupted(workspace, tmp_path):
    job_id = submit(workspace, ("silent", {}))
    until((workspace.path / "silent.txt").exists)
    jobs.cancel(workspace, job_id)
    job = ended(workspace, job_id)
    assert job.status == "cancelled"
    assert job.finished - job.cancelled < 5


def test_cancelled_job_that_cannot_even_be_interrupted_is_left_where_it_stands(workspace):
    job_id = submit(workspace, ("deaf", {}))
    pid = until(lambda: (workspace.path / "deaf.txt").exists() and job_of(workspace, job_id).pid)
    jobs.cancel(workspace, job_id)
    job = ended(workspace, job_id)
    assert job.status == "cancelled"
    assert job.finished - job.cancelled < 5
    until(lambda: runs(pid), value=False)


def test_cancelled_while_queued_never_starts(workspace, tmp_path):
    gate = tmp_path / "gate"
    first = submit(workspace, ("count", {"gate": str(gate)}))
    second = submit(workspace, ("count", {"to": 9}))
    jobs.cancel(workspace, second)
    assert ended(workspace, second).started is None
    assert job_of(workspace, second).status == "cancelled"
    gate.touch()
    assert ended(workspace, first).status == "done"


def test_failure_says_what_the_stage_said(workspace):
    job = ended(workspace, submit(workspace, ("refuse", {})))
    assert (job.status, job.message) == ("failed", "The ratio takes all pairs; choose a smaller one.")


def test_fault_of_ours_is_named_and_its_trace_is_in_the_log_only(workspace):
    job = ended(workspace, submit(workspace, ("break", {})))
    assert job.status == "failed"
    assert "ZeroDivisionError" in job.message and "Traceback" not in job.message
    assert "Traceback" in jobs.log(workspace, job.id)


def test_unknown_stage_and_wrong_option_fail_with_a_sentence(workspace):
    first = submit(workspace, ("bake", {}))
    second = submit(workspace, ("count", {"to": 0}))
    assert ended(workspace, first).message == (
        "There is no stage 'bake'; there are count, refuse, break, crash, silent, deaf."
    )
    assert ended(workspace, second).message == "--to must be at least 1, not 0."


def test_killed_process_is_found_out_and_the_next_job_goes_on(workspace, tmp_path):
    first = submit(workspace, ("count", {"gate": str(tmp_path / "never")}))
    second = submit(workspace, ("count", {"to": 9}))
    pid = until(lambda: job_of(workspace, first).what == "counting" and job_of(workspace, first).pid)
    os.kill(pid, signal.SIGKILL)
    job = ended(workspace, first)
    assert job.status == "failed"
    assert "killed" in job.message and str(Store(workspace).log(first)) in job.message
    assert ended(workspace, second).status == "done"


def test_crash_while_no_one_watches_is_found_out_by_the_next_job(workspace):
    first = submit(workspace, ("crash", {}))
    second = submit(workspace, ("count", {}))
    assert ended(workspace, second).status == "done"
    assert job_of(workspace, first).status == "failed"


def test_process_that_never_started_is_found_out(workspace, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: _Ended())
    job_id = submit(workspace, ("count", {}))
    assert job_of(workspace, job_id).status == "queued"
    monkeypatch.setattr("influencespace.jobs.local.STARTUP_SECONDS", 0.0)
    assert "did not start" in job_of(workspace, job_id).message


def test_no_process_can_be_started(workspace, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(JobError, match="Cannot allocate memory"):
        submit(workspace, ("count", {}))
    assert jobs.jobs(workspace)[0].status == "failed"


def test_workspace_deleted_under_a_job_ends_it_and_stays_gone(workspace, tmp_path):
    job_id = submit(workspace, ("silent", {}))
    pid = until(lambda: (workspace.path / "silent.txt").exists() and job_of(workspace, job_id).pid)
    with jobs.log_file(workspace, job_id).open() as log:
        workspace.path.rename(tmp_path / "moved")  # as a whole: what is deleted file by file is gone no later
        until(lambda: runs(pid), value=False)
        assert f"The workspace {workspace.path} is gone; its job ends here." in log.read()
    assert jobs.jobs(workspace) == []
    # Whoever lists jobs also asks for the end of the children, so that none stays as a zombie.
    until(lambda: not jobs.jobs(workspace) and not Path(f"/proc/{pid}").exists())
    with pytest.raises(JobError, match="is gone, and its jobs with it"):
        jobs.log(workspace, job_id)
    assert not workspace.path.exists()


def test_log_of_any_length_shows_its_end(workspace):
    job_id = submit(workspace, ("count", {}))
    ended(workspace, job_id)
    jobs.log_file(workspace, job_id).write_text("".join(f"line {i} {'x' * 300}\n" for i in range(5000)))
    assert [line.split()[1] for line in jobs.log(workspace, job_id, lines=3).splitlines()] == ["4997", "4998", "4999"]


class _Ended:
    def poll(self):
        return 0
