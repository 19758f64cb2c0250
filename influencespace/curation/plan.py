"""The plan: what to keep, prune and up-weight, and why.

Clusters are ordered by the mean selection score of their pairs and pruned whole, worst first; only the cluster at the
boundary is pruned in part, by the order of its pairs, so that the reduction ratio is met to the pair. Kept clusters that
bring more than their share of the benefit are up-weighted. What the curator has decided always wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace.curation.decisions import Decided
from influencespace.curation.fairness import Direction
from influencespace.curation.options import PlanOptions

KEEP, PRUNE, UP_WEIGHT, IN_PART = "keep", "prune", "up-weight", "prune in part"


@dataclass(frozen=True)
class Plan:
    """A weight and a disposition for every training pair, and what was done with every cluster.

    Attributes
    ----------
    weights
        (n,) float32; 0 = removed, 1 = kept, above 1 = up-weighted.
    dispositions
        (n,) of "keep", "prune" and "up-weight".
    clusters
        One row a cluster, in the order of the plan (first = pruned first): ``cluster, disposition, weight`` (of its kept
        pairs), ``kept, pairs, score, excess`` (share of the benefit over share of the pairs), ``decided``.
    notes
        What a curator should know of the plan as a whole, in sentences.
    """

    weights: np.ndarray
    dispositions: np.ndarray
    clusters: pd.DataFrame
    notes: list[str]


def make_plan(
    scores: np.ndarray, clusters: np.ndarray, direction: Direction, decided: Decided, options: PlanOptions
) -> Plan:
    """Make a plan; the same inputs give the same plan, byte for byte.

    Parameters
    ----------
    scores
        (n, targets) selection scores of the pairs.
    clusters
        (n,) the cluster of each pair.
    direction
        How the targets are added up.
    decided
        What the curator has decided.
    """
    value = scores @ direction.weights
    labels, member = np.unique(clusters, return_inverse=True)
    pairs = np.bincount(member)
    mean = np.bincount(member, value) / pairs
    order = np.lexsort((labels, mean))
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels))

    removed, notes = _remove(value, place[member], decided, options.reduction)
    kept = np.bincount(member, ~removed)
    excess = _excess(mean, kept)
    cluster_weight = _weights(excess, kept, options.cap)
    weights = np.where(removed, 0.0, np.where(decided.keep, 1.0, cluster_weight[member]))
    explicit = ~np.isnan(decided.weight)
    weights[explicit] = decided.weight[explicit]
    weights = weights.astype(np.float32)
    dispositions = np.where(weights == 0, PRUNE, np.where(weights > 1, UP_WEIGHT, KEEP)).astype(object)
    table = pd.DataFrame({
        "cluster": labels, "disposition": _cluster_dispositions(weights, member, kept, pairs),
        "weight": np.bincount(member, weights) / np.maximum(kept, 1), "kept": kept.astype(np.int64), "pairs": pairs,
        "score": mean, "excess": excess, "decided": np.bincount(member, decided.any) > 0,
    })
    return Plan(weights, dispositions, table.iloc[order].reset_index(drop=True), notes)


def _remove(value: np.ndarray, place: np.ndarray, decided: Decided, reduction: float) -> tuple[np.ndarray, list[str]]:
    """(n,) bool which pairs go: those the curator prunes, then by cluster and within the last one by pair."""
    wanted = int(np.floor(reduction * len(value) + 0.5))
    removed = decided.prune.copy()
    free = np.flatnonzero(~decided.any)
    missing = wanted - int(removed.sum())
    order = free[np.lexsort((free, value[free], place[free]))]
    removed[order[: max(missing, 0)]] = True
    count = int(removed.sum())
    if count == wanted:
        return removed, []
    because = "were pruned by hand" if count > wanted else "are left when those kept by hand stay"
    return removed, [f"{count:,} pairs are removed instead of {wanted:,}: only so many {because}." if count < wanted
                     else f"{count:,} pairs are removed instead of {wanted:,}: so many {because}."]


def _excess(mean: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(c,) share of the positive influence of the kept pairs over share of the kept pairs; 1 = its share, 0 = none."""
    benefit = np.maximum(mean, 0) * kept
    if benefit.sum() <= 0:
        return np.zeros(len(mean))
    return np.maximum(mean, 0) * kept.sum() / benefit.sum()


def _weights(excess: np.ndarray, kept: np.ndarray, cap: float) -> np.ndarray:
    """(c,) 1 up to an excess of 1, then growing with it; the cluster with the largest excess gets the cap."""
    largest = excess[kept > 0].max(initial=1.0)
    if largest <= 1:
        return np.ones(len(excess))
    return 1 + (cap - 1) * np.clip((excess - 1) / (largest - 1), 0, 1)


def _cluster_dispositions(weights: np.ndarray, member: np.ndarray, kept: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    heavier = np.bincount(member, weights > 1) > 0
    return np.select(
        [kept == 0, kept < pairs, heavier], [PRUNE, IN_PART, UP_WEIGHT], KEEP
    ).astype(object)
