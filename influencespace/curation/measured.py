"""What trained plans came to, remembered by the plan's digest: a later training replaces the artifact, but not this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.errors import WorkspaceError
from influencespace.options import restore
from influencespace.workspace import Artifact, Workspace

FORMAT = 1
BASELINE = "full"


@dataclass(frozen=True)
class MeasuredPlan:
    """The results of the arms that were trained beside a plan.

    Attributes
    ----------
    plan
        Digest of the plan.
    version
        The latest version of which that is the plan, as things are now; None where there is none any more.
    created
        When it was trained: UTC, ISO 8601.
    options
        What the plan was made with.
    reduction
        Share of the pairs that the plan removed.
    metric, seeds
        Which recall (such as "R@10"), and over how many seeds.
    recall
        For each arm ``{"mean", "low", "high"}``, in points of percent, mean of both directions.
    differences
        The same for each arm less full, paired.
    gaps
        For each attribute and arm the difference of that recall between the groups that lie farthest apart, the same way.
    """

    plan: str
    version: int | None
    created: str
    options: PlanOptions
    reduction: float
    metric: str
    seeds: int
    recall: dict[str, dict[str, float | None]]
    differences: dict[str, dict[str, float | None]]
    gaps: dict[str, dict[str, dict[str, float | None]]]

    @property
    def cap(self) -> float:
        """The up-weight cap of the plan."""
        return self.options.cap


def remember(workspace: Workspace) -> None:
    """Keep a summary of the present training, under the digest of the plan that was trained.

    Raises
    ------
    WorkspaceError
        If there is none, or the workspace cannot be written.
    """
    training, plan = workspace.artifact("training"), workspace.artifact("plan")
    workspace.store_measured(plan.digest, _summary(training, plan))


def measured(workspace: Workspace) -> list[MeasuredPlan]:
    """All plans whose results are known, the latest first."""
    known = workspace.measured()
    training, plan = workspace.find("training"), workspace.find("plan")
    if training is not None and plan is not None and training.record["inputs"]["plan"] == plan.digest:
        known.setdefault(plan.digest, _summary(training, plan))  # one from before such summaries were kept
    versions = _versions(workspace) if known else {}
    found = [
        MeasuredPlan(
            digest, versions.get(digest), one["created"], restore(PlanOptions, one["options"]), one["reduction"], one["metric"],
            one["seeds"], one["recall"], one["differences"], one["gaps"],
        ) for digest, one in known.items()
    ]
    return sorted(found, key=lambda one: one.created, reverse=True)


def _versions(workspace: Workspace) -> dict[str, int]:
    """The latest version of every plan that there is one of."""
    try:
        versions = History(workspace).versions()[::-1]
        digests = workspace.plan_digests((version.options, version.decisions) for version in versions)
        return {digest: version.id for digest, version in zip(digests, versions, strict=True)}
    except WorkspaceError:  # what plans are made from is not there any more
        return {}


def _summary(training: Artifact, plan: Artifact) -> dict[str, Any]:
    results = training.json("results")
    metric, arms = results["decides"], results["arms"]
    attributes = {attribute for arm in arms for attribute in arm["gaps"]}
    return {
        "format": FORMAT, "created": training.record["created"], "options": plan.record["options"],
        "reduction": plan.facts["removed"] / plan.facts["pairs"], "metric": metric, "seeds": len(results["seeds"]),
        "recall": {arm["arm"]: _figure(arm["recall"][metric]["both"]) for arm in arms},
        "differences": {
            entry["arm"]: _figure(entry) for entry in results["differences"]
            if entry["against"] == BASELINE and entry["metric"] == metric
        },
        "gaps": {
            attribute: {arm["arm"]: _figure(arm["gaps"][attribute]["gap"]) for arm in arms if attribute in arm["gaps"]}
            for attribute in sorted(attributes)
        },
    }


def _figure(found: dict[str, Any]) -> dict[str, float | None]:
    return {key: found[key] for key in ("mean", "low", "high")}
