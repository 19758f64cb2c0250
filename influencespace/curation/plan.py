"""The plan: what to keep, prune and up-weight, and why.

Clusters are ordered by the mean selection score and pruned whole, worst first; only the cluster at the boundary is pruned in
part, by the order of its pairs, so that the reduction ratio is met to the pair. Near-duplicates beyond the best of their set go
earlier, and what the coverage floor holds back stays (:mod:`influencespace.curation.standing`).

What is kept is weighted by the rank of its selection score, from 1 to the cap: this trained better models than a weight for
whole clusters did (docs/results.md). As training divides by the mean, what counts is who has more than the others: a cluster
is called up-weighted if its share of the benefit exceeds its share of the pairs. What the curator has decided always wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace.curation.decisions import Decided
from influencespace.curation.duplicates import worth
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.standing import Standing, standing

KEEP, PRUNE, UP_WEIGHT, IN_PART = "keep", "prune", "up-weight", "prune in part"
DISPOSITIONS = np.array([KEEP, PRUNE, UP_WEIGHT], dtype=object)
KEPT, PRUNED, UP_WEIGHTED = np.arange(3, dtype=np.uint8)


@dataclass(frozen=True)
class Plan:
    """A weight and a disposition for every training pair, and what was done with every cluster.

    Attributes
    ----------
    weights
        (n,) float32; 0 = removed, else from 1 (the least selection score of what is kept) to the cap (the largest).
    disposition
        (n,) uint8 index into ``DISPOSITIONS``.
    clusters
        One row a cluster, in the order of the plan (first = pruned first): ``cluster, disposition, weight`` (of its kept
        pairs), ``kept, pairs, score, excess`` (share of the benefit over share of the pairs), ``decided``
        (how many of its pairs the curator has decided about), ``duplicates`` (how many of its pairs went before it because
        they repeat others), ``held`` (how many of its pairs stay for the coverage floor alone).
    duplicate_of
        (n,) int64, the index of the best of the pair's near-duplicates, its own where that is itself.
    notes
        What a curator should know of the plan as a whole, in sentences.
    """

    weights: np.ndarray
    disposition: np.ndarray
    clusters: pd.DataFrame
    duplicate_of: np.ndarray
    notes: list[str]

    @property
    def dispositions(self) -> np.ndarray:
        """(n,) of "keep", "prune" and "up-weight"."""
        return DISPOSITIONS[self.disposition]

    @property
    def up_weighted(self) -> int:
        """How many pairs are up-weighted."""
        return int((self.disposition == UP_WEIGHTED).sum())


def make_plan(
    scores: np.ndarray, agreement: np.ndarray, members: Members, direction: Direction, decided: Decided, options: PlanOptions,
    sets: np.ndarray | None = None,
) -> Plan:
    """Make a plan; the same inputs give the same plan, byte for byte. Parameters as of
    :func:`influencespace.curation.standing.standing`, of the options all.
    """
    return plan_of(standing(scores, agreement, members, direction, decided, options, sets), decided, options)


def plan_of(own: Standing, decided: Decided, options: PlanOptions) -> Plan:
    """The plan of pairs whose standing is known; of the options only ratio, cap and, for its words, floor."""
    member, pairs, count = own.member, own.pairs, len(own.pairs)
    wanted = pairs_to_remove(len(member), options.reduction)
    pruned = int(decided.prune.sum())
    missing = max(wanted - pruned, 0)
    removed = decided.prune.copy()
    removed[own.removable[:missing]] = True
    notes = _notes(int(removed.sum()), wanted, decided, options.floor if own.held.any() else 0.0)

    def counted(which: np.ndarray) -> np.ndarray:
        return np.bincount(member[which], minlength=count)

    kept = pairs - counted(decided.prune) - np.bincount(own.removable_member[:missing], minlength=count)
    repeats = np.flatnonzero(own.ranks.rank > 1)  # no others go before their clusters
    early = counted(repeats[(removed & ~decided.any)[repeats] & (own.goes[repeats] < own.place[member[repeats]])])
    would_go = own.order[:missing]
    given = decided.weights(options.cap)
    by_plan = np.isnan(given)
    ranked, above_one = own.upward[(~removed & by_plan)[own.upward]], np.zeros(len(member))
    above_one[ranked] = _above_one(own.value[ranked], options.cap)
    above_one[repeats] *= worth(own.ranks.rank[repeats])
    weights = np.where(by_plan, 1 + above_one, given).astype(np.float32)
    weights *= ~removed
    # A lock keeps the weight; whether that is more than its cluster's share the plan says as of the others.
    by_share = (benefit_of(own.mean) > share_of_benefit(own.mean, kept))[member] & (options.cap > 1) & ~decided.keep
    heavier = np.where(by_plan | decided.locked, by_share, weights > 1) & ~removed
    table = pd.DataFrame({
        "cluster": own.labels, "disposition": _cluster_dispositions(counted(heavier), kept, pairs - early),
        "weight": np.bincount(member, weights, minlength=count) / np.maximum(kept, 1), "kept": kept, "pairs": pairs,
        "score": own.mean, "excess": _excess(own.mean, kept),
        "decided": counted(decided.any), "duplicates": early, "held": counted(would_go[own.held[would_go]]),
    })
    disposition = PRUNED * removed + UP_WEIGHTED * heavier  # of which no pair is both; the others are kept
    return Plan(weights, disposition, table.iloc[np.argsort(own.place)].reset_index(drop=True), own.ranks.best, notes)


def pairs_to_remove(count: int, reduction: float) -> int:
    """How many of ``count`` pairs a reduction ratio takes away, to the nearest pair (a half goes up)."""
    # 57 % of 50 is half a pair more than 28, but a float of that product falls short of it.
    return int(np.floor(round(reduction * count, 6) + 0.5))


def benefit_of(mean: np.ndarray) -> np.ndarray:
    """(c,) float32: of each pair of a cluster, the positive part of its mean selection score."""
    # In float32, as the map has it, so that clusters which are alike are not told apart by the rounding of their mean.
    return np.maximum(mean, 0).astype(np.float32)


def share_of_benefit(mean: np.ndarray, kept: np.ndarray) -> np.float32:
    """The mean benefit of what is kept, from (c,) mean selection scores and (c,) how many pairs of each cluster are kept.

    A cluster whose benefit exceeds it has a larger share of the benefit than of the pairs.
    """
    return np.float32(benefit_of(mean).astype(np.float64) @ kept / max(int(kept.sum()), 1))


def _excess(mean: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(c,) share of the benefit of the kept pairs over share of the kept pairs; 1 = its share."""
    benefit = np.maximum(mean, 0)
    total = float(benefit @ kept)
    return benefit * kept.sum() / total if total > 0 else np.zeros(len(mean))


def _notes(count: int, wanted: int, decided: Decided, floor: float) -> list[str]:
    """Why the ratio is not met, if it is not; ``floor`` is 0 where it holds nothing back."""
    if count == wanted:
        return []
    if count > wanted:
        return [f"{count:,} pairs are removed instead of {wanted:,}: so many were pruned by hand."]
    by_hand = "those kept by hand" if (decided.any & ~decided.prune).any() else ""
    best = f"the best {100 * floor:g} % of every topic" if floor else ""
    return [
        f"{count:,} pairs are removed instead of {wanted:,}: only so many are left when "
        f"{' and '.join(filter(None, [by_hand, best]))} stay."
    ]


def _above_one(value: np.ndarray, cap: float) -> np.ndarray:
    """(k,) from 0 to the cap less 1 by the rank of (k,) rising selection scores; equal scores get equal ones."""
    smaller = np.arange(len(value))
    smaller[1:][value[1:] == value[:-1]] = 0
    return (cap - 1) * np.maximum.accumulate(smaller) / max(len(value) - 1, 1)


def _cluster_dispositions(heavier: np.ndarray, kept: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.select([kept == 0, kept < pairs, 2 * heavier > kept], [PRUNE, IN_PART, UP_WEIGHT], KEEP).astype(object)
