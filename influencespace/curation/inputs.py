"""What plans are made from, read once from a workspace: so that many plans can be tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.curation.decisions import Decided, resolve
from influencespace.curation.fairness import Direction, direction
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import Plan, Standing, make_plan, standing
from influencespace.features.duplicates import stored_duplicates
from influencespace.pairs.views import training_rows
from influencespace.workspace import Workspace


@dataclass(frozen=True)
class PlanInputs:
    """The training pairs as a plan sees them, n of them.

    Attributes
    ----------
    ids, labels, topics
        (n,) id, cluster and topic of each pair.
    scores
        (n, targets) shrunk influence.
    agreement
        (n,) standardised agreement.
    sets
        (n,) int, the same for near-duplicates.
    targets
        As stored with the scores.
    """

    ids: np.ndarray
    labels: np.ndarray
    topics: np.ndarray
    scores: np.ndarray
    agreement: np.ndarray
    sets: np.ndarray
    targets: list[dict]

    @classmethod
    def read(cls, workspace: Workspace) -> PlanInputs:
        """From the artifacts of a workspace, current or stale."""
        table, members = workspace.artifact("pairs").table("pairs"), workspace.artifact("clusters").table("members")
        rows, scores = training_rows(table), workspace.artifact("scores")
        return cls(
            table["id"].to_numpy(dtype=object)[rows], members["cluster"].to_numpy(dtype=object), members["topic"].to_numpy(),
            scores.table("pairs").to_numpy(dtype=np.float64), np.asarray(workspace.artifact("proxy").array("agreement")),
            stored_duplicates(workspace.artifact("features"))[rows], scores.json("targets"),
        )

    def decided(self, decisions: dict, options: PlanOptions) -> Decided:
        """What the curator has decided, pair by pair.

        Raises
        ------
        PlanError
            If a decision cannot be followed.
        """
        return resolve(decisions, self.ids, self.labels, self.topics, options.cap)

    def plan(self, decided: Decided, options: PlanOptions) -> Plan:
        """The plan."""
        return make_plan(self.scores, self.agreement, self.labels, self._direction(options), decided, options, self.sets)

    def standing(self, decided: Decided, options: PlanOptions) -> Standing:
        """How pairs and clusters stand before any ratio."""
        return standing(self.scores, self.agreement, self.labels, self._direction(options), decided, options, self.sets)

    def _direction(self, options: PlanOptions) -> Direction:
        return direction(self.targets, options.fairness)
