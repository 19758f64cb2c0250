"""Threads and processes that never come back: given up, named, ended, and nobody waits for them for ever."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from encoder_cases import make_encoder, make_photos, make_table

from influencespace import ahead as reading
from influencespace import jobs
from influencespace.ahead import StuckError, ahead
from influencespace.errors import FeaturesError
from influencespace.features import store
from influencespace.features.options import EmbedOptions
from influencespace.features.stage import embed
from influencespace.jobs.store import Store
from influencespace.options import Options
from influencespace.pairs import images
from influencespace.progress import silent
from influencespace.workspace import Workspace

PATIENCE = 0.2


@pytest.fixture
def never():
    """An event that is not set as long as a test runs."""
    event = threading.Event()
    yield event
    event.set()


def square(never, *stuck):
    def function(item):
        if item in stuck:
            never.wait()
        return item * item

    return function


def test_results_come_in_order_whatever_takes_how_long(never):
    assert list(ahead(square(never), range(50), 4, 8)) == [i * i for i in range(50)]


def test_what_hangs_is_given_up_and_the_others_come(never):
    found = list(ahead(square(never, 3, 7), range(20), 3, 6, late=lambda item: -item, patience=PATIENCE))
    assert found == [-i if i in (3, 7) else i * i for i in range(20)]


def test_when_every_thread_hangs_it_ends_with_a_sentence(never):
    found = ahead(square(never, 1, 2), range(20), 2, 4, late=lambda item: -item, patience=PATIENCE)
    with pytest.raises(StuckError, match=r"every thread that reads photos hangs\. Is their disk still there\?"):
        list(found)


def test_an_error_of_the_function_is_its_own_also_one_of_time():
    def fails(item):
        raise TimeoutError("the function's own")

    with pytest.raises(TimeoutError, match="the function's own"):
        list(ahead(fails, range(3), 2, 4))


def test_who_stops_asking_leaves_no_thread_behind(never):
    found = ahead(square(never), range(10**6), 3, 6)
    assert next(found) == 0
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("ahead-")]
    found.close()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_a_process_whose_reader_hangs_ends_all_the_same():
    code = (
        "import threading\nfrom influencespace.ahead import ahead\n"
        "try:\n    list(ahead(lambda i: threading.Event().wait(), range(9), 2, 4, patience=0.1))\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "StuckError\n"


def test_embedding_names_the_photo_that_its_disk_does_not_give(tmp_path, monkeypatch, never):
    paths = make_photos(tmp_path / "photos", 6)
    workspace = Workspace(tmp_path / "w", create=True)
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", make_table(paths, [f"a red dog {i}" for i in range(6)]))
    load = store.load_photo
    monkeypatch.setattr(store, "load_photo", lambda path: never.wait() if path.endswith("4.png") else load(path))
    monkeypatch.setattr(reading, "PATIENCE", PATIENCE)
    options = EmbedOptions(encoder=str(make_encoder("clip", tmp_path / "encoder")), device="cpu", batch_size=2)
    with pytest.raises(FeaturesError, match=r"4\.png of row 5 was not read within .* leaves it out; what was embedded is kept"):
        embed(workspace, options, silent)
    monkeypatch.setattr(store, "load_photo", load)
    told = []
    embed(workspace, options, lambda done, total, what: told.append(done) if what.startswith("embedding") else None)
    assert told[0] == 6  # the two batches before it were not embedded again


def test_import_leaves_out_the_photo_that_its_disk_does_not_give(tmp_path, monkeypatch, never):
    paths = [str(path) for path in make_photos(tmp_path / "photos", 6)]
    examine = images._examine
    monkeypatch.setattr(images, "_examine", lambda path: never.wait() if path == paths[4] else examine(path))
    monkeypatch.setattr(reading, "PATIENCE", PATIENCE)
    found = images.check_images(paths, silent)
    assert [found[path].problem for path in paths] == ["", "", "", "", "unreadable image", ""]
    assert "was not read within" in found[paths[4]].detail


def _until(condition):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("What was waited for did not happen.")


def test_a_cancelled_job_whose_process_does_not_answer_at_all_is_killed_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "jobs"))
    monkeypatch.setattr("influencespace.jobs.local.KILL_SECONDS", 0.5)
    workspace = Workspace(tmp_path / "w", create=True)
    job_id = jobs.submit(workspace, [("silent", {})], "Hangs", stages="fake_stages")
    _until((workspace.path / "silent.txt").exists)
    pid = Store(workspace).get(job_id).pid
    os.kill(pid, signal.SIGSTOP)  # none of its threads runs, as in a system call that never returns
    jobs.cancel(workspace, job_id)
    _until(lambda: jobs.active(workspace) is None)
    assert Store(workspace).get(job_id).status == "cancelled"
    assert not Store(workspace).lives(job_id)


def test_a_number_that_belongs_to_another_process_by_now_is_not_killed(tmp_path):
    workspace = Workspace(tmp_path / "w", create=True)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        listed = Store(workspace)
        job_id = listed.insert("Hangs", [])
        listed.update(job_id, pid=other.pid, cancelled=time.time() - 3600, status="running")
        jobs.jobs(workspace)
        assert other.poll() is None and listed.get(job_id).status == "cancelled"
    finally:
        other.kill()
        other.wait()
