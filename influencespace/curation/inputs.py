"""What plans are made from, read once from a workspace: so that many plans can be tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.curation.decisions import Decided, resolve
from influencespace.curation.fairness import direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import Plan, plan_of
from influencespace.curation.sets import Find, finder, nothing_stored
from influencespace.curation.standing import Standing, Undecided, undecided
from influencespace.features.duplicates import stored_duplicates
from influencespace.workspace import Workspace


@dataclass(frozen=True)
class PlanInputs:
    """The training pairs as a plan sees them, n of them.

    Attributes
    ----------
    ids
        (n,) of str.
    members
        Cluster and topic of each pair.
    scores
        (n, targets) shrunk influence.
    agreement
        (n,) standardised agreement.
    sets
        (n,) int, the same for near-duplicates.
    targets
        As stored with the scores.
    find
        Finds the sets of pairs that decisions name.
    """

    ids: pa.Array | np.ndarray
    members: Members
    scores: np.ndarray
    agreement: np.ndarray
    sets: np.ndarray
    targets: list[dict]
    find: Find = nothing_stored

    @classmethod
    def read(cls, workspace: Workspace) -> PlanInputs:
        """From the artifacts of a workspace, current or stale."""
        table, scores = workspace.artifact("pairs").columns("pairs", ["id", "split"]), workspace.artifact("scores")
        train = pc.equal(table["split"], "train")
        ids, rows = table["id"].filter(train).combine_chunks(), np.flatnonzero(train)
        return cls(
            ids, Members.read(workspace.artifact("clusters")), scores.table("pairs").to_numpy(dtype=np.float64),
            np.asarray(workspace.artifact("proxy").array("agreement")),
            stored_duplicates(workspace.artifact("features"))[rows], scores.json("targets"), finder(workspace, ids),
        )

    def decided(self, decisions: dict) -> Decided:
        """What the curator has decided, pair by pair.

        Raises
        ------
        PlanError
            If a decision cannot be followed.
        """
        return resolve(decisions, self.ids, self.members, self.find)

    def plan(self, decided: Decided, options: PlanOptions) -> Plan:
        """The plan."""
        return plan_of(self.standing(decided, options), decided, options)

    def standing(self, decided: Decided, options: PlanOptions) -> Standing:
        """How pairs and clusters stand before any ratio and cap."""
        return self.undecided(options).decided(decided, options)

    def undecided(self, options: PlanOptions) -> Undecided:
        """What that comes from before anything is decided."""
        serves = direction(self.targets, options.fairness)
        return undecided(self.scores, self.agreement, self.members, serves, options, self.sets)
