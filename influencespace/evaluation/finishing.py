"""Runs done one after the other and kept as they finish, so that what was broken off goes on with the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from influencespace.evaluation.measure import Measured, RunMeasures
from influencespace.evaluation.store import save_measures
from influencespace.progress import Progress, expect
from influencespace.training.journal import Course, Journal
from influencespace.training.kept import Kept
from influencespace.workspace import Draft

Run = tuple[str, int]


def finish_runs(
    wanted: list[Run], train: Callable[[str, int, Callable[[], None]], RunMeasures], load: Callable[[Path], RunMeasures],
    kept: Kept, journal: Journal, held_out: Measured, doing: str, progress: Progress,
) -> tuple[Measured, int]:
    """All wanted runs, in their order, and how many of them were finished before.

    Parameters
    ----------
    wanted
        Name and seed of each run.
    train
        ``train(name, seed, report)`` trains and measures one; it calls ``report`` on the way, which may end it.
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
    for name, seed in wanted:
        if (name, seed) in measures:
            continue
        report = partial(progress, len(measures), len(wanted), f"{doing.format(name=name)}, seed {seed}")
        report()
        course.follow(kept.journal)
        left = course.seconds_left([run for run in wanted if run not in measures], time.time())
        if left is not None:
            expect(progress, left)
        began = time.time()
        journal.tell(name, seed, began=began)
        measured = train(name, seed, report)
        with kept.finishing(name, seed) as folder:
            save_measures(Draft(folder), replace(held_out, runs=[measured]))
        journal.tell(name, seed, took=time.time() - began)
        measures[name, seed] = measured
    return replace(held_out, runs=[measures[run] for run in wanted]), taken_over
