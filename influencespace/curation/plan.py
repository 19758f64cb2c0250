"""The plan: what to keep, prune and up-weight, and why.

The selection score of a pair is its influence (overall, and on the groups in need) in standard deviations, plus its
cross-fitted agreement: influence says where pairs help and whom, agreement which pairs are right. Both together chose subsets
as good as agreement alone, which knows no groups, and rather better than influence alone (docs/results.md).

Clusters are ordered by the mean score and pruned whole, worst first; only the cluster at the boundary is pruned in part, by the
order of its pairs, so that the reduction ratio is met to the pair.

What is kept is weighted by the rank of its selection score, from 1 to the cap: this trained better models than a weight for
whole clusters did (docs/results.md). As training divides by the mean, what counts is who has more than the others: a cluster
is called up-weighted if its share of the benefit exceeds its share of the pairs. What the curator has decided always wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

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
        (n,) float32; 0 = removed, else from 1 (the least selection score of what is kept) to the cap (the largest).
    dispositions
        (n,) of "keep", "prune" and "up-weight".
    clusters
        One row a cluster, in the order of the plan (first = pruned first): ``cluster, disposition, weight`` (of its kept
        pairs), ``kept, pairs, score, excess`` (share of the benefit over share of the pairs), ``decided``
        (how many of its pairs the curator has decided about).
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
    explicit = ~np.isnan(decided.weight)
    weights = np.where(explicit, decided.weight, 0.0)
    ranked = ~removed & ~explicit
    weights[ranked] = _weights(value[ranked], options.cap)
    weights = weights.astype(np.float32)
    heavier = np.where(explicit, weights > 1, (excess > 1)[member] & (options.cap > 1) & ~decided.keep)
    dispositions = np.select([removed, heavier], [PRUNE, UP_WEIGHT], KEEP).astype(object)
    table = pd.DataFrame({
        "cluster": labels, "disposition": _cluster_dispositions(dispositions, member, kept, pairs),
        "weight": np.bincount(member, weights) / np.maximum(kept, 1), "kept": kept.astype(np.int64), "pairs": pairs,
        "score": mean, "excess": excess, "decided": np.bincount(member, decided.any).astype(np.int64),
    })
    return Plan(weights, dispositions, table.iloc[order].reset_index(drop=True), notes)


def pairs_to_remove(count: int, reduction: float) -> int:
    """How many of ``count`` pairs a reduction ratio takes away, to the nearest pair (a half goes up)."""
    return int(np.floor(reduction * count + 0.5))


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
    wanted = pairs_to_remove(len(value), reduction)
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


def _weights(value: np.ndarray, cap: float) -> np.ndarray:
    """(k,) from 1 to the cap by the rank of the selection score; equal scores get equal weights."""
    if len(value) < 2:
        return np.ones(len(value))
    return 1 + (cap - 1) * (rankdata(value, method="min") - 1) / (len(value) - 1)


def _cluster_dispositions(dispositions: np.ndarray, member: np.ndarray, kept: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    heavier = 2 * np.bincount(member, dispositions == UP_WEIGHT) > kept
    return np.select([kept == 0, kept < pairs, heavier], [PRUNE, IN_PART, UP_WEIGHT], KEEP).astype(object)
