"""The arms that need no influence: which pairs each leaves out, all others at weight 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from influencespace.training.curation import Curation
from influencespace.training.near_duplicates import repetition


def full(curation: Curation, seed: int) -> np.ndarray:
    """(n_train,) ones."""
    return np.ones(len(curation.ids), dtype=np.float32)


def random(curation: Curation, seed: int) -> np.ndarray:
    """(n_train,) 0/1: without pairs drawn at random."""
    n = len(curation.ids)
    drawn = np.random.default_rng([curation.first_seed + seed, n]).random(n)
    return without_least(drawn, curation.removed)


def clip_score(curation: Curation, seed: int) -> np.ndarray:
    """(n_train,) 0/1: without the pairs whose cosine in the encoder's space is least (DataComp; Gadre et al. 2023)."""
    return without_least(curation.cosine, curation.removed)


def near_duplicates(curation: Curation, seed: int) -> np.ndarray:
    """(n_train,) 0/1: without the pairs that most repeat another of their topic (SemDeDup; Abbas et al. 2023)."""
    return without_least(-repetition(curation.pairs, curation.topics), curation.removed)


def without_least(values: np.ndarray, count: int) -> np.ndarray:
    """(n,) float32: 0 for the ``count`` least values (the first of equal ones), 1 for the others."""
    weights = np.ones(len(values), dtype=np.float32)
    weights[np.argsort(values, kind="stable")[:count]] = 0
    return weights


# By name: (n_train,) weights of a curation and the number of its redrawing, 0 = the first.
BASELINES: dict[str, Callable[[Curation, int], np.ndarray]] = {
    "full": full, "random": random, "clip-score": clip_score, "near-duplicates": near_duplicates,
}
