"""Whether a mean lies beyond chance, when many means are looked at."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr
from scipy.stats import false_discovery_control

# Half of a 95 % interval, in standard errors.
Z = 1.96
# Of the means that are called beyond chance, the share that may be so by chance alone.
RATE = 0.05


def beyond_chance(mean: np.ndarray, error: np.ndarray, rate: float = RATE) -> np.ndarray:
    """Which means differ from zero by more than chance explains, though all of them were looked at.

    A 95 % interval leaves out zero for one in twenty of many means without any influence; this rule does not. It is the
    step-up procedure of Benjamini and Hochberg (1995, "Controlling the false discovery rate").

    Parameters
    ----------
    mean, error
        (n,) means and their standard errors; means are taken as normal. NaN, or an error that is not known, is within chance.
    rate
        The expected share of wrong ones among those that are called beyond chance.

    Returns
    -------
    np.ndarray
        (n,) bool.
    """
    mean, error = np.asarray(mean, dtype=float), np.asarray(error, dtype=float)
    known = np.isfinite(mean) & np.isfinite(error)
    away = np.abs(mean[known])
    distance = np.divide(away, error[known], out=np.where(away > 0, np.inf, 0.0), where=error[known] > 0)
    found = np.zeros(mean.shape, dtype=bool)
    if known.any():
        found[known] = false_discovery_control(2 * ndtr(-distance)) <= rate
    return found
