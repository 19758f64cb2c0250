"""The order of removal as a browser wants it: two bytes a pair, from which it tells every plan of these decisions.

A page that has the codes of the pairs and the benefit of the clusters can draw any reduction ratio and cap by itself: a pair is
removed if its code lies below that of the ratio, and up-weighted if its cluster's benefit exceeds the ratio's threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.curation.decisions import Decided
from influencespace.curation.plan import benefit_of, pairs_to_remove, share_of_benefit
from influencespace.curation.standing import Standing

RATIO_STEPS = np.arange(96) / 100
PRUNED, HELD, HEAVIER, KEPT = 0, 65533, 65534, 65535
CODES = 65532


@dataclass(frozen=True)
class BrowserOrder:
    """The order of n pairs in c clusters, and what it means at s = 96 reduction ratios (``RATIO_STEPS``: 0, 0.01 .. 0.95).

    Attributes
    ----------
    turn
        (n,) uint16: 0 = pruned by hand, 65535 = kept by hand, 65534 = kept by hand with a weight above 1; 65533 = stays
        whatever the ratio, but may be up-weighted as a free pair (for the coverage floor, or locked); all others are
        free, 1 + floor(t * 65532 / free) with t their place in the order of removal.
    pairs, free, pruned, kept, held
        Pairs in all; those that a ratio may remove; pruned by hand; kept by hand; held back by the coverage floor.
    heavier
        How many pairs have a weight above 1 by hand that is not the cap: they are up-weighted even at a cap of 1.
    benefit
        (c,) float32, the positive part of the mean selection score of each cluster, in the order of sorted labels.
    threshold
        (s,) float32, the mean benefit of what is kept. At a cap above 1 a pair with a code from 1 to 65533 that is not removed is
        up-weighted if the benefit of its cluster exceeds this.
    up_weighted
        (s,) int64, how many pairs are up-weighted at a cap above 1, those by hand included.
    """

    turn: np.ndarray
    pairs: int
    free: int
    pruned: int
    kept: int
    held: int
    heavier: int
    benefit: np.ndarray
    threshold: np.ndarray
    up_weighted: np.ndarray

    def missing(self, ratio: float) -> int:
        """How many free pairs a ratio removes."""
        return min(max(pairs_to_remove(self.pairs, ratio) - self.pruned, 0), self.free)

    def removed_code(self, ratio: float) -> int:
        """The code below which pairs are removed at a ratio."""
        return code_of(self.missing(ratio), self.free)


def browser_order(own: Standing, decided: Decided) -> BrowserOrder:
    """The order of pairs with that standing and these decisions."""
    order, n, count = own.removable, len(own.value), len(own.labels)
    free, pruned, held = len(order), int(decided.prune.sum()), int(own.held.sum())
    by_hand = decided.up_weight | (decided.weight.astype(np.float32) > 1) & ~decided.locked
    stays, heavy = decided.locked & ~decided.prune, int(by_hand.sum())
    turn = np.full(n, KEPT, dtype=np.uint16)
    for which, code in ((own.held | stays, HELD), (by_hand, HEAVIER), (decided.prune, PRUNED)):
        turn[which] = code
    turn[order] = code_of(np.arange(free), free)
    # What may be up-weighted and stays, by cluster, and what is kept by hand beside it.
    fixed = np.bincount(own.member[own.held | stays], minlength=count)
    others = np.bincount(own.member[decided.any & ~decided.prune & ~stays], minlength=count)
    benefit, found = benefit_of(own.mean), BrowserOrder(
        turn, n, free, pruned, n - free - pruned - held, held, int((by_hand & ~decided.up_weight).sum()), benefit_of(own.mean),
        np.empty(len(RATIO_STEPS), dtype=np.float32), np.empty(len(RATIO_STEPS), dtype=np.int64),
    )
    left, before = fixed + np.bincount(own.removable_member, minlength=count), 0
    for step, ratio in enumerate(RATIO_STEPS):
        missing = found.missing(ratio)
        left = left - np.bincount(own.removable_member[before:missing], minlength=count)
        before = missing
        found.threshold[step] = share_of_benefit(own.mean, left + others)
        found.up_weighted[step] = left[benefit > found.threshold[step]].sum() + heavy
    return found


def code_of(turn: np.ndarray | int, free: int) -> np.ndarray | int:
    """The code of the pair in that place, of so many free ones, in the order of removal."""
    return 1 + turn * CODES // max(free, 1)
