"""Runs of arms, one after the other: weights drawn, a model trained, and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from influencespace.engines import HERE, Engine, Piece
from influencespace.errors import TrainingError
from influencespace.evaluation.measure import RunMeasures, measure_run
from influencespace.progress import Progress
from influencespace.proxy.stage import stored_fit
from influencespace.training.arms import ArmWeights, Curation, Redrawn
from influencespace.training.dynamic import Judge, Recuration
from influencespace.training.kept import Kept
from influencespace.training.loop import Settings
from influencespace.training.options import DYNAMIC, UNTRAINED, TrainOptions
from influencespace.training.probes import Probes
from influencespace.training.trainer import Trainer, train_arm, trial_scores, untouched
from influencespace.training.tuning import Trial, candidates, tune
from influencespace.workspace import Workspace

TUNING_SEEDS = 2
FEWEST_PAIRS = 2


def _unwatched() -> None:
    pass


@dataclass(frozen=True)
class Trials:
    """Tries settings on the full data, one a piece, which goes on after the last epoch that is kept; ``trainer()`` is the
    trainer that this process has."""

    trainer: Callable[[], Trainer]
    kept: Kept
    settings: list[Settings]
    seeds: tuple[int, ...]
    watch: Callable[[], None] = _unwatched

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``scores`` (photos,) a piece."""
        for piece in pieces:
            one = self.settings[piece]
            yield {"scores": trial_scores(self.trainer(), one, self.seeds, self.watch, partial(self.kept.trying, one))}


def tuned(
    trainer: Trainer, options: TrainOptions, kept: Kept, progress: Progress, engine: Engine = HERE,
    elsewhere: Callable[[], Trainer] | None = None,
) -> tuple[Settings, list[Trial]]:
    """The settings of all arms: chosen on the full data where the options leave a choice.

    ``elsewhere`` makes the same trainer in another process, for an engine that has them.
    """
    seeds = tuple(options.seed + k for k in range(TUNING_SEEDS))
    settings = candidates(trainer.grid(), options)
    if len(settings) == 1:
        return tune(settings, kept.tried)
    tried = {one: found for one in settings if (found := kept.tried(one)) is not None}
    left = [one for one in settings if one not in tried]

    def report() -> None:
        if len(tried) < len(settings):
            progress(len(tried), len(settings), "choosing learning rate and epochs on the full data")

    report()
    work = Trials(elsewhere, kept, left, seeds) if engine.remote else Trials(lambda: trainer, kept, left, seeds, report)
    for one, found in zip(left, engine.map(work, len(left)) if left else (), strict=True):
        tried[one] = np.array(found["scores"])
        kept.keep_trial(one, tried[one])
        report()
    return tune(settings, tried.__getitem__)


class Runner:
    """Trains one run after the other. Runs of one seed share what it has redrawn, the proxies above all.

    ``drawing(seed)`` is the engine that redraws, such as one of :meth:`Kept.drawing`.
    """

    def __init__(
        self, workspace: Workspace, trainer: Trainer, curation: Curation, settings: Settings, options: TrainOptions,
        fit_seconds: float, kept: Kept, probes: Probes, drawing: Callable[[int], Engine],
    ) -> None:
        self.workspace, self.trainer, self.curation, self.settings = workspace, trainer, curation, settings
        self.options, self.fit_seconds, self.kept, self.probes, self.drawing = options, fit_seconds, kept, probes, drawing
        self._redrawn: Redrawn | None = None

    def run(self, arm: str, seed: int, tell: Callable[..., None]) -> RunMeasures:
        """One arm with one seed, trained and measured; ``tell`` is called on the way, and may end it."""
        ask = partial(self.probes.ask, self.trainer)
        if arm == UNTRAINED:
            run = untouched(self.trainer, self.settings, seed, ask)
        else:
            found = self._weights(arm, seed, tell)
            run = train_arm(
                self.trainer, arm, found.weights, self.settings, seed, found.seconds, budget=self.options.budget,
                weighting=self.options.weighting, watch=lambda step: tell(**step), checkpoint=self.kept.checkpoint(arm, seed),
                recurate=partial(self._recuration, seed, found, tell) if arm == DYNAMIC else None, ask=ask,
            )
        data = self.trainer.data
        return measure_run(run, data.test.groups, data.validation.groups, phrases=self.probes.phrases)

    def _recuration(self, seed: int, found: ArmWeights, report: Callable[[], None], judge: Judge) -> Recuration:
        def spent(seconds: float) -> None:
            self.kept.keep_drawn(DYNAMIC, seed, replace(found, seconds=found.seconds + seconds))

        return Recuration(self.curation, seed - self.options.seed, self.options.schedule, judge, lambda *_: report(), spent)

    def _weights(self, arm: str, seed: int, report: Callable[[], None]) -> ArmWeights:
        found = self.kept.drawn(arm, seed)
        if found is None:
            found = self._drawn(seed, report).weights(arm)
            self.kept.keep_drawn(arm, seed, found)
        if np.count_nonzero(found.weights) < FEWEST_PAIRS:
            raise TrainingError(f"The arm {arm} is left with fewer than {FEWEST_PAIRS} pairs; lower the reduction ratio.")
        return found

    def _drawn(self, seed: int, report: Callable[[], None]) -> Redrawn:
        k = seed - self.options.seed
        if self._redrawn is None or self._redrawn.seed != k:
            self._redrawn = Redrawn(self.curation, k, lambda *_: report(), self.drawing(seed))
            if k == 0:  # the proxies of the workspace, so that the first plan is the curator's own
                self._redrawn.adopt(stored_fit(self.workspace, self.options.device)[0], self.fit_seconds)
        self._redrawn.progress = lambda *_: report()
        return self._redrawn
