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
from influencespace.curation.duplicates import Ranks, rank_in_sets, relegate, repeated
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

    @cached_property
    def removable_member(self) -> np.ndarray:
        """(r,) the cluster of each of ``removable``, as an index into ``labels``."""
        return self.member[self.removable]


@dataclass(frozen=True)
class Undecided:
    """What the standing of n pairs comes from while nothing is decided: it is the same whatever is decided then.

    Attributes
    ----------
    members, value, upward, mean, place
        As of :class:`Standing`.
    sets
        (n,) int, the same for near-duplicates.
    repeated
        (r,) the pairs that have near-duplicates.
    ranks
        As of :class:`Standing`.
    own
        (n,) the place of each pair's cluster.
    harmful
        How many pairs the clusters that harm have.
    goes
        (n,) the place at which each pair goes.
    """

    members: Members
    value: np.ndarray
    upward: np.ndarray
    mean: np.ndarray
    place: np.ndarray
    sets: np.ndarray
    repeated: np.ndarray
    ranks: Ranks
    own: np.ndarray
    harmful: int
    goes: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """(n,) all pairs in the order in which they would go."""
        return self.upward[grouped(self.goes[self.upward], len(self.place))]

    @cached_property
    def turn(self) -> np.ndarray:
        """(n,) the place of each pair in ``upward``."""
        turn = np.empty(len(self.upward), dtype=np.int64)
        turn[self.upward] = np.arange(len(turn))
        return turn

    @cached_property
    def rising(self) -> np.ndarray:
        """(n,) what pairs are ordered by, in the order ``order``."""
        return self.goes[self.order] * len(self.order) + self.turn[self.order]

    def decided(self, decided: Decided, options: PlanOptions) -> Standing:
        """The standing once some of it is decided; of the options only ``floor``.

        A decision takes pairs out of the order, and moves near-duplicates of them: no more than these is sorted.
        """
        ranks = self._ranks(decided)
        goes = relegate(self.own, ranks.rank, self.harmful)
        moved = self.repeated[goes[self.repeated] != self.goes[self.repeated]]
        leaves = decided.any.copy()
        leaves[moved] = True
        stays = ~leaves[self.order]
        back = moved[~decided.any[moved]]
        by = goes[back] * len(goes) + self.turn[back]
        back, by = back[np.argsort(by)], np.sort(by)
        at = np.searchsorted(self.rising, by)
        order = np.insert(self.order[stays], at - np.searchsorted(np.flatnonzero(~stays), at), back)
        held = held_back(order, self.members, decided, options.floor)
        return Standing(self.members, self.value, self.upward, self.mean, self.place, ranks, goes, order, held)

    def _ranks(self, decided: Decided) -> Ranks:
        """The ranks once some of it is decided: those within the sets that a decision touches are found anew."""
        sets = self.sets[self.repeated]
        touched = np.zeros(sets.max(initial=-1) + 1, dtype=bool)
        touched[sets[decided.any[self.repeated]]] = True
        return rank_in_sets(
            self.sets, self.own, self.value, np.where(decided.prune, -1, decided.any), self.repeated[touched[sets]], self.ranks
        )


def undecided(
    scores: np.ndarray, agreement: np.ndarray, members: Members, direction: Direction, options: PlanOptions,
    sets: np.ndarray | None = None,
) -> Undecided:
    """What the standing of pairs comes from.

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
    options
        Of these only ``agreement``.
    sets
        (n,) int, the same for near-duplicates; None where there are none.
    """
    value = selection_score(scores, agreement, direction, options.agreement)
    member, pairs = members.member, members.pairs
    mean = np.bincount(member, value, minlength=len(pairs)) / pairs
    place = np.empty(len(pairs), dtype=np.int64)
    place[np.argsort(mean, kind="stable")] = np.arange(len(pairs))
    sets = np.arange(len(value)) if sets is None else sets
    own, among = place[member], repeated(sets)
    harmful = int(pairs[np.bincount(member, scores @ direction.weights, minlength=len(pairs)) < 0].sum())
    ranks = rank_in_sets(sets, own, value, np.zeros(len(value), dtype=np.int8), among)
    goes = relegate(own, ranks.rank, harmful)
    return Undecided(members, value, ascending(value), mean, place, sets, among, ranks, own, harmful, goes)


def standing(
    scores: np.ndarray, agreement: np.ndarray, members: Members, direction: Direction, decided: Decided, options: PlanOptions,
    sets: np.ndarray | None = None,
) -> Standing:
    """How pairs and clusters stand; parameters as of :func:`undecided`, and what the curator has decided."""
    return undecided(scores, agreement, members, direction, options, sets).decided(decided, options)


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
