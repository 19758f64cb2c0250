"""What commands report, as plain JSON values: stages and their state, the plan, what curation found of the demo's faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from influencespace.pairs.views import training_rows
from influencespace.workspace import MADE_BY, Workspace

TRUTH = "truth.jsonl"
UNDAMAGED = "none"
RARE = "rare group"


def stage_entries(workspace: Workspace) -> list[dict[str, Any]]:
    """One entry a stage, in the order of the road.

    Returns
    -------
    list of dict
        ``stage, artifact, state`` (current, stale, damaged or missing) and, if it can be read, ``created, seconds, digest,
        options, facts``; ``damage`` in words if it is damaged.
    """
    return [stage_entry(workspace, artifact) for artifact in MADE_BY]


def stage_entry(workspace: Workspace, artifact: str) -> dict[str, Any]:
    """The entry of one stage, by its artifact."""
    entry = {"stage": MADE_BY[artifact], "artifact": artifact, "state": workspace.state(artifact)}
    if entry["state"] == "damaged":
        return entry | {"damage": str(workspace.damage(artifact))}
    made = workspace.find(artifact)
    if made is None:
        return entry
    return entry | {key: made.record[key] for key in ("created", "seconds", "digest", "options", "facts")}


def plan_summary(workspace: Workspace) -> dict[str, Any] | None:
    """The plan in figures; None if there is none.

    Returns
    -------
    dict
        ``pairs``, ``kept``, ``removed``, ``up_weighted`` (pairs of clusters with more than their share),
        ``notes`` (what could not be done as asked), ``reduction`` (percent), ``clusters`` (disposition -> how many).
    """
    plan = workspace.find("plan")
    if plan is None:
        return None
    facts = plan.facts
    return {
        **{key: facts[key] for key in ("pairs", "kept", "removed", "up_weighted", "notes")},
        "reduction": 100 * facts["removed"] / facts["pairs"],
        "clusters": plan.table("clusters")["disposition"].value_counts().sort_index().to_dict(),
    }


def found_faults(workspace: Workspace) -> dict[str, dict[str, int]] | None:
    """How many of the faults that were planted in the demo the plan has pruned; None where there is no truth.

    Returns
    -------
    dict
        Kind of damage -> ``planted`` and ``pruned``; ``none`` counts the pairs that nothing was done to, and ``rare group``
        all pairs of that group.
    """
    plan, pairs = workspace.find("plan"), workspace.find("pairs")
    truth = None if pairs is None else Path(pairs.facts["source"]).with_name(TRUTH)
    if plan is None or not truth.is_file():
        return None
    table = pairs.table("pairs")
    rows = table.iloc[training_rows(table)].assign(pruned=plan.table("pairs")["weight"].to_numpy() == 0)
    with truth.open(encoding="utf-8") as lines:
        known = pd.DataFrame([json.loads(line) for line in lines])
    known = known.merge(rows[["image", "pruned"]], on="image")
    kinds = {kind: known["damage"] == kind for kind in sorted(known["damage"].unique(), key=_undamaged_last)}
    kinds[RARE] = known["rare"]
    return {
        kind: {"planted": int(own.sum()), "pruned": int(known.loc[own, "pruned"].sum())} for kind, own in kinds.items()
    }


def _undamaged_last(kind: str) -> tuple[bool, str]:
    return kind == UNDAMAGED, kind
