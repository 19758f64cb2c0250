"""How good the word of predictions is: figures that compare them with retraining, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from influencespace.metrics.intervals import DRAWS, Interval, percentile_interval
from influencespace.workspace import Workspace

VERIFIED, DOUBTFUL, UNVERIFIED = "verified", "doubtful", "unverified"
# What intervals have to clear for predictions to be called verified.
CORRELATION = 0.8
SLOPE = (0.8, 1.25)
FEWEST = 5
# (draws, c) predicted and actual to (draws,); NaN where it is not defined.
Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Check:
    """Predicted effects of some clusters on one target beside those of retraining.

    Attributes
    ----------
    spearman, pearson
        Correlation of ranks and of values.
    slope
        Least-squares slope of actual on predicted: 1 = the right size, above 1 = predictions are too small.
    sign_accuracy
        Share of clusters of which the prediction has the right sign.
    majority
        Share that always guessing the commoner sign gets right.
    clusters
        How many were left out.
    """

    spearman: Interval
    pearson: Interval
    slope: Interval
    sign_accuracy: Interval
    majority: float
    clusters: int

    @property
    def verdict(self) -> str:
        """``verified`` if the lower ends of both correlations reach 0.8, the slope's interval lies within 0.8 to 1.25 and the
        signs are right no less often than by guessing the commoner one; else ``doubtful``, and so with fewer than 5 clusters."""
        sure = self.spearman.low >= CORRELATION and self.pearson.low >= CORRELATION
        sized = SLOPE[0] <= self.slope.low and self.slope.high <= SLOPE[1]
        signed = self.sign_accuracy.mean >= self.majority
        return VERIFIED if self.clusters >= FEWEST and sure and sized and signed else DOUBTFUL

    def json(self) -> dict:
        """All figures and the verdict, as plain JSON values."""
        figures = {name: getattr(self, name).json() for name in ("spearman", "pearson", "slope", "sign_accuracy")}
        return {"verdict": self.verdict, **figures, "majority": round(self.majority, 4), "clusters": self.clusters}


def check(predicted: np.ndarray, actual: np.ndarray, seed: int = 0) -> Check:
    """Compare (c,) predicted with (c,) actual effects; intervals by resampling the clusters."""
    draws = np.random.default_rng(seed).integers(0, len(actual), (DRAWS, len(actual)))
    return Check(
        *(_figure(of, predicted, actual, draws) for of in (_spearman, _pearson, _slope, _signs)),
        majority=float(max((actual > 0).mean(), (actual <= 0).mean())), clusters=len(actual),
    )


def verdicts(workspace: Workspace) -> dict[str, str]:
    """What is known of the removal effects on every target: verified, doubtful, or unverified; empty before there are any."""
    effects = workspace.find("effects")
    if effects is None:
        return {}
    known = workspace.artifact("verification").facts["verdicts"] if workspace.state("verification") == "current" else {}
    return {name: known.get(name, UNVERIFIED) for name in effects.facts["targets"]}


def _figure(of: Statistic, predicted: np.ndarray, actual: np.ndarray, draws: np.ndarray) -> Interval:
    return percentile_interval(float(of(predicted[None], actual[None])[0]), of(predicted[draws], actual[draws]))


def _pearson(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    p, a = _centred(predicted), _centred(actual)
    return _ratio((p * a).sum(1), np.sqrt(np.square(p).sum(1) * np.square(a).sum(1)))


def _spearman(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return _pearson(rankdata(predicted, axis=1), rankdata(actual, axis=1))


def _slope(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    p = _centred(predicted)
    return _ratio((p * _centred(actual)).sum(1), np.square(p).sum(1))


def _signs(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return (np.sign(predicted) == np.sign(actual)).mean(1)


def _centred(values: np.ndarray) -> np.ndarray:
    # Equal values have no spread, whatever the rounding of their mean says.
    return np.where(np.ptp(values, axis=1, keepdims=True) > 0, values - values.mean(1, keepdims=True), 0.0)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
