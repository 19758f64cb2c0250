"""The app's server is killed while work runs: the work goes on, and whoever looks next sees the truth."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import influencespace
from influencespace import integrity, jobs
from influencespace.jobs.store import Store
from influencespace.ui.road import WORDS
from influencespace.workspace import Workspace

ROOT = Path(influencespace.__file__).parents[1]
SERVER = """
import sys, time
from influencespace import jobs
from influencespace.workspace import Workspace
print(jobs.submit(Workspace(sys.argv[1]), [("count", {"to": 5, "gate": sys.argv[2]})], "Count", stages="fake_stages"), flush=True)
time.sleep(600)
"""


def until(condition):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.02)
    pytest.fail("What was waited for did not happen.")


def opened(folder, monkeypatch):
    """The first page, as a server that was started anew shows it."""
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(folder))
    return AppTest.from_file(str(ROOT / "influencespace" / "ui" / "router.py"), default_timeout=30).run()


def shown(page):
    kinds = ("markdown", "caption", "info", "warning", "error", "progress")
    return " ".join(str(getattr(element, "value", "")) + str(getattr(element, "text", "")) + str(element.proto)
                    for kind in kinds for element in page.get(kind))


@pytest.fixture
def killed_server(workspace, tmp_path, monkeypatch):
    """A job that a process has submitted which was then killed; the file that lets it go on."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests" / "jobs")]))
    gate = tmp_path / "gate"
    with subprocess.Popen([sys.executable, "-c", SERVER, workspace.path, gate], stdout=subprocess.PIPE, text=True) as server:
        job_id = int(server.stdout.readline())
        until(lambda: Store(workspace).get(job_id).what == "counting")
        server.send_signal(signal.SIGKILL)
    yield job_id, gate
    gate.touch()
    until(lambda: jobs.active(workspace) is None)


def test_work_outlives_the_server_and_the_page_shows_it_and_then_its_end(workspace, killed_server, monkeypatch):
    job_id, gate = killed_server
    page = opened(workspace.path.parent, monkeypatch)
    assert not page.exception and "**Count**" in shown(page)
    gate.touch()
    until(lambda: not Store(workspace).get(job_id).unfinished)
    assert Store(workspace).get(job_id).status == "done"
    assert "**Count**" not in shown(opened(workspace.path.parent, monkeypatch))


def test_work_that_was_killed_with_the_server_says_so_and_can_be_started_again(workspace, killed_server, monkeypatch):
    job_id, gate = killed_server
    os.kill(Store(workspace).get(job_id).pid, signal.SIGKILL)
    until(lambda: not Store(workspace).lives(job_id))
    page = opened(workspace.path.parent, monkeypatch)
    assert "has gone without a word: it was killed" in shown(page) and "start it again to go on" in shown(page)
    gate.touch()
    next(button for button in page.button if button.label == "Try again")
    jobs.submit(workspace, [tuple(command) for command in Store(workspace).get(job_id).commands], "Again", stages="fake_stages")
    until(lambda: jobs.active(workspace) is None)
    assert jobs.jobs(workspace)[0].status == "done"


@pytest.mark.parametrize("file", ["pairs/pairs.parquet", "clusters/members.parquet", "scores/clusters.parquet"])
@pytest.mark.parametrize("size", ["cut off", "altered"])
def test_pages_say_what_is_damaged_offer_to_make_it_again_and_never_call_it_a_fault(workspace, file, size, monkeypatch):
    path = workspace.path / file
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if size == "cut off" else b"\0" * len(whole))
    page = opened(workspace.path.parent, monkeypatch)
    page.run()  # what could only be found by reading is known from then on
    name = file.partition("/")[0]
    for other in ("data", "influence", "curate", "train", "results", "export"):
        page.switch_page(f"../../pages/{other}.py").run()
        assert not page.exception and "fault" not in shown(page), other
    assert workspace.state(name) == "damaged"
    page.switch_page(f"../../pages/{'influence' if name == 'scores' else 'clusters'}.py").run()
    assert f"The {WORDS[name][0]} of this workspace are damaged on disk" in shown(page)
    assert any(button.label in ("Make again", "Read the pairs again") for button in page.button)
    assert (workspace.path / name / integrity.MARK).exists() or size == "cut off"


def test_a_damaged_list_of_jobs_and_history_do_not_stop_the_pages(workspace, monkeypatch):
    done = Store(workspace).insert("Work", [["plan", {}]])
    Store(workspace).finish(done, "done")
    opened(workspace.path.parent, monkeypatch).switch_page("../../pages/curate.py").run()
    for database in (workspace.jobs, workspace.history):
        if database.exists():
            database.write_text("this is no database at all, " * 50)
    opened(workspace.path.parent, monkeypatch)
    page = opened(workspace.path.parent, monkeypatch)
    page.switch_page("../../pages/curate.py").run()
    assert not page.exception and "fault" not in shown(page)
    assert "It was damaged" in shown(page) and "lies in jobs.sqlite.damaged-1" in shown(page)
    assert Workspace(workspace.path).history.exists()
