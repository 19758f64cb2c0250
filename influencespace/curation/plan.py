"""The plan: what to keep, prune and up-weight, and why.

The selection score of a pair is its influence (overall, and on the groups in need) in standard deviations, plus its
cross-fitted agreement: influence says where pairs help, agreement which pairs are right, and both together chose better
subsets than either alone (docs/results.md). Clusters are ordered by their mean and pruned whole, worst first; only the
cluster at the boundary is pruned in part, by the order of its pairs, so that the reduction ratio is met to the pair. Kept
clusters that bring more than their share of the benefit are up-weighted. What the curator has decided always wins.
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
    scores: np.ndarray, agreement: np.ndarray, clusters: np.ndarray, direction: Direction, decided: Decided, options: PlanOptions
) -> Plan:
    """Make a plan; the same inputs give the same plan, byte for byte.

    Parameters
    ----------
    scores
        (n, targets) influence of the pairs, shrunk.
    agreement
        (n,) standardised agreement of the pairs.
    clusters
        (n,) the cluster of each pair.
    direction
        How the targets are added up.
    decided
        What the curator has decided.
    """
    value = selection_score(scores, agreement, direction, options.agreement)
    labels, member = np.unique(clusters, return_inverse=True)
    pairs = np.bincount(member)
    mean = np.bincount(member, value) / pairs
    order = np.lexsort((labels, mean))
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels))

    removed, notes = _remove(value, place[member], decided, options.reduction)
    kept = np.bincount(member, ~removed)
    excess = _excess(mean, kept)
    cluster_weight = _weights(excess, options.cap)
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


def selection_score(scores: np.ndarray, agreement: np.ndarray, direction: Direction, share: float) -> np.ndarray:
    """(n,) by which pairs are ordered: influence along the direction in standard deviations of the overall influence, plus
    ``share`` times agreement.

    Influence is not centred: zero stays where a pair neither helps nor harms.
    """
    spread = scores[:, 0].std()
    helps = scores @ direction.weights
    # Shrinkage leaves one number for all where it finds nothing but chance; its rounding is no spread.
    varies = spread > 1e-6 * np.abs(scores[:, 0]).max()
    return (helps / spread if varies else 0) + share * agreement


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
    """(c,) share of the benefit (positive selection score) of the kept pairs over share of the kept pairs; 1 = its share."""
    benefit = np.maximum(mean, 0)
    total = float(benefit @ kept)
    return benefit * kept.sum() / total if total > 0 else np.zeros(len(mean))


def _weights(excess: np.ndarray, cap: float) -> np.ndarray:
    """(c,) a cluster with more than its share of the benefit gets as much of the training as of the benefit, up to the cap."""
    return np.clip(excess, 1.0, cap)


def _cluster_dispositions(weights: np.ndarray, member: np.ndarray, kept: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    heavier = np.bincount(member, weights > 1) > 0
    return np.select(
        [kept == 0, kept < pairs, heavier], [PRUNE, IN_PART, UP_WEIGHT], KEEP
    ).astype(object)
