"""How pairs and clusters stand before any ratio and cap: the order in which they would go.

The selection score of a pair is its influence (overall, and on the groups in need) in standard deviations, plus its
cross-fitted agreement: influence says where pairs help and whom, agreement which pairs are right. Both together chose subsets
as good as agreement alone, which knows no groups, and rather better than influence alone (docs/results.md).

Clusters go by their mean score, worst first, and within a cluster pairs by their own. Near-duplicates beyond the best of
their set go earlier; what the coverage floor holds back does not go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from influencespace.curation.coverage import held_back
from influencespace.curation.decisions import Decided
from influencespace.curation.duplicates import Ranks, rank_in_sets, relegate
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.sorting import ascending, grouped


@dataclass(frozen=True)
class Standing:
    """The standing of n pairs in c clusters; of the decisions it knows who is free, of the options neither ratio nor cap.

    Attributes
    ----------
    members
        Which cluster each pair is in.
    value
        (n,) selection scores.
    upward
        (n,) the pairs by rising score, equal ones in their order.
    mean, place
        (c,) mean selection score, and the place in the order of pruning, 0 = first.
    ranks
        The standing of pairs among their near-duplicates.
    goes
        (n,) the place at which each pair goes: its cluster's, or an earlier one where it repeats others.
    order
        (f,) the pairs that the curator has not decided about, in the order in which they would go.
    held
        (n,) bool, which of them the coverage floor holds back.
    """

    members: Members
    value: np.ndarray
    upward: np.ndarray
    mean: np.ndarray
    place: np.ndarray
    ranks: Ranks
    goes: np.ndarray
    order: np.ndarray
    held: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """(c,) the clusters, sorted."""
        return self.members.labels

    @property
    def member(self) -> np.ndarray:
        """(n,) index into ``labels`` of each pair."""
        return self.members.member

    @property
    def pairs(self) -> np.ndarray:
        """(c,) how many pairs each cluster has."""
        return self.members.pairs

    @cached_property
    def removable(self) -> np.ndarray:
        """(r,) ``order`` without what the coverage floor holds back: a plan removes the first of these."""
        return self.order[~self.held[self.order]] if self.held.any() else self.order


def standing(
    scores: np.ndarray, agreement: np.ndarray, members: Members, direction: Direction, decided: Decided, options: PlanOptions,
    sets: np.ndarray | None = None,
) -> Standing:
    """How pairs and clusters stand.

    Parameters
    ----------
    scores
        (n, targets) influence of the pairs, shrunk.
    agreement
        (n,) standardised agreement of the pairs.
    members
        The cluster of each pair.
    direction
        How the targets are added up.
    decided
        What the curator has decided.
    options
        Of these only ``agreement`` and ``floor``.
    sets
        (n,) int, the same for near-duplicates; None where there are none.
    """
    value = selection_score(scores, agreement, direction, options.agreement)
    member, pairs = members.member, members.pairs
    mean = np.bincount(member, value, minlength=len(pairs)) / pairs
    place = np.empty(len(pairs), dtype=np.int64)
    place[np.argsort(mean, kind="stable")] = np.arange(len(pairs))
    sets = np.arange(len(value)) if sets is None else sets
    own = place[member]
    ranks = rank_in_sets(sets, own, value, np.where(decided.prune, -1, decided.any))
    harmful = int(pairs[np.bincount(member, scores @ direction.weights, minlength=len(pairs)) < 0].sum())
    goes, upward = relegate(own, ranks.rank, harmful), ascending(value)
    free = upward[~decided.any[upward]]
    order = free[grouped(goes[free], len(pairs))]
    held = held_back(order, members, decided, options.floor)
    return Standing(members, value, upward, mean, place, ranks, goes, order, held)


def selection_score(scores: np.ndarray, agreement: np.ndarray, direction: Direction, share: float) -> np.ndarray:
    """(n,) by which pairs are ordered: influence along the direction, in its standard deviations, plus ``share`` times agreement.

    Influence is not centred: zero stays where a pair neither helps nor harms. Deviations of the overall influence instead would
    let a large fairness weight drown agreement, and bring wrong pairs back (docs/results.md).
    """
    helps = scores @ direction.weights
    spread = helps.std()
    # Shrinkage leaves one number for all where it finds nothing but chance; its rounding is no spread.
    varies = spread > 1e-6 * np.abs(helps).max()
    return (helps / spread if varies else 0) + share * agreement
