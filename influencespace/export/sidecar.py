"""What travels with a subset: a small JSON document beside the file that says which plan it is, and from what it was made."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from influencespace import __version__
from influencespace.curation.history import History
from influencespace.workspace import MADE_BY, NEEDS, Workspace

FORMAT = 1
SUFFIX = ".plan.json"


def beside(path: Path) -> Path:
    """The file that lies beside an exported one."""
    return path.with_name(path.name + SUFFIX)


def describe_plan(workspace: Workspace, file: str, form: str, only: dict[str, Any] | None = None) -> dict[str, Any]:
    """The plan that a file was made by.

    Parameters
    ----------
    workspace
        With a plan.
    file, form
        Name and format of the file.
    only
        ``set`` (digest) and ``pairs``, where only some of the kept pairs were written.

    Returns
    -------
    dict
        ``format``, ``made_by``, ``exported`` (UTC), ``file`` (``name``, ``format``), ``only``, ``counts`` (``pairs``, ``kept``,
        ``removed``, ``up_weighted``), ``clusters`` (disposition -> how many), ``notes``, ``options`` and ``decisions`` of the
        plan, ``version`` (``id``, ``name``, ``created``, ``what``; null where there is no history), and ``stages``: for the
        plan and all before it ``digest``, ``created``, ``version``, ``options``.
    """
    plan = workspace.artifact("plan")
    dispositions = plan.table("clusters")["disposition"].value_counts().sort_index()
    return {
        "format": FORMAT, "made_by": f"InfluenceSpace {__version__}",
        "exported": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "file": {"name": file, "format": form},
        "only": only,
        "counts": {key: plan.facts[key] for key in ("pairs", "kept", "removed", "up_weighted")},
        "clusters": {name: int(count) for name, count in dispositions.items()}, "notes": plan.facts["notes"],
        "options": plan.record["options"], "decisions": workspace.decisions(),
        "version": _version(workspace),
        "stages": {MADE_BY[name]: _made(workspace, name) for name in (*NEEDS["plan"], "plan")},
    }


def _version(workspace: Workspace) -> dict[str, Any] | None:
    """The version of a current plan is the head of the history."""
    if not workspace.history.exists():
        return None
    head = History(workspace).head()
    return {key: getattr(head, key) for key in ("id", "name", "created", "what")}


def _made(workspace: Workspace, name: str) -> dict[str, Any]:
    record = workspace.artifact(name).record
    return {key: record[key] for key in ("digest", "created", "version", "options")}
