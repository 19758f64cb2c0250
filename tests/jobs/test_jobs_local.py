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
from fake_stages import CountOptions

from influencespace import jobs
from influencespace.errors import JobError
from influencespace.jobs.runner import Report
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
    job = _ended(workspace, job_id)
    assert job.status == "cancelled"
    assert job.finished - job.cancelled < 5


def test_cancelled_job_that_cannot_even_be_interrupted_is_left_where_it_stands(workspace):
    job_id = _submit(workspace, ("deaf", {}))
    pid = _until(lambda: (workspace.path / "deaf.txt").exists() and _job(workspace, job_id).pid)
    jobs.cancel(workspace, job_id)
    job = _ended(workspace, job_id)
    assert job.status == "cancelled"
    assert job.finished - job.cancelled < 5
    _until(lambda: _runs(pid), value=False)


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
        "There is no stage 'bake'; there are count, refuse, break, crash, silent, deaf."
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


def test_an_unknown_job_is_a_sentence(workspace):
    with pytest.raises(JobError, match="has no job 5"):
        jobs.cancel(workspace, 5)


def test_job_starts_after_the_one_before_even_if_it_waited_for_the_record(workspace):
    store = Store(workspace)
    first, second = store.insert("First", []), store.insert("Second", [("count", {})])
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


def test_same_work_asked_for_in_two_tabs_at_once_is_started_once(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "gate")})

    def ask(_):
        try:
            return _submit(workspace, wanted, title="Training")
        except JobError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    started = [answer for answer in answers if isinstance(answer, int)]
    assert len(started) == len(jobs.jobs(workspace)) == 1
    waiting, running = (f"'Training' is already {state} with the same settings" for state in ("waiting", "running"))
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert all(answer.startswith((waiting, running)) for answer in refused), refused
    _until(lambda: _job(workspace, started[0]).status == "running")
    assert ask(0).startswith(running)
    (tmp_path / "gate").touch()
    assert _ended(workspace, started[0]).status == "done"
    assert isinstance(ask(0), int)  # what is over can be asked for again


def test_same_work_on_other_decisions_is_other_work(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "never")})
    first = _submit(workspace, wanted)
    workspace.decide({"topics": {"1": "prune"}})
    assert _submit(workspace, wanted) > first


def test_plan_is_made_with_what_is_asked_for_when_its_turn_comes(workspace, tmp_path):
    gate = tmp_path / "gate"
    workspace.ask(CountOptions(to=2))
    _submit(workspace, ("count", {"to": 1, "gate": str(gate)}))
    waiting = _submit(workspace, ("count", None))
    workspace.ask(CountOptions(to=3))
    gate.touch()
    assert _ended(workspace, waiting).status == "done"
    assert (workspace.path / "counted.txt").read_text().splitlines()[-1].startswith("3 ")


def test_same_work_on_other_options_of_the_plan_is_other_work(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "never")})
    first = _submit(workspace, wanted)
    workspace.ask(CountOptions(to=2))
    assert _submit(workspace, wanted) > first


def test_what_is_being_cancelled_can_be_asked_for_again(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "never")})
    first = _submit(workspace, wanted)
    jobs.cancel(workspace, first)
    assert _submit(workspace, wanted) > first


def test_workspace_deleted_under_a_job_ends_it_and_stays_gone(workspace, tmp_path):
    job_id = _submit(workspace, ("silent", {}))
    pid = _until(lambda: (workspace.path / "silent.txt").exists() and _job(workspace, job_id).pid)
    with jobs.log_file(workspace, job_id).open() as log:
        workspace.path.rename(tmp_path / "moved")  # as a whole: what is deleted file by file is gone no later
        _until(lambda: _runs(pid), value=False)
        assert f"The workspace {workspace.path} is gone; its job ends here." in log.read()
    assert jobs.jobs(workspace) == []
    # Whoever lists jobs also asks for the end of the children, so that none stays as a zombie.
    _until(lambda: not jobs.jobs(workspace) and not Path(f"/proc/{pid}").exists())
    with pytest.raises(JobError, match="is gone, and its jobs with it"):
        jobs.log(workspace, job_id)
    assert not workspace.path.exists()


def test_log_of_any_length_shows_its_end(workspace):
    job_id = _submit(workspace, ("count", {}))
    _ended(workspace, job_id)
    jobs.log_file(workspace, job_id).write_text("".join(f"line {i} {'x' * 300}\n" for i in range(5000)))
    assert [line.split()[1] for line in jobs.log(workspace, job_id, lines=3).splitlines()] == ["4997", "4998", "4999"]


def test_list_that_was_begun_before_gets_the_newer_columns(workspace):
    store = Store(workspace)
    done = store.insert("Earlier", [("count", {})])
    store.finish(done, "done")
    with contextlib.closing(sqlite3.connect(workspace.jobs)) as database, database:
        for name in ("due", "decided"):
            database.execute(f"ALTER TABLE jobs DROP COLUMN {name}")
    assert (store.get(done).due, store.get(done).decided) == (None, "")
    assert store.update(store.insert("Later", [("count", {})]), due=5.0)
    assert [job.due for job in store.all()] == [5.0, None]
    store.finish(store.all()[0].id, "done")


def test_time_left_is_known_once_the_pace_is(workspace, monkeypatch):
    store = Store(workspace)
    job_id = store.insert("Training", [])
    report = Report(store, job_id)
    clock = iter((100.0, 110.0, 112.0))
    monkeypatch.setattr("influencespace.jobs.runner.time.time", lambda: next(clock))
    report(12, 25, "training")
    assert store.get(job_id).due is None
    report(13, 25, "training random")
    monkeypatch.undo()
    assert store.get(job_id).due == 110 + 120
    assert store.get(job_id).seconds_left is None  # it was due long ago
    store.update(job_id, due=time.time() + 60)
    assert 0 < store.get(job_id).seconds_left <= 60
    store.finish(job_id, "done")


def _runs(pid):
    """Whether the process is there and not merely waiting for its parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class _Ended:
    def poll(self):
        return 0
