"""Learning rate and epochs, chosen once on the validation recall of the full data and then the same for every arm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from influencespace.training.heads import HeadsSettings

LEARNING_RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
EPOCHS = (3, 10)


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

    settings: HeadsSettings
    scores: np.ndarray

    @property
    def recall(self) -> float:
        """Validation Recall@10 in percent."""
        return 100 * float(self.scores.mean())


def grid() -> list[HeadsSettings]:
    """The settings that are tried, from the least training to the most."""
    settings = [HeadsSettings(rate, epochs) for rate in LEARNING_RATES for epochs in EPOCHS]
    return sorted(settings, key=_amount)


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


def tune(scores_of: Callable[[HeadsSettings], np.ndarray]) -> tuple[HeadsSettings, list[Trial]]:
    """Try the grid with ``scores_of(settings) -> (photos,)`` and choose."""
    trials = [Trial(settings, scores_of(settings)) for settings in grid()]
    return choose(trials).settings, trials


def _amount(settings: HeadsSettings) -> tuple[float, int]:
    return settings.learning_rate * settings.epochs, settings.epochs
