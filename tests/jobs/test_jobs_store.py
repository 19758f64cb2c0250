"""The list of jobs: the same work is begun once, jobs start in their order, and what is over stays as it was."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_stages import CountOptions
from jobs_cases import ended, job_of, submit, until

from influencespace import jobs
from influencespace.errors import JobError
from influencespace.jobs.runner import Report
from influencespace.jobs.store import Store


def test_what_has_finished_stays_as_it_is(workspace):
    job_id = submit(workspace, ("count", {}))
    ended(workspace, job_id)
    jobs.cancel(workspace, job_id)
    assert not Store(workspace).finish(job_id, "failed", "too late")
    assert (job_of(workspace, job_id).status, job_of(workspace, job_id).message) == ("done", "")


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
            return submit(workspace, wanted, title="Training")
        except JobError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    started = [answer for answer in answers if isinstance(answer, int)]
    assert len(started) == len(jobs.jobs(workspace)) == 1
    waiting, running = (f"'Training' is already {state} with the same settings" for state in ("waiting", "running"))
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert all(answer.startswith((waiting, running)) for answer in refused), refused
    until(lambda: job_of(workspace, started[0]).status == "running")
    assert ask(0).startswith(running)
    (tmp_path / "gate").touch()
    assert ended(workspace, started[0]).status == "done"
    assert isinstance(ask(0), int)  # what is over can be asked for again


def test_same_work_on_other_decisions_is_other_work(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "never")})
    first = submit(workspace, wanted)
    workspace.decide({"topics": {"1": "prune"}})
    assert submit(workspace, wanted) > first


def test_plan_is_made_with_what_is_asked_for_when_its_turn_comes(workspace, tmp_path):
    gate = tmp_path / "gate"
    workspace.ask(CountOptions(to=2))
    submit(workspace, ("count", {"to": 1, "gate": str(gate)}))
    waiting = submit(workspace, ("count", None))
    workspace.ask(CountOptions(to=3))
    gate.touch()
    assert ended(workspace, waiting).status == "done"
    assert (workspace.path / "counted.txt").read_text().splitlines()[-1].startswith("3 ")


def test_same_work_on_other_options_of_the_plan_is_other_work(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "never")})
    first = submit(workspace, wanted)
    workspace.ask(CountOptions(to=2))
    assert submit(workspace, wanted) > first


def test_what_is_being_cancelled_can_be_asked_for_again(workspace, tmp_path):
    wanted = ("count", {"gate": str(tmp_path / "never")})
    first = submit(workspace, wanted)
    jobs.cancel(workspace, first)
    assert submit(workspace, wanted) > first


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
