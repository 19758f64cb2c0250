"""Two versions beside each other: which pairs and clusters they treat otherwise, and what each is said to do to the model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from influencespace.curation.decisions import Decided
from influencespace.curation.history import History, Version
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.measured import MeasuredPlan, measured
from influencespace.curation.plan import Plan, plan_of
from influencespace.curation.preview import Response, grid
from influencespace.curation.standing import Standing
from influencespace.workspace import Artifact, Workspace, canonical

# A difference of weights below this is not seen where they are shown.
SEEN = 0.01


@dataclass(frozen=True)
class Side:
    """One version.

    Attributes
    ----------
    version
        Which.
    kept, removed, up_weighted
        How many pairs.
    notes
        What could not be done as asked, in sentences.
    gains
        For each target the predicted fall of its validation loss, in nats (positive = the plan helps); None where nothing is
        predicted.
    gaps
        For each attribute the predicted gap, the highest loss of a group less the lowest, in nats; None likewise.
    measured
        What was measured, if this plan was trained.
    """

    version: Version
    kept: int
    removed: int
    up_weighted: int
    notes: list[str]
    gains: dict[str, float] | None
    gaps: dict[str, float] | None
    measured: MeasuredPlan | None


@dataclass(frozen=True)
class Comparison:
    """Two versions, a and b.

    Attributes
    ----------
    a, b
        The versions.
    pairs, both
        How many pairs there are, and how many both keep.
    only_a, only_b
        Rows of the training pairs that one keeps and the other does not, ascending.
    reweighted
        Rows of those that both keep with weights that differ by 0.01 and more.
    clusters
        One row a cluster whose disposition differs, in the order in which a removes: ``cluster, name, topic, pairs``, and of each
        ``disposition_a, kept_a, weight_a`` and so on.
    gaps
        For each attribute the gap on all pairs, in nats; None where nothing is predicted.
    """

    a: Side
    b: Side
    pairs: int
    both: int
    only_a: np.ndarray
    only_b: np.ndarray
    reweighted: np.ndarray
    clusters: pd.DataFrame
    gaps: dict[str, float] | None


def compare_versions(
    workspace: Workspace, a: Version | int | str, b: Version | int | str, inputs: PlanInputs | None = None
) -> Comparison:
    """Compare two versions, each as made from what there is now.

    Parameters
    ----------
    workspace
        Whose versions.
    a, b
        Versions, their numbers or their names.
    inputs
        What plans are made from, for those who have read it.

    Raises
    ------
    PlanError
        If there is no such version, or a decision of one cannot be followed.
    WorkspaceError
        If there are no scores yet.
    """
    history = History(workspace)
    versions = [one if isinstance(one, Version) else history.version(one) for one in (a, b)]
    inputs = PlanInputs.read(workspace) if inputs is None else inputs
    known = {one.plan: one for one in measured(workspace)}
    effects = workspace.find("effects") if workspace.state("effects") == "current" else None
    plans, sides, stood = [], [], {}
    for version in versions:
        # Versions that differ in ratio and cap alone have one order.
        order = canonical(version.decisions), replace(version.options, reduction=0.0, cap=1.0)
        if order not in stood:
            decided = inputs.decided(version.decisions)
            stood[order] = decided, inputs.standing(decided, version.options)
        decided, own = stood[order]
        plans.append(plan_of(own, decided, version.options))
        gains = None if effects is None else _gains(effects, own, decided, version)
        digest = workspace.plan_digest(version.options, version.decisions)
        sides.append(_side(version, plans[-1], gains, effects, known.get(digest)))
    kept_a, kept_b = (plan.weights > 0 for plan in plans)
    apart = np.abs(plans[0].weights - plans[1].weights) >= SEEN
    return Comparison(
        *sides, len(kept_a), int((kept_a & kept_b).sum()), np.flatnonzero(kept_a & ~kept_b), np.flatnonzero(kept_b & ~kept_a),
        np.flatnonzero(kept_a & kept_b & apart), _clusters(workspace, *plans),
        None if effects is None else _gaps(effects.facts["losses"]),
    )


def _side(
    version: Version, plan: Plan, gains: dict[str, float] | None, effects: Artifact | None, known: MeasuredPlan | None
) -> Side:
    gaps = None
    if gains is not None:
        gaps = _gaps({name: loss - gains[name] for name, loss in effects.facts["losses"].items()})
    return Side(
        version, int((plan.weights > 0).sum()), int((plan.weights == 0).sum()), plan.up_weighted, plan.notes, gains, gaps, known
    )


def _gains(effects: Artifact, own: Standing, decided: Decided, version: Version) -> dict[str, float]:
    at = (np.array([value]) for value in (version.options.reduction, version.options.cap))
    return dict(zip(effects.facts["targets"], grid(Response.read(effects), own, decided, *at)[0, 0].tolist(), strict=True))


def _gaps(losses: dict[str, float]) -> dict[str, float]:
    """For each attribute the highest loss of a group less the lowest, from losses by target ("attribute=value")."""
    of: dict[str, list[float]] = {}
    for name, loss in losses.items():
        if "=" in name:
            of.setdefault(name.split("=", 1)[0], []).append(loss)
    return {attribute: max(own) - min(own) for attribute, own in of.items() if len(own) > 1}


def _clusters(workspace: Workspace, a: Plan, b: Plan) -> pd.DataFrame:
    names = workspace.artifact("clusters").table("clusters")[["cluster", "name", "topic"]]
    shown = ["cluster", "disposition", "kept", "weight"]
    both = a.clusters[[*shown, "pairs"]].merge(b.clusters[shown], on="cluster", suffixes=("_a", "_b")).merge(names, on="cluster")
    other = both[both["disposition_a"] != both["disposition_b"]].reset_index(drop=True)
    return other[["cluster", "name", "topic", "pairs", *(f"{part}_{side}" for side in "ab" for part in shown[1:])]]
