"""How a plan treats near-duplicates: the best of a set keeps its place, each further one counts less.

Copies have diminishing returns: r of them are worth log2(1 + r) pairs, so that one is worth one, and the r-th adds
log2(1 + 1/r). By this factor it stands lower among the clusters that help than its own does: of pairs that repeat each other
neither all look precious nor do all go. A copy helps less, but it does no harm, so clusters that harm go first; and the best
one of a set goes only with its cluster, as any pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranks:
    """The standing of every pair among its near-duplicates.

    Attributes
    ----------
    rank
        (n,) int64, 1 for the best of a set and for pairs without near-duplicates.
    best
        (n,) int64, the index of the best of the pair's set.
    """

    rank: np.ndarray
    best: np.ndarray


def repeated(sets: np.ndarray) -> np.ndarray:
    """(r,) the pairs that have near-duplicates, ascending, from (n,) the number of each pair's set."""
    return np.flatnonzero(np.bincount(sets)[sets] > 1)


def rank_in_sets(
    sets: np.ndarray, place: np.ndarray, value: np.ndarray, by_hand: np.ndarray, among: np.ndarray | None = None,
    before: Ranks | None = None,
) -> Ranks:
    """Ranks within sets of near-duplicates, in the order of the plan from behind: what it would remove last is the best.

    Parameters
    ----------
    sets
        (n,) one number a set, none negative.
    place
        (n,) the place in the order of pruning of each pair's cluster.
    value
        (n,) selection scores, which decide within a cluster.
    by_hand
        (n,) int, 1 for pairs that the curator keeps, who come first, and -1 for those pruned by hand, who come last.
    among
        Of :func:`repeated`, where that is known already, or those of the sets to be ranked anew.
    before
        The ranks of all others; None where they have no near-duplicates.
    """
    rank, best = (np.ones(len(sets), dtype=np.int64), np.arange(len(sets))) if before is None else map(
        np.copy, (before.rank, before.best)
    )
    rows = repeated(sets) if among is None else among
    rows = rows[np.lexsort((rows, -value[rows], -place[rows], -by_hand[rows], sets[rows]))]
    starts = np.flatnonzero(np.diff(sets[rows], prepend=-1))
    sizes = np.diff(starts, append=len(rows))
    rank[rows] = np.arange(len(rows)) - np.repeat(starts, sizes) + 1
    best[rows] = np.repeat(rows[starts], sizes)
    return Ranks(rank, best)


def worth(rank: np.ndarray) -> np.ndarray:
    """What the pair of each rank adds to its set, in units of what the best one adds: 1, 0.58, 0.42, 0.32, 0.26, ..."""
    return np.log2(1 + 1 / np.arange(1, rank.max(initial=1) + 1))[rank - 1]


def relegate(place: np.ndarray, rank: np.ndarray, harmful: int) -> np.ndarray:
    """(n,) the place in the order of pruning at which each pair goes.

    The best of a set goes with its cluster. Another goes with the cluster at that part of the height of its own which it is
    worth, height being the number of pairs that go before the middle of a cluster, less the ``harmful`` ones: the pairs of all
    clusters that harm.
    """
    counts = np.bincount(place)
    above = np.cumsum(counts)
    height = above - counts / 2 - harmful
    out, rows = place.copy(), np.flatnonzero(rank > 1)
    rows = rows[height[place[rows]] > 0]
    out[rows] = np.searchsorted(above, harmful + height[place[rows]] * worth(rank[rows]))
    return out
