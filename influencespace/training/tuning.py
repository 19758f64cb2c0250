"""Learning rate and epochs, chosen once on the validation recall of the full data and then the same for every arm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions


@dataclass(frozen=True)
class Trial:
    """One setting, tried on the full data.

    Attributes
    ----------
    settings
        What was tried.
    scores
        (photos,) validation Recall@10 of each photo in [0, 1], mean over seeds.
    """

    settings: Settings
    scores: np.ndarray

    @property
    def recall(self) -> float:
        """Validation Recall@10 in percent."""
        return 100 * float(self.scores.mean())


def candidates(grid: list[Settings], options: TrainOptions) -> list[Settings]:
    """The settings of a trainer's grid, with what the options fix in place of the trainer's choice; each once, in order."""
    fixed = {
        "learning_rate": options.learning_rate, "epochs": options.epochs, "batch_size": options.batch,
        "dimensions": options.joint_dimensions, "patience": options.patience,
    }
    given = {name: value for name, value in fixed.items() if value is not None}
    return list(dict.fromkeys(replace(settings, **given) for settings in grid))


def choose(trials: list[Trial]) -> Trial:
    """The best trial; among those that validation cannot tell from it, the one that trains most.

    A setting counts as equal to the best if its recall is less than one standard error of the best recall below it (the
    rule of one standard error; Breiman et al. 1984). A model that hardly moves from its start says nothing of the data
    that it was given, so of equal settings the one that moves most is taken.
    """
    best = max(trials, key=lambda trial: trial.recall)
    error = 100 * best.scores.std() / np.sqrt(len(best.scores))
    equal = [trial for trial in trials if trial.recall >= best.recall - error]
    return max(equal, key=lambda trial: _amount(trial.settings))


def tune(settings: list[Settings], scores_of: Callable[[Settings], np.ndarray]) -> tuple[Settings, list[Trial]]:
    """Try settings with ``scores_of(settings) -> (photos,)`` and choose; what is alone is taken untried."""
    if len(settings) == 1:
        return settings[0], []
    trials = [Trial(one, scores_of(one)) for one in settings]
    return choose(trials).settings, trials


def _amount(settings: Settings) -> tuple[float, int]:
    return settings.learning_rate * settings.epochs, settings.epochs
