"""What the shown version of the plan does with clusters and single pairs, from the plan on disk where that is the same one."""

from __future__ import annotations

from concurrent.futures import wait
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from influencespace.curation.plan import DISPOSITIONS
from influencespace.errors import PlanError
from influencespace.ui import planning, reading
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

# Seconds before it is said what the page waits for.
PATIENCE = 0.7


@dataclass(frozen=True)
class _Pairs:
    """The ``weights`` of all training pairs, and their ``disposition`` as an index into ``words``."""

    weights: np.ndarray
    disposition: np.ndarray
    words: np.ndarray


def ready(workspace: Workspace) -> None:
    """Have the order of the pairs and the plan made in another thread: of a million pairs, reading them takes a second and a
    new order a part of one. The page waits, for without it all that stands there would go for a moment. If others decide
    meanwhile, what is shown then is the newest version.
    """
    if planning.is_made(workspace):
        return
    work = planning.make(workspace)
    wait([work], timeout=PATIENCE)
    if not work.done():
        with st.spinner("Making the plan"):
            wait([work])
    if work.exception() is None:
        planning.hold(workspace, work.result())


def clusters(workspace: Workspace) -> pd.DataFrame | None:
    """The plan's table of clusters; None before there is influence to plan with, or where a decision cannot be followed."""
    if fitting(workspace, "scores") is None or not_followed(workspace) is not None:
        return None
    stored = _stored(workspace)
    return planning.clusters(workspace) if stored is None else reading.table(stored, "clusters")


def not_followed(workspace: Workspace) -> str | None:
    """Which decision cannot be followed, as one about clusters that were since made anew; None where all can."""
    try:
        if fitting(workspace, "scores") is not None and _stored(workspace) is None:
            ready(workspace)
            planning.plan(workspace)
    except PlanError as error:
        return str(error)
    return None


def of_pairs(workspace: Workspace, index: np.ndarray) -> list[str | None]:
    """The dispositions of some training pairs; None for each where there is no plan of them."""
    found = _pairs(workspace)
    return [None] * len(index) if found is None else found.words[found.disposition[index]].tolist()


def of_pair(workspace: Workspace, index: int) -> str:
    """What becomes of a training pair, in words; empty where there is no plan of it."""
    found = _pairs(workspace)
    if found is None:
        return ""
    weight, disposition = found.weights[index], found.words[found.disposition[index]]
    return "pruned" if weight == 0 else f"{disposition}, weight {weight:.2f}"


def _pairs(workspace: Workspace) -> _Pairs | None:
    if fitting(workspace, "scores") is None or not_followed(workspace) is not None:
        return None
    stored = _stored(workspace)
    if stored is not None:
        return _read(str(stored.folder), stored.digest)
    plan = planning.plan(workspace)
    return _Pairs(plan.weights, plan.disposition, DISPOSITIONS)


@st.cache_resource(show_spinner=False, max_entries=2)
def _read(folder: str, digest: str) -> _Pairs:
    columns = ["weight", "disposition"]
    table = pq.read_table(f"{folder}/pairs.parquet", columns=columns, read_dictionary=["disposition"], memory_map=True)
    words = table["disposition"].combine_chunks()
    return _Pairs(table["weight"].to_numpy(), words.indices.to_numpy(), words.dictionary.to_numpy(zero_copy_only=False))


def _stored(workspace: Workspace) -> Artifact | None:
    """The plan on disk if it is that of the shown version: it need not be made in memory then."""
    plan, version = fitting(workspace, "plan"), planning.shown(workspace)
    same = plan is not None and workspace.state("plan") == "current" and (
        plan.record["options"] == version.options.recipe() and workspace.decisions() == version.decisions
    )
    return plan if same else None
