"""The process of one job: ``python -m influencespace.jobs.runner WORKSPACE JOB [STAGES]``.

It holds a lock for as long as it lives, waits for its turn, runs the stages, and writes to the record how they went.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from filelock import FileLock

from influencespace.errors import InfluenceSpaceError, JobError, OptionError
from influencespace.export.options import ExportOptions
from influencespace.export.subset import export_subset
from influencespace.jobs.local import STAGES, jobs
from influencespace.jobs.pace import Pace
from influencespace.jobs.place import chosen
from influencespace.jobs.store import Store
from influencespace.options import Options, restore
from influencespace.progress import Cancelled, Progress
from influencespace.workspace import Workspace

EXPORT = "export"
REPORT_SECONDS = 0.25
HEARTBEAT_SECONDS = 0.5
# Work that reports stops at its next report. Work that does not is interrupted, and at last left where it stands: what was
# finished before is whole even so, and who has cancelled waits no longer than five seconds.
INTERRUPT_SECONDS = 1.5
ABANDON_SECONDS = 4.0


def main(path: str, job: str, stages: str = STAGES) -> int:
    """Run one job of a workspace to its end; the exit code is 0 only if it was done."""
    try:
        return _run(Workspace(path), int(job), stages)
    except InfluenceSpaceError as error:  # no record is left to write it to
        print(_gone(path) if _is_gone(path) else error)
        return 1


def _run(workspace: Workspace, job_id: int, stages: str) -> int:
    store = Store(workspace)
    with FileLock(store.life(job_id)).acquire(timeout=10):
        signal.signal(signal.SIGTERM, _interrupt)
        threading.Thread(target=_watch, args=(store, job_id), daemon=True).start()
        try:
            store.update(job_id, pid=os.getpid())
            _wait(workspace, store, job_id)
            _work(workspace, importlib.import_module(stages), store.get(job_id).commands, Report(store, job_id))
            status, message = "done", ""
        except Cancelled:
            status, message = "cancelled", ""
        except InfluenceSpaceError as error:
            status, message = "failed", str(error)
        except Exception as error:
            traceback.print_exc()
            status = "failed"
            # A file that was damaged since the run began makes libraries raise anything.
            message = " ".join(workspace.check().values()) or (
                f"A fault of InfluenceSpace itself: {type(error).__name__}: {error}. Details: {store.log(job_id)}"
            )
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _say(": ".join(filter(None, (status, message))))
        store.finish(job_id, status, message)
    return 0 if status == "done" else 1


class Report:
    """The progress of a job: writes it to the record, and raises ``Cancelled`` when a person wants it stopped."""

    def __init__(self, store: Store, job_id: int) -> None:
        self.store, self.job_id = store, job_id
        self.written, self.what, self.pace = 0.0, "", Pace()

    def __call__(self, done: int, total: int, what: str) -> None:
        now, clock = time.monotonic(), time.time()
        due = self.pace.due(int(done), int(total), clock)
        if what == self.what and done < total and now - self.written < REPORT_SECONDS:
            return
        if what != self.what:
            _say(f"{what} ({done:,} of {total:,})" if total > 1 else what)
        self.written, self.what = now, what
        # A record that is busy, or a full disk, is no reason to end the work; there will be another report.
        with contextlib.suppress(JobError):
            self.store.update(self.job_id, done=int(done), total=int(total), what=what, due=due, reported=clock)
            if self.store.get(self.job_id).cancelled:
                raise Cancelled

    def expect(self, seconds: float) -> None:
        """Hear from the work itself how long the step at hand will still take."""
        self.pace.expect(time.time() + seconds)


def _wait(workspace: Workspace, store: Store, job_id: int) -> None:
    while not store.claim(job_id):
        if store.get(job_id).cancelled or not store.get(job_id).unfinished:
            raise Cancelled
        jobs(workspace)  # one of those before it may have died without a word
        time.sleep(0.2)


def _work(workspace: Workspace, stages: ModuleType, commands: list[list[Any]], progress: Progress) -> None:
    wanted: dict[str, Options] = {}
    exports: list[ExportOptions] = []
    for name, values in commands:
        if name == "demo":
            stages.build_demo(workspace.path, values.get("seed", 0), progress)
        elif name == EXPORT:
            exports.append(restore(ExportOptions, values))
        elif name in stages.STAGES:
            stage = stages.STAGES[name]
            wanted[name] = stages.options_before(workspace, stage) if values is None else restore(stage.options, values)
        else:
            raise OptionError(f"There is no stage {name!r}; there are {', '.join(stages.STAGES)}.")
    if wanted:
        stages.run_stages(workspace, wanted, progress, chosen(workspace))
    for options in exports:  # of the plan that these stages have made
        export_subset(workspace, options, progress)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def _watch(store: Store, job_id: int) -> None:
    """Tell the record that the process lives, and see to it that a cancelled one, or one without a workspace, ends."""
    interrupted, since = False, None
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        if _is_gone(store.workspace.path):
            print(_gone(store.workspace.path))
            os._exit(1)  # at once: the next step might make its folders anew
        try:
            store.update(job_id, heartbeat=time.time(), pid=os.getpid())
            asked = store.get(job_id).cancelled
        except JobError:
            continue  # the record is busy; there will be another beat
        # Counted from when it was seen: the clock that wrote it down may have been set since.
        since = time.monotonic() if asked and since is None else since
        waited = time.monotonic() - since if since is not None else 0.0
        if waited > ABANDON_SECONDS:
            store.finish(job_id, "cancelled")
            os._exit(1)
        if waited > INTERRUPT_SECONDS and not interrupted:
            interrupted = True
            os.kill(os.getpid(), signal.SIGTERM)


def _is_gone(path: str | Path) -> bool:
    return not (Path(path) / "workspace.json").exists()


def _gone(path: str | Path) -> str:
    return f"The workspace {path} is gone; its job ends here."


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # a log that cannot be written is no reason to end
        print(f"{time.strftime('%H:%M:%S')}  {line}")


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
