"""Databases that were damaged: set aside, begun anew, said; and two who write at once."""

import multiprocessing
import sqlite3
import time

import pytest
from filelock import FileLock

from influencespace import jobs
from influencespace.curation.history import BEGINNING, History
from influencespace.curation.options import PlanOptions
from influencespace.jobs.store import Store
from influencespace.workspace import Workspace

STEPS = 15


def zeroed_header(path):
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def no_database(path):
    path.write_text("this is no database at all, " * 50)


def flipped_page(path):
    """The page that the table begins with is nonsense."""
    content = bytearray(path.read_bytes())
    content[4096:4196] = bytes(255 - byte for byte in content[4096:4196])
    path.write_bytes(content)


DAMAGES = [zeroed_header, cut_in_half, emptied, no_database, flipped_page]


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "w", create=True)


def grown(workspace):
    history = History(workspace)
    for step in range(STEPS):
        history.record(f"step {step}", PlanOptions(reduction=step / 100), {"clusters": {f"{step}.0": "prune"}})
    with sqlite3.connect(workspace.history) as database:  # all of it into the one file
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return history


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_history_is_set_aside_and_begins_anew_with_what_is_decided(workspace, damage):
    history = grown(workspace)
    decided, asked = workspace.decisions(), workspace.asked()
    damage(workspace.history)
    broken = workspace.history.read_bytes()
    head = history.head()
    assert (head.id, head.parent, head.decisions, head.options.recipe()) == (1, None, decided, asked)
    assert head.what == "The history of before was damaged and lies in history.sqlite.damaged-1"
    assert workspace.history.with_name("history.sqlite.damaged-1").read_bytes() == broken
    assert history.record("on it goes", PlanOptions(cap=2.0), decided).parent == 1
    assert [version.what for version in history.versions()] == ["on it goes", head.what]
    damage(workspace.history)
    assert "damaged-1, history.sqlite.damaged-2" in history.head().what


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_step_on_a_damaged_history_is_taken(workspace, damage):
    history = grown(workspace)
    damage(workspace.history)
    made = history.record("a step", PlanOptions(reduction=0.9), {})
    assert history.head() == made and workspace.decisions() == {} and made.id == 2


def test_a_version_that_sqlite_takes_for_whole_but_nobody_can_read_is_damage(workspace):
    history = grown(workspace)
    with sqlite3.connect(workspace.history) as database:
        database.execute("UPDATE versions SET decisions = '{\"clusters' WHERE id = 5")
    database.close()
    assert history.head().id == STEPS + 1  # it is the newest that is read first
    assert len(history.versions()) == 1 and "damaged-1" in history.versions()[0].what


def test_what_is_whole_is_not_set_aside(workspace):
    history = grown(workspace)
    assert history.check() == [] and Store(workspace).check() == []
    with sqlite3.connect(workspace.history) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert history.check() == []  # busy, and not damaged
    database.close()
    assert len(history.versions()) == STEPS + 1 and history.versions()[-1].what == BEGINNING


def test_where_nothing_can_be_written_a_damaged_history_is_seen_through(workspace, monkeypatch):
    history = grown(workspace)
    no_database(workspace.history)
    monkeypatch.setattr("influencespace.curation.ledger.os.access", lambda path, mode: False)
    assert history.head().decisions == workspace.decisions() and len(history.versions()) == 1
    assert "present decisions are all there is to see" in history.check()[0]
    assert not list(workspace.path.glob("*.damaged*"))


@pytest.mark.parametrize("damage", [zeroed_header, cut_in_half, no_database, flipped_page])
def test_a_damaged_list_of_jobs_is_set_aside_and_what_runs_stands_in_the_new_one(workspace, damage):
    listed = Store(workspace)
    ids = [listed.insert(f"Job {i}", [["count", {"to": i + 1}]]) for i in range(20)]
    for job_id in ids[:-1]:
        listed.finish(job_id, "done")
    with sqlite3.connect(workspace.jobs) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    damage(workspace.jobs)
    running = listed.life(ids[-1])
    with FileLock(running):
        note, still = listed.all()
        assert (still.id, still.status) == (ids[-1], "running") and "damaged-1" in note.message
        assert listed.update(ids[-1], done=3, total=4)  # the one that runs goes on telling
        assert [job.status for job in jobs.jobs(workspace)] == ["failed", "running"]
    assert workspace.jobs.with_name("jobs.sqlite.damaged-1").exists()
    assert listed.insert("Next", [["count", {}]]) > ids[-1]


def at_once(what, workspace, count):
    """Two processes, 1 and 2, do this so many times from the same moment on."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    both = [context.Process(target=what, args=(workspace.path, name, count, ready)) for name in (1, 2)]
    for process in both:
        process.start()
    ready.set()
    for process in both:
        process.join(60)
        assert process.exitcode == 0


def decide(path, name, count, ready):
    history = History(Workspace(path))
    ready.wait(30)
    for step in range(count):
        history.record(f"{name} {step}", PlanOptions(reduction=step / 100), {"clusters": {f"{name}.{step}": "prune"}})


def test_of_two_processes_that_decide_at_once_no_step_is_lost(workspace):
    count = 40
    at_once(decide, workspace, count)
    versions = History(workspace).versions()
    assert {f"{name} {step}" for name in (1, 2) for step in range(count)} <= {version.what for version in versions}
    assert [version.id for version in versions] == list(range(len(versions), 0, -1))
    assert versions[0].decisions == workspace.decisions()
    assert History(workspace).check() == []


def edit(path, name, count, ready):
    history = History(Workspace(path))
    ready.wait(30)
    for step in range(count):
        def after(before, step=step):
            clusters = before.decisions.get("clusters", {}) | {f"{name}.{step}": "prune"}
            return before.options, before.decisions | {"clusters": clusters}

        history.change(f"{name} {step}", after)


def test_of_two_processes_that_decide_at_once_neither_undoes_what_the_other_decided(workspace):
    count = 25
    at_once(edit, workspace, count)
    expected = {f"{name}.{step}": "prune" for name in (1, 2) for step in range(count)}
    assert workspace.decisions() == {"clusters": expected} == History(workspace).head().decisions


def test_a_clock_that_goes_back_changes_no_order(workspace, monkeypatch):
    history, listed = History(workspace), Store(workspace)
    made = []
    for hour, clock in enumerate((1e9, 1e9 - 3600, 1e9 - 7200)):
        monkeypatch.setattr(time, "time", lambda clock=clock: clock)
        monkeypatch.setattr("influencespace.curation.versions.now", lambda hour=hour: f"2001-09-0{9 - hour}T00:00:00Z")
        made.append(history.record(f"step {hour}", PlanOptions(reduction=hour / 10 + 0.01), {}))
        listed.insert(f"Job {hour}", [[str(hour), {}]])
    assert [version.id for version in history.versions()] == [4, 3, 2, 1] and history.head() == made[-1]
    assert history.undo() == made[1] and history.redo() == made[2]
    assert made[0].created > made[2].created  # it is told as it was, and nothing is ordered by it
    assert [job.title for job in listed.all()] == ["Job 2", "Job 1", "Job 0"]
    assert listed.claim(1) and not listed.claim(3)
    monkeypatch.setattr(time, "time", lambda: 5e8)
    assert listed.get(1).seconds == 0.0
    assert [job.status for job in jobs.jobs(workspace)] == ["failed"] * 3  # none has a process, whatever the clock says
