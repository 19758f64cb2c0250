"""The plans that other settings would give: one setting changed, everything else as the workspace has it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.tree import TopicSpace, find_topics
from influencespace.curation.decisions import CLUSTERS, PAIRS, SETS, TOPICS
from influencespace.curation.members import Members
from influencespace.curation.sets import Found
from influencespace.engines import HERE, Engine
from influencespace.evaluation.ablation_figures import arm_of
from influencespace.progress import silent
from influencespace.proxy.crossfit import CrossFit
from influencespace.training.arms import ArmWeights, Redrawn
from influencespace.training.curation import Curation

INFLUENCE = "influence"
# What neither proxies nor scores depend on, and what the proxies alone do not depend on.
OF_THE_PLAN, OF_THE_SCORES = ("cap", "fairness"), ("rank", "damping")


@dataclass(frozen=True)
class Setup:
    """A workspace's curation as it is, of which one setting at a time is changed.

    Attributes
    ----------
    curation
        The pairs, the options and the decisions.
    clusters
        The options that its topics were found with.
    members
        The clusters that decisions are about.
    """

    curation: Curation
    clusters: ClusterOptions
    members: Members

    def changed(self, knob: str, value: Any) -> Curation:
        """The curation with one setting at another value."""
        c = self.curation
        if knob == "topics":
            return self._with_topics(value)
        if knob in OF_THE_PLAN:
            return replace(c, plan=replace(c.plan, **{knob: value}))
        if knob in OF_THE_SCORES:
            return replace(c, score=replace(c.score, **{knob: value}))
        return replace(c, proxy=replace(c.proxy, **{knob: value}))

    def _with_topics(self, topics: int) -> Curation:
        """With other topics. What was decided of topics and clusters goes on holding for the pairs that were in them then."""
        c = self.curation
        space = TopicSpace(c.pairs.image.cpu().numpy(), c.pairs.text.cpu().numpy(), c.pairs.train)
        held: dict[str, Found] = {}
        for level, which in ((TOPICS, self.members.topic), (CLUSTERS, self.members.cluster)):
            for name in c.decisions.get(level, {}):
                held[f"{level} {name}"] = Found(self.members.rows(which(name)), None, [])
        former = [
            {"set": f"{level} {name}", "name": name, "decision": decision}
            for level in (TOPICS, CLUSTERS) for name, decision in c.decisions.get(level, {}).items()
        ]
        decisions = {SETS: [*former, *c.decisions.get(SETS, [])], PAIRS: c.decisions.get(PAIRS, {})}
        return replace(
            c, topics=find_topics(space, replace(self.clusters, topics=topics)), decisions=decisions,
            find=lambda digest: held.get(digest) or c.find(digest),
        )


class SeedPlans:
    """The plans of one seed. Proxies are fitted, and pairs scored, once for all settings that share them.

    Parameters
    ----------
    setup
        The workspace.
    seed
        The number of the redrawing, 0 = the first.
    fitted
        Proxies that were fitted before and the seconds that it took; None to draw folds anew.
    drawing
        Makes the engine that fits and scores for the run of a name, or without one for all.

    Attributes
    ----------
    progress
        Told of what is fitted and scored.
    """

    def __init__(
        self, setup: Setup, seed: int, fitted: tuple[CrossFit, float] | None = None,
        drawing: Callable[..., Engine] = lambda *name: HERE,
    ) -> None:
        self.setup, self.seed, self.drawing, self.progress = setup, seed, drawing, silent
        self._own = Redrawn(setup.curation, seed, lambda *told: self.progress(*told), drawing())
        if fitted is not None:
            self._own.adopt(*fitted)

    def weights(self, knob: str | None = None, value: Any = None) -> ArmWeights:
        """(n_train,) weights of the plan with one setting at another value, or of the workspace's own plan."""
        if knob is None:
            return self._own.weights(INFLUENCE)
        curation = self.setup.changed(knob, value)
        if knob in OF_THE_PLAN:
            _ = self._own.scored  # computed before the copy is made, which then has them too
            other = copy.copy(self._own)
            other.curation = curation
        else:
            other = Redrawn(curation, self.seed, self._own.progress, self.drawing(arm_of(knob, value)))
            if knob != "folds":
                fitted = self._own.fitted
                other.adopt(fitted, self._own.fit_seconds)
        return other.weights(INFLUENCE)
