"""Zero-shot classification: a photo belongs to the class whose description it is closest to (Radford et al. 2021)."""

from __future__ import annotations

import numpy as np

from influencespace.metrics.intervals import Rate, TwoWayBootstrap
from influencespace.metrics.recall import TIE

PROMPT = "a photo of a {label}"
# The label of a photo that has none.
UNLABELLED = ""


def prompts(classes: list[str]) -> list[str]:
    """What describes each class; underscores are read as spaces."""
    return [PROMPT.format(label=name.replace("_", " ")) for name in classes]


def classified(similarity: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Whether each photo is closer to the description of its own class than to that of any other.

    Ties count against the model, and so do similarities that are no numbers.

    Parameters
    ----------
    similarity
        (p, c) of each photo to the description of each class.
    label
        (p,) int, the class of each photo; -1 where it has none, which is never right.

    Returns
    -------
    numpy.ndarray
        (p,) bool.
    """
    rows = np.arange(len(label))
    own = similarity[rows, label]
    # "Not below" rather than "at least", so that what is no number stands before the right answer.
    before = ~(similarity < own[:, None] - TIE)
    before[rows, label] = np.isnan(own)
    return ~before.any(axis=1) & (label >= 0)


def balanced(bootstrap: TwoWayBootstrap, right: np.ndarray, labels: np.ndarray) -> Rate:
    """Class-balanced accuracy: the mean over the classes of the share of its photos that are classified right.

    Parameters
    ----------
    bootstrap
        The resamples.
    right
        (seeds, photos) of :func:`classified`.
    labels
        (photos,) of str, the class of each photo; a class without a photo in a resample does not count there.
    """
    rates = [bootstrap.rate(right, within=labels == name) for name in sorted(set(labels) - {UNLABELLED})]
    draws = np.stack([rate.draws for rate in rates])
    there = np.isfinite(draws)
    return Rate(
        float(np.mean([rate.point for rate in rates])),
        np.where(there, draws, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1),
    )
