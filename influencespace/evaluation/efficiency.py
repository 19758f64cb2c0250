"""What training cost: until the model is as good as that of all pairs, and in energy.

*Time to reach*: the seconds of training until an arm's validation recall is first at least the final one of ``full`` with the
same seed. It is read off after whole epochs, and an arm that never gets there has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.evaluation.figures import Resampled
from influencespace.evaluation.measure import RunMeasures
from influencespace.metrics.intervals import Rate


@dataclass(frozen=True)
class Efficiency:
    """One arm beside ``full``, over all seeds.

    Attributes
    ----------
    reached
        (seeds,) bool, the arm reached the final recall of ``full``.
    seconds, total
        Until then, means over the seeds that reached it (not defined where none did), without and with the time of scoring;
        None where there are no times of epochs.
    full
        What ``full`` took until then in the same seeds.
    joules, full_joules
        Energy of the training alone, of the arm and of ``full``; None where the device did not report it.
    """

    reached: np.ndarray
    seconds: Rate | None
    total: Rate | None
    full: Rate | None
    joules: Rate | None
    full_joules: Rate | None

    def json(self) -> dict:
        """``convergence`` and ``energy``; null where they are not defined."""
        convergence = None if self.seconds is None else {
            "reached": int(self.reached.sum()), "of": len(self.reached),
            "seconds": self.seconds.interval().json(), "with_scoring": self.total.interval().json(),
            "efficiency": {
                "without_scoring": (self.full / self.seconds).interval().json(),
                "with_scoring": (self.full / self.total).interval().json(),
            },
        }
        energy = None if self.joules is None else {
            "joules": self.joules.interval().json(),
            "efficiency": None if self.full_joules is None else (self.full_joules / self.joules).interval().json(),
        }
        return {"convergence": convergence, "energy": energy}


def efficiency(
    runs: list[RunMeasures], full: list[RunMeasures] | None, resampled: Resampled, keeps_best: bool = False
) -> Efficiency:
    """The cost of one arm.

    Parameters
    ----------
    runs, full
        The runs of the arm and of ``full``, one a seed; ``full`` may lack.
    keeps_best
        Whether trainings end with the best of their epochs, and not with the last.
    """
    joules, full_joules = _joules(runs, resampled), _joules(full or [], resampled)
    if full is None or any(not _timed(run) for run in [*runs, *full]):
        return Efficiency(np.zeros(len(runs), dtype=bool), None, None, None, joules, full_joules)
    targets = [_final(run, keeps_best) for run in full]
    own, others = (
        np.array([_seconds_to(run, target) for run, target in zip(all_runs, targets, strict=True)]) for all_runs in (runs, full)
    )
    reached = np.isfinite(own)
    mean, scoring = resampled.bootstrap.seed_mean, np.array([run.scoring_seconds for run in runs])
    return Efficiency(reached, mean(own, reached), mean(own + scoring, reached), mean(others, reached), joules, full_joules)


def _timed(run: RunMeasures) -> bool:
    return bool(run.curve) and "seconds" in run.curve[-1]


def _final(run: RunMeasures, keeps_best: bool) -> float:
    return max(step["recall"] for step in run.curve) if keeps_best else run.curve[-1]["recall"]


def _seconds_to(run: RunMeasures, recall: float) -> float:
    return next((step["seconds"] for step in run.curve if step["recall"] >= recall), np.nan)


def _joules(runs: list[RunMeasures], resampled: Resampled) -> Rate | None:
    if not runs or any(run.joules is None for run in runs):
        return None
    return resampled.bootstrap.seed_mean(np.array([run.joules for run in runs]))
