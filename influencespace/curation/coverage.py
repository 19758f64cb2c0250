"""The coverage floor: a share of every topic stays, whatever the reduction ratio, so that no topic is lost."""

from __future__ import annotations

import numpy as np

from influencespace.curation.decisions import Decided
from influencespace.curation.members import Members
from influencespace.curation.sorting import grouped


def held_back(order: np.ndarray, members: Members, decided: Decided, floor: float) -> np.ndarray:
    """(n,) bool: the best pairs of every topic, as many as the floor asks for beside those that the curator keeps.

    What the curator prunes does not stay for the floor: a topic of which less than the floor is left keeps all of that.

    Parameters
    ----------
    order
        (f,) the pairs that the curator has not decided about, in the order in which they would go: the last are the best.
    members
        The topic of each pair.
    decided
        What the curator has decided.
    floor
        The least share of the pairs of every topic that stays.
    """
    held = np.zeros(len(members.member), dtype=bool)
    if floor == 0:
        return held
    pairs, topic = members.of_topics
    pruned = np.bincount(topic, decided.prune, minlength=len(pairs)).astype(np.int64)
    kept = np.bincount(topic, decided.any & ~decided.prune, minlength=len(pairs)).astype(np.int64)
    wanted = np.minimum(pairs_to_keep(pairs, floor), pairs - pruned) - kept
    own = topic[order]
    by_topic = grouped(own, len(pairs))
    ends = np.cumsum(np.bincount(own, minlength=len(pairs)))[own[by_topic]]
    better = ends - 1 - np.arange(len(order))
    held[order[by_topic[better < wanted[own[by_topic]]]]] = True
    return held


def pairs_to_keep(pairs: np.ndarray, floor: float) -> np.ndarray:
    """(k,) how many of (k,) pairs a floor keeps at least: no less than that share."""
    # 7 % of 100 is no part of a pair more than 7, but a float of that product exceeds it.
    return np.ceil(np.round(floor * pairs, 6)).astype(np.int64)
