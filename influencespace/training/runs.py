"""What training one arm with one seed leaves for evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from influencespace.metrics.recall import retrieval_ranks


class Judged(Protocol):
    """What a trained model says of p photos and m captions.

    Attributes
    ----------
    photo
        (m,) int, the photo of each caption; -1 for one that belongs to none of them.
    """

    photo: np.ndarray

    def ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """(p,) and (m,) int: for each photo the rank of its best caption, for each caption that of its photo; 0 = first."""

    def similarity(self, photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """(k,) float64 for k photos beside k captions: higher = they rather belong together."""


@dataclass(frozen=True)
class Embedded:
    """Photos and captions in a space that was trained: unit vectors, whose cosine says whether they belong together.

    Attributes
    ----------
    image
        (p, d) float32, one row a photo.
    text
        (m, d) float32, one row a caption.
    photo
        (m,) int, the photo of each caption; -1 for one that belongs to none of them.
    """

    image: np.ndarray
    text: np.ndarray
    photo: np.ndarray

    def ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`Judged.ranks`, by cosine."""
        return retrieval_ranks(self.image, self.text, self.photo)

    def similarity(self, photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """As :meth:`Judged.similarity`: the cosine."""
        # float64, so that a threshold half-way between two of them stays there when they are compared with it.
        return np.einsum("md,md->m", self.image[photos], self.text[captions]).astype(np.float64)


@dataclass(frozen=True)
class ArmRun:
    """One arm, trained once.

    Attributes
    ----------
    arm, seed
        Which arm, and the seed that drew its folds, its subset and its training.
    weights
        (n_train,) float32, the weight of every training pair; 0 = removed.
    test, validation
        Both held-out splits, judged by the trained model.
    training_seconds
        Measured wall-clock time of the training alone; None for an arm that trains nothing.
    scoring_seconds
        Measured time of what the arm needed before it could train (proxy, clusters, scores, plan).
    curve
        One dict an epoch; see :class:`influencespace.training.loop.Fitted`.
    joules
        Energy of the training alone, where the device reports it.
    steps
        Optimizer steps.
    probes
        What the trained model answers to each question of :class:`~influencespace.training.probes.Probes` that it can be asked.
    """

    arm: str
    seed: int
    weights: np.ndarray
    test: Judged
    validation: Judged
    training_seconds: float | None
    scoring_seconds: float
    curve: list[dict[str, Any]] = field(default_factory=list)
    joules: float | None = None
    steps: int = 0
    probes: dict[str, Judged] = field(default_factory=dict)
