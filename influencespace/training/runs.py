"""What training one arm with one seed leaves for evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Embedded:
    """A held-out split in the trained space: unit vectors.

    Attributes
    ----------
    image
        (p, d) float32, one row a photo.
    text
        (m, d) float32, one row a caption.
    photo
        (m,) int, the photo of each caption.
    """

    image: np.ndarray
    text: np.ndarray
    photo: np.ndarray


@dataclass(frozen=True)
class ArmRun:
    """One arm, trained once.

    Attributes
    ----------
    arm, seed
        Which arm, and the seed that drew its folds, its subset and its training.
    weights
        (n_train,) float32, the weight of every training pair in the loss; 0 = removed.
    test, validation
        Both held-out splits, embedded by the trained model.
    training_seconds
        Measured wall-clock time of the training alone; None for an arm that trains nothing.
    scoring_seconds
        Measured time of what the arm needed before it could train (proxy, clusters, scores, plan).
    curve
        One dict an epoch: ``epoch`` (from 1), ``loss`` (mean), ``recall`` (validation Recall@10, in percent).
    """

    arm: str
    seed: int
    weights: np.ndarray
    test: Embedded
    validation: Embedded
    training_seconds: float | None
    scoring_seconds: float
    curve: list[dict] = field(default_factory=list)
