"""Stages that do what a test asks for: count, stop at a gate, fail, crash or keep silent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from influencespace.errors import PlanError
from influencespace.options import Options, option


@dataclass(frozen=True)
class CountOptions(Options):
    """What to count to, and a file to wait for half-way."""

    to: int = option(4, "How far.", minimum=1)
    gate: str = option("", "A file to wait for after each count.")
    words: tuple[str, ...] = option((), "Words to write down.")


@dataclass(frozen=True)
class Stage:
    """As in influencespace.stages."""

    options: type[Options]
    run: Callable


def count(workspace, options, progress):
    for done in range(options.to):
        progress(done, options.to, "counting")
        while options.gate and not Path(options.gate).exists():
            time.sleep(0.02)
            progress(done, options.to, "counting")
    progress(options.to, options.to, "counted")
    with (workspace.path / "counted.txt").open("a") as file:
        file.write(f"{options.to} {' '.join(options.words)} {type(options.words).__name__}\n")


def refuse(workspace, options, progress):
    raise PlanError("The ratio takes all pairs; choose a smaller one.")


def break_down(workspace, options, progress):
    return 1 / 0


def crash(workspace, options, progress):
    progress(1, 2, "crashing")
    os.kill(os.getpid(), signal.SIGKILL)


def silent(workspace, options, progress):
    (workspace.path / "silent.txt").touch()
    while True:
        time.sleep(0.02)


def deaf(workspace, options, progress):
    """As library code that never comes back to Python: an interruption is not noticed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (workspace.path / "deaf.txt").touch()
    while True:
        time.sleep(0.02)


STAGES = {
    "count": Stage(CountOptions, count), "refuse": Stage(CountOptions, refuse), "break": Stage(CountOptions, break_down),
    "crash": Stage(CountOptions, crash), "silent": Stage(CountOptions, silent),
    "deaf": Stage(CountOptions, deaf),
}


def run_stages(workspace, wanted, progress, where):
    for name, options in wanted.items():
        STAGES[name].run(workspace, options, progress)


def options_before(workspace, stage):
    return stage.options(**workspace.asked())


def build_demo(path, seed, progress):
    progress(1, 1, "drawn")
    (Path(path) / "demo.txt").write_text(str(seed))
