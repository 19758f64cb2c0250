"""The arms: which pairs each trains on, with which weights, and what it cost to find out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from influencespace.clusters.tree import cluster_ids, cut_strata
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import make_plan
from influencespace.engines import HERE, Engine
from influencespace.influence.hierarchy import cluster_means, shrink
from influencespace.influence.stage import Scored, score_pairs
from influencespace.progress import Progress, silent
from influencespace.proxy.crossfit import CrossFit, cross_fit
from influencespace.training.baselines import BASELINES, without_least
from influencespace.training.curation import Curation
from influencespace.training.options import DYNAMIC

# A seed of training redraws the folds; seeds of the draws of one run of the proxy are 1000 apart.
NEXT_FOLDS = 100_000


@dataclass(frozen=True)
class ArmWeights:
    """The weights of one arm and seed, and the seconds that finding them took."""

    weights: np.ndarray
    seconds: float


class Redrawn:
    """What one seed finds: folds drawn anew, and agreement and influence from them. Computed once, when first needed.

    Parameters
    ----------
    curation, seed
        What is curated, and the number of the redrawing; 0 is the first.
    engine
        Computes it. What it has kept from before counts with the seconds that it took then.
    """

    def __init__(self, curation: Curation, seed: int, progress: Progress = silent, engine: Engine = HERE) -> None:
        self.curation, self.seed, self.progress, self.engine = curation, seed, progress, engine
        self.proxy = replace(curation.proxy, seed=curation.proxy.seed + NEXT_FOLDS * seed)
        self._fitted: CrossFit | None = None
        self._scored: Scored | None = None
        self.fit_seconds = self.score_seconds = 0.0

    @property
    def fitted(self) -> CrossFit:
        """The proxies of this seed."""
        if self._fitted is None:
            began = self._clock()
            self._fitted = cross_fit(self.curation.pairs, self.proxy, self.progress, self.engine)
            self.fit_seconds = self._clock() - began
        return self._fitted

    def adopt(self, fitted: CrossFit, seconds: float) -> None:
        """Use proxies that were fitted before, in so many seconds, and their ridge."""
        self._fitted, self.fit_seconds = fitted, seconds

    @property
    def clusters(self) -> np.ndarray:
        """(n_train,) str: the curator's topics, cut into strata of the agreement that these folds give."""
        topics = self.curation.topics
        return cluster_ids(topics, cut_strata(topics, self.fitted.agreement, self.curation.strata))

    @property
    def scored(self) -> Scored:
        """The selection scores that these folds give, shrunk toward those of the clusters."""
        if self._scored is None:
            c, fitted = self.curation, self.fitted
            began = self._clock()
            self._scored = score_pairs(
                c.pairs, fitted, self.clusters, c.validation, c.compared, self.proxy, c.score, self.progress, self.engine
            )
            self.score_seconds = self._clock() - began
        return self._scored

    def influence(self) -> np.ndarray:
        """(n_train,) weights of the plan that these folds give: the curator's topics, options and decisions."""
        return self._plan(self.clusters, self.scored.scores, self.curation.plan, self.curation.decisions)

    def semantic(self) -> np.ndarray:
        """(n_train,) weights of the plan if clusters were the topics, ordered by their mean influence alone.

        There is no agreement in it, neither in strata nor in the order, and what the curator has decided of clusters that are
        not there does not count; the rest is as of the plan.
        """
        topics, halves = self.curation.topics, self.scored.halves
        whole = cluster_ids(topics, np.zeros_like(topics))
        means = cluster_means(halves, whole)
        # The means as they are: where nothing tells topics apart but chance, shrunken ones would leave no order at all.
        scores = shrink(halves, replace(means, trust=np.ones_like(means.trust)))
        return self._plan(whole, scores, replace(self.curation.plan, agreement=0.0), {})

    def agreement(self) -> np.ndarray:
        """(n_train,) 0/1: without the pairs whose cross-fitted agreement is least."""
        return without_least(self.fitted.agreement, self.curation.removed)

    def weights(self, arm: str) -> ArmWeights:
        """The weights of an arm by name; what several arms need is computed once, and its time counts for each of them."""
        makers: dict[str, Callable[[], np.ndarray]] = {
            "influence": self.influence, "semantic": self.semantic, "agreement": self.agreement,
            DYNAMIC: self.influence,  # which is what it begins with
        } | {name: partial(make, self.curation, self.seed) for name, make in BASELINES.items()}
        began, before = self._clock(), self.fit_seconds + self.score_seconds
        weights = makers[arm]()
        own = self._clock() - began - (self.fit_seconds + self.score_seconds - before)
        shared = 0.0 if arm in BASELINES else self.fit_seconds + (self.score_seconds if arm != "agreement" else 0.0)
        return ArmWeights(weights, own + shared)

    def _clock(self) -> float:
        """Seconds, which go on by what earlier computing took where its result is taken over."""
        return time.perf_counter() + self.engine.spared

    def _plan(self, clusters: np.ndarray, scores: np.ndarray, options: PlanOptions, decisions: dict[str, Any]) -> np.ndarray:
        c, scored = self.curation, self.scored
        targets = [
            {"attribute": t.attribute, "loss": round(float(loss), 6), "loss_error": round(float(error), 6)}
            for t, loss, error in zip(scored.targets, scored.loss, scored.loss_error, strict=True)
        ]
        members = Members.of(clusters, c.topics)
        decided = resolve(decisions, c.ids, members, c.find)
        # The scores of the plan have been stored in float32.
        return make_plan(
            scores.astype(np.float32).astype(np.float64), self.fitted.agreement, members, direction(targets, c.plan.fairness),
            decided, options, c.sets,
        ).weights
