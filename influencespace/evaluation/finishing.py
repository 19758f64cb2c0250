"""Runs done by an engine and kept as they finish, so that what was broken off goes on with the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from influencespace.engines import HERE, Engine, Run, Share, Tell
from influencespace.evaluation.measure import Measured, RunMeasures
from influencespace.evaluation.store import save_measures
from influencespace.progress import Progress, expect
from influencespace.training.journal import Course, Journal
from influencespace.training.kept import Kept
from influencespace.workspace import Draft

# ``train(name, seed, tell)`` trains and measures one run. It calls ``tell`` on the way, which may end it, with what there is
# to say of an epoch or with nothing.
Train = Callable[[str, int, Callable[..., None]], RunMeasures]


def finish_runs(
    wanted: list[Run], share: Share, load: Callable[[Path], RunMeasures], kept: Kept, journal: Journal, held_out: Measured,
    doing: str, progress: Progress, engine: Engine = HERE,
) -> tuple[Measured, int]:
    """All wanted runs, in their order, and how many of them were finished before.

    Parameters
    ----------
    wanted
        Name and seed of each run.
    share
        Makes what does a run and keeps it, such as :func:`keeping`.
    load
        Reads what a finished run has left in its folder.
    held_out
        What the runs are measured on; its runs are those that come out.
    doing
        What progress says, such as ``training {name}``.
    """
    finished, course = kept.finished(), Course()
    measures = {run: load(kept.run(*run)) for run in wanted if run in finished}
    taken_over = len(measures)

    def told(name: str, seed: int, **values: float) -> None:
        if values:
            journal.tell(name, seed, **values)
        progress(len(measures), len(wanted), f"{doing.format(name=name)}, seed {seed}")
        if "began" in values:
            course.follow(kept.journal)
            left = course.seconds_left([run for run in wanted if run not in measures], time.time())
            if left is not None:
                expect(progress, left / engine.workers)

    for run in engine.runs(share, [run for run in wanted if run not in measures], told, kept.folder):
        measures[run] = load(kept.run(*run))
    return replace(held_out, runs=[measures[run] for run in wanted]), taken_over


def keeping(train: Train, kept: Kept, held_out: Measured, tell: Tell) -> Callable[[str, int], None]:
    """What does a run, tells when it began and how long it took, and keeps what it measured."""

    def do(name: str, seed: int) -> None:
        began = time.time()
        tell(name, seed, began=began)
        measured = train(name, seed, partial(tell, name, seed))
        with kept.finishing(name, seed) as folder:
            save_measures(Draft(folder), replace(held_out, runs=[measured]))
        tell(name, seed, took=time.time() - began)

    return do
