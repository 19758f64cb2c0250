"""What the shown version of the plan does with clusters and single pairs, from the plan on disk where that is the same one."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq

from influencespace.ui import planning, reading
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace


def clusters(workspace: Workspace) -> pd.DataFrame | None:
    """The plan's table of clusters; None before there is influence to plan with."""
    if fitting(workspace, "scores") is None:
        return None
    stored = _stored(workspace)
    return planning.clusters(workspace) if stored is None else reading.table(stored, "clusters")


def of_pair(workspace: Workspace, index: int) -> str:
    """What becomes of a training pair, in words; empty before there is influence to plan with."""
    if fitting(workspace, "scores") is None:
        return ""
    stored = _stored(workspace)
    if stored is None:
        plan = planning.plan(workspace)
        weight, disposition = plan.weights[index], plan.dispositions[index]
    else:
        read = {"columns": ["weight", "disposition"], "read_dictionary": ["disposition"], "memory_map": True}
        [row] = pq.read_table(stored.folder / "pairs.parquet", **read).slice(index, 1).to_pylist()
        weight, disposition = row["weight"], row["disposition"]
    return "pruned" if weight == 0 else f"{disposition}, weight {weight:.2f}"


def _stored(workspace: Workspace) -> Artifact | None:
    """The plan on disk if it is that of the shown version: it need not be made in memory then."""
    plan, version = fitting(workspace, "plan"), planning.shown(workspace)
    same = plan is not None and workspace.state("plan") == "current" and (
        plan.record["options"] == version.options.recipe() and workspace.decisions() == version.decisions
    )
    return plan if same else None
