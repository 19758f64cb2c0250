"""How targets are added up to the one number by which a plan orders clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Direction:
    """A weight for each target: 1 on the overall one, and fairness weight times the need of each group.

    Attributes
    ----------
    weights
        (targets,) float64.
    """

    weights: np.ndarray


def direction(targets: list[dict], fairness: float) -> Direction:
    """The sum of targets that a plan serves: overall + fairness x (the groups served worst - those served best).

    Parameters
    ----------
    targets
        As stored with the scores, overall first: ``attribute, loss, loss_error``.
    fairness
        The fairness weight.

    Notes
    -----
    Within an attribute, a group's need is its validation loss less the mean over the groups, scaled so that the absolute
    needs add up to 2 (two groups: +1 for the one served worse, -1 for the other), and averaged over attributes. Losses of
    groups differ by chance too: the needs are shrunk by the positive part of James and Stein (1961), so that groups which
    the data serves alike have none.
    """
    weights = np.zeros(len(targets))
    weights[0] = 1.0
    attributes = sorted({t["attribute"] for t in targets if t["attribute"] is not None})
    for attribute in attributes:
        members = [q for q, t in enumerate(targets) if t["attribute"] == attribute]
        loss = np.array([targets[q]["loss"] for q in members])
        error = np.array([targets[q]["loss_error"] for q in members])
        weights[members] += fairness / len(attributes) * _needs(loss, error)
    return Direction(weights)


def _needs(loss: np.ndarray, error: np.ndarray) -> np.ndarray:
    away = loss - loss.mean()
    spread = np.square(away).sum()  # zero also where the differences are too small to be squared
    # The mean of equal losses may be off by their rounding, which is no difference between groups.
    if np.ptp(loss) == 0 or spread == 0:
        return np.zeros(len(loss))
    # With two groups James and Stein's factor (k - 3) / k would leave no shrinkage; the expected noise is taken instead.
    noise = np.square(error).sum() * (1 - 1 / len(loss))
    trust = max(0.0, spread - noise) / spread
    return trust * 2 * away / np.abs(away).sum()
