"""The plan: what to keep, prune and up-weight, and why.

The selection score of a pair is its influence (overall, and on the groups in need) in standard deviations, plus its
cross-fitted agreement: influence says where pairs help and whom, agreement which pairs are right. Both together chose subsets
as good as agreement alone, which knows no groups, and rather better than influence alone (docs/results.md).

Clusters are ordered by the mean score and pruned whole, worst first; only the cluster at the boundary is pruned in part, by the
order of its pairs, so that the reduction ratio is met to the pair. Near-duplicates beyond the best of their set go earlier.

What is kept is weighted by the rank of its selection score, from 1 to the cap: this trained better models than a weight for
whole clusters did (docs/results.md). As training divides by the mean, what counts is who has more than the others: a cluster
is called up-weighted if its share of the benefit exceeds its share of the pairs. What the curator has decided always wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace.curation.decisions import Decided
from influencespace.curation.duplicates import Ranks, rank_in_sets, relegate, worth
from influencespace.curation.fairness import Direction
from influencespace.curation.options import PlanOptions
from influencespace.pairs.views import coded

KEEP, PRUNE, UP_WEIGHT, IN_PART = "keep", "prune", "up-weight", "prune in part"
DISPOSITIONS = np.array([KEEP, PRUNE, UP_WEIGHT], dtype=object)


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
        (how many of its pairs the curator has decided about), ``duplicates`` (how many of its pairs went before it because
        they repeat others).
    duplicate_of
        (n,) int64, the index of the best of the pair's near-duplicates, its own where that is itself.
    notes
        What a curator should know of the plan as a whole, in sentences.
    """

    weights: np.ndarray
    dispositions: np.ndarray
    clusters: pd.DataFrame
    duplicate_of: np.ndarray
    notes: list[str]


@dataclass(frozen=True)
class Standing:
    """How pairs and clusters stand before any ratio and cap: the order in which they would go.

    Attributes
    ----------
    value
        (n,) selection scores.
    labels
        (c,) the clusters, sorted.
    member, pairs
        (n,) index into ``labels`` of each pair, and (c,) how many each has.
    mean, place
        (c,) mean selection score, and the place in the order of pruning, 0 = first.
    ranks
        The standing of pairs among their near-duplicates.
    goes
        (n,) the place at which each pair goes: its cluster's, or an earlier one where it repeats others.
    """

    value: np.ndarray
    labels: np.ndarray
    member: np.ndarray
    pairs: np.ndarray
    mean: np.ndarray
    place: np.ndarray
    ranks: Ranks
    goes: np.ndarray


def standing(
    scores: np.ndarray, agreement: np.ndarray, clusters: np.ndarray, direction: Direction, decided: Decided, options: PlanOptions,
    sets: np.ndarray | None = None,
) -> Standing:
    """How pairs and clusters stand; parameters as of :func:`make_plan`, and of the options only ``agreement``."""
    value = selection_score(scores, agreement, direction, options.agreement)
    labels, member = coded(clusters)
    pairs = np.bincount(member)
    mean = np.bincount(member, value) / pairs
    place = np.empty(len(labels), dtype=np.int64)
    place[np.argsort(mean, kind="stable")] = np.arange(len(labels))
    sets = np.arange(len(value)) if sets is None else sets
    ranks = rank_in_sets(sets, place[member], value, np.where(decided.prune, -1, decided.any))
    harmful = int(pairs[np.bincount(member, scores @ direction.weights) < 0].sum())
    return Standing(value, labels, member, pairs, mean, place, ranks, relegate(place[member], ranks.rank, harmful))


def make_plan(
    scores: np.ndarray, agreement: np.ndarray, clusters: np.ndarray, direction: Direction, decided: Decided, options: PlanOptions,
    sets: np.ndarray | None = None,
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
    sets
        (n,) int, the same for near-duplicates; None where there are none.
    """
    own = standing(scores, agreement, clusters, direction, decided, options, sets)
    value, member, pairs = own.value, own.member, own.pairs
    by_hand = decided.any
    removed, notes = _remove(value, own.goes, decided.prune, ~by_hand, options.reduction)
    early = np.bincount(member, removed & (own.goes < own.place[member]) & ~by_hand)
    kept = np.bincount(member, ~removed)
    excess = _excess(own.mean, kept)
    explicit = ~np.isnan(decided.weight)
    weights = np.where(explicit, decided.weight, 0.0)
    ranked = ~removed & ~explicit
    weights[ranked] = _weights(value[ranked], own.ranks.rank[ranked], options.cap)
    weights = weights.astype(np.float32)
    heavier = np.where(explicit, weights > 1, (excess > 1)[member] & (options.cap > 1) & ~decided.keep)
    heavier &= ~removed
    dispositions = DISPOSITIONS[np.where(removed, 1, np.where(heavier, 2, 0))]
    table = pd.DataFrame({
        "cluster": own.labels, "disposition": _cluster_dispositions(np.bincount(member, heavier), kept, pairs - early),
        "weight": np.bincount(member, weights) / np.maximum(kept, 1), "kept": kept.astype(np.int64), "pairs": pairs,
        "score": own.mean, "excess": excess, "decided": np.bincount(member, by_hand).astype(np.int64),
        "duplicates": early.astype(np.int64),
    })
    return Plan(weights, dispositions, table.iloc[np.argsort(own.place)].reset_index(drop=True), own.ranks.best, notes)


def pairs_to_remove(count: int, reduction: float) -> int:
    """How many of ``count`` pairs a reduction ratio takes away, to the nearest pair (a half goes up)."""
    # 57 % of 50 is half a pair more than 28, but a float of that product falls short of it.
    return int(np.floor(round(reduction * count, 6) + 0.5))


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


def _remove(
    value: np.ndarray, place: np.ndarray, pruned: np.ndarray, free: np.ndarray, reduction: float
) -> tuple[np.ndarray, list[str]]:
    """(n,) bool which pairs go: those the curator prunes, then free ones by cluster and within the last one by pair."""
    wanted = pairs_to_remove(len(value), reduction)
    removed = pruned.copy()
    missing = max(wanted - int(removed.sum()), 0)
    # Only the cluster at the boundary has to be sorted.
    upto = np.cumsum(np.bincount(place[free], minlength=place.max() + 1))
    whole = int(np.searchsorted(upto, missing, side="right"))
    removed |= free & (place < whole)
    last = np.flatnonzero(free & (place == whole))
    rest = missing - (int(upto[whole - 1]) if whole > 0 else 0)
    removed[last[np.argsort(value[last], kind="stable")[:rest]]] = True
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


def _weights(value: np.ndarray, rank: np.ndarray, cap: float) -> np.ndarray:
    """(k,) from 1 to the cap by the rank of the selection score; equal scores get equal weights, and near-duplicates that part
    of what is above 1 which their rank is worth."""
    if len(value) < 2:
        return np.ones(len(value))
    return 1 + (cap - 1) * _smaller(value) / (len(value) - 1) * worth(rank)


def _smaller(value: np.ndarray) -> np.ndarray:
    """(k,) how many values are smaller than each; SciPy's rankdata sorts in a way that takes seven times as long."""
    order = np.argsort(value)
    ordered = value[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-np.inf) != 0)
    out = np.empty(len(value), dtype=np.int64)
    out[order] = np.repeat(first, np.diff(first, append=len(value)))
    return out


def _cluster_dispositions(heavier: np.ndarray, kept: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.select([kept == 0, kept < pairs, 2 * heavier > kept], [PRUNE, IN_PART, UP_WEIGHT], KEEP).astype(object)
