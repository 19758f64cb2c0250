"""What the arms choose from: the pairs of a workspace, and all that decides how it curates them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import pairs_to_remove
from influencespace.curation.sets import Find
from influencespace.influence.options import ScoreOptions
from influencespace.pairs.views import HeldOut
from influencespace.proxy.crossfit import PreparedPairs
from influencespace.proxy.options import ProxyOptions


@dataclass(frozen=True)
class Curation:
    """All that decides a curation but its seed: what the curator set up, and what it is applied to.

    Attributes
    ----------
    pairs
        Prepared features of all pairs.
    ids, topics
        (n_train,) of the training pairs.
    strata
        How many strata a topic is cut into.
    sets
        (n_train,) int, the same for near-duplicates.
    cosine
        (n_train,) the encoder's own cosine of each pair, or None where image and text are not aligned.
    validation
        The photos that influence looks at.
    compared
        The values of each group attribute that are compared.
    proxy, score, plan
        The options of these stages.
    decisions
        What the curator has decided by hand.
    find
        Finds the sets of pairs that decisions name.
    first_seed
        The seed of the first redrawing; the others follow.
    """

    pairs: PreparedPairs
    ids: np.ndarray
    topics: np.ndarray
    strata: int
    sets: np.ndarray
    cosine: np.ndarray | None
    validation: HeldOut
    compared: dict[str, list[str]]
    proxy: ProxyOptions
    score: ScoreOptions
    plan: PlanOptions
    decisions: dict
    find: Find
    first_seed: int = 0

    @property
    def removed(self) -> int:
        """How many pairs the reduction ratio takes away."""
        return pairs_to_remove(len(self.ids), self.plan.reduction)
