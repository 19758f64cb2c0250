"""The stage ``plan``: from scores and the curator's decisions to a weight for every pair."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pandas as pd

from influencespace.curation.history import History
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import Plan
from influencespace.curation.reasons import reasons
from influencespace.curation.words import changed
from influencespace.progress import Progress, silent
from influencespace.workspace import NEEDS, Artifact, Workspace

FORMAT = 1


def plan_subset(workspace: Workspace, options: PlanOptions, progress: Progress = silent) -> Artifact:
    """Plan the subset and write the artifact ``plan``; options other than those of the present version are a step.

    Raises
    ------
    PlanError
        If a decision cannot be followed.
    """
    history = History(workspace)
    head = history.head()
    history.record(changed(head.options, options), options, head.decisions)
    with workspace.write("plan", options) as draft:
        inputs, clusters = PlanInputs.read(workspace), workspace.artifact("clusters")
        ids = inputs.ids.to_numpy(zero_copy_only=False)
        decisions = workspace.decisions()
        plan = inputs.plan(inputs.decided(decisions), options)
        table = plan.clusters.merge(clusters.table("clusters")[["cluster", "topic", "name", "agreement"]], on="cluster")
        table["reason"] = reasons(table, len(ids))
        twice = plan.duplicate_of != np.arange(len(ids))
        draft.table("pairs", pd.DataFrame({
            "weight": plan.weights, "disposition": plan.dispositions,
            "duplicate_of": np.where(twice, ids[plan.duplicate_of], None),
        }))
        draft.table("clusters", table.drop(columns=["topic", "name", "agreement"]))
        digests = {name: workspace.artifact(name).digest for name in NEEDS["plan"]}
        topics = clusters.table("topics")
        draft.json("decisions", decisions)
        draft.json("plan", _document(plan, table, topics, ids, inputs.members, options, digests))
        kept = int((plan.weights > 0).sum())
        draft.facts = {
            "pairs": len(ids), "kept": kept, "removed": len(ids) - kept,
            "up_weighted": plan.up_weighted, "notes": plan.notes,
        }
    return workspace.artifact("plan")


def _document(
    plan: Plan, table: pd.DataFrame, topics: pd.DataFrame, ids: np.ndarray, members: Members, options: PlanOptions,
    digests: dict,
) -> dict:
    """The plan as JSON: enough to rebuild the subset from the source, small by run-length coding."""
    kept = plan.weights > 0
    return {
        "format": FORMAT, "options": options.recipe(), "inputs": digests, "pairs": len(ids), "kept": int(kept.sum()),
        "ids": ids[kept].tolist(), "weights": _runs(plan.weights[kept].astype(str).astype(float).tolist()),
        "members": _runs(members.labels[members.member[kept]].tolist()), "dispositions": _runs(plan.dispositions[kept].tolist()),
        "clusters": {
            row.cluster: {"topic": int(row.topic), "name": row.name, "disposition": row.disposition, "reason": row.reason}
            for row in table.itertuples(index=False)
        },
        "topics": {str(topic): name for topic, name in zip(topics["topic"], topics["name"], strict=True)},
        "notes": plan.notes,
    }


def _runs(values: list) -> list[list]:
    return [[value, sum(1 for _ in run)] for value, run in groupby(values)]
