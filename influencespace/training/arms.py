"""The arms: which pairs each trains on, with which weights, and what it cost to find out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from influencespace.clusters.tree import cluster_ids, cut_strata
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import make_plan, pairs_to_remove
from influencespace.curation.sets import Find
from influencespace.influence.options import ScoreOptions
from influencespace.influence.stage import score_pairs
from influencespace.pairs.views import HeldOut
from influencespace.progress import Progress, silent
from influencespace.proxy.crossfit import CrossFit, PreparedPairs, cross_fit
from influencespace.proxy.options import ProxyOptions

# A seed of training redraws the folds; seeds of the draws of one run of the proxy are 1000 apart.
NEXT_FOLDS = 100_000


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


@dataclass(frozen=True)
class ArmWeights:
    """The weights of one arm and seed, and the seconds that finding them took."""

    weights: np.ndarray
    seconds: float


class Redrawn:
    """What one seed finds: folds drawn anew, and agreement and influence from them. Fitted once, when first needed."""

    def __init__(self, curation: Curation, seed: int, progress: Progress = silent) -> None:
        self.curation, self.seed, self.progress = curation, seed, progress
        self.proxy = replace(curation.proxy, seed=curation.proxy.seed + NEXT_FOLDS * seed)
        self._fitted: CrossFit | None = None
        self.fit_seconds = 0.0

    @property
    def fitted(self) -> CrossFit:
        """The proxies of this seed."""
        if self._fitted is None:
            began = time.perf_counter()
            self._fitted = cross_fit(self.curation.pairs, self.proxy, self.progress)
            self.fit_seconds = time.perf_counter() - began
        return self._fitted

    def adopt(self, fitted: CrossFit, seconds: float) -> None:
        """Use proxies that were fitted before, in so many seconds, and their ridge."""
        self._fitted, self.fit_seconds = fitted, seconds

    def influence(self) -> np.ndarray:
        """(n_train,) weights of the plan that these folds give: the curator's topics, options and decisions."""
        c = self.curation
        clusters = cluster_ids(c.topics, cut_strata(c.topics, self.fitted.agreement, c.strata))
        scored = score_pairs(c.pairs, self.fitted, clusters, c.validation, c.compared, self.proxy, c.score, self.progress)
        targets = [
            {"attribute": t.attribute, "loss": round(float(loss), 6), "loss_error": round(float(error), 6)}
            for t, loss, error in zip(scored.targets, scored.loss, scored.loss_error, strict=True)
        ]
        members = Members.of(clusters, c.topics)
        decided = resolve(c.decisions, c.ids, members, c.find)
        serves = direction(targets, c.plan.fairness)
        return make_plan(
            scored.scores.astype(np.float32).astype(np.float64), self.fitted.agreement, members, serves, decided, c.plan, c.sets
        ).weights

    def agreement(self) -> np.ndarray:
        """(n_train,) 0/1: without the pairs whose cross-fitted agreement is least."""
        return without_least(self.fitted.agreement, self.curation.removed)

    def random(self) -> np.ndarray:
        """(n_train,) 0/1: without pairs drawn at random."""
        n = len(self.curation.ids)
        drawn = np.random.default_rng([self.curation.first_seed + self.seed, n]).random(n)
        return without_least(drawn, self.curation.removed)

    def clip_score(self) -> np.ndarray:
        """(n_train,) 0/1: without the pairs whose cosine in the encoder's space is least."""
        return without_least(self.curation.cosine, self.curation.removed)

    def full(self) -> np.ndarray:
        """(n_train,) ones."""
        return np.ones(len(self.curation.ids), dtype=np.float32)

    def weights(self, arm: str) -> ArmWeights:
        """The weights of an arm by name; the time of fitting the proxies counts for every arm that needs them."""
        makers: dict[str, Callable[[], np.ndarray]] = {
            "influence": self.influence, "agreement": self.agreement, "random": self.random, "full": self.full,
            "clip-score": self.clip_score,
        }
        fitted_before = self._fitted is not None
        began = time.perf_counter()
        weights = makers[arm]()
        seconds = time.perf_counter() - began
        shared = self.fit_seconds if fitted_before and arm in ("influence", "agreement") else 0.0
        return ArmWeights(weights, seconds + shared)


def without_least(values: np.ndarray, count: int) -> np.ndarray:
    """(n,) float32: 0 for the ``count`` least values (the first of equal ones), 1 for the others."""
    weights = np.ones(len(values), dtype=np.float32)
    weights[np.argsort(values, kind="stable")[:count]] = 0
    return weights
