"""The panels of the clusters page: what pointing at the map selects, and the list of topics and clusters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.ui import cluster_list, planned, reading, selection, selection_panels
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.ui.selection import Selection
from influencespace.workspace import Artifact, Workspace

LIST = "clusters_list"
CURATE = Path(__file__).parents[2] / "pages" / "curate.py"


def on_map(workspace: Workspace, pairs: TrainingPairs) -> dict[str, Callable]:
    """What a click on the map selects (the topic of the pair, with the pair first) and what a lasso."""

    @guarded()
    def clicked(pair: int) -> None:
        codes = pairs.codes("topic")
        st.session_state["clusters_pair"] = (pairs.key, int(pair))
        selection.choose(workspace, selection.TOPIC, str(codes.labels[codes.code[pair]]))

    @guarded()
    def selected(polygon: list[list[int]] | None) -> None:
        if polygon is None:
            selection.choose(workspace)
        else:
            selection.choose(workspace, selection.AREA, json.dumps(polygon))

    return {"on_click": clicked, "on_select": selected}


def clicked_pair(pairs: TrainingPairs, chosen: Selection) -> int:
    """The pair that was clicked last on the map, if it is among those selected; else -1."""
    key, pair = st.session_state.get("clusters_pair", ("", -1))
    if key != pairs.key or chosen.choice.kind != selection.TOPIC:
        return -1
    codes = pairs.codes("topic")
    return pair if str(codes.labels[codes.code[pair]]) == chosen.choice.value else -1


def listed(workspace: Workspace, pairs: TrainingPairs, clusters: Artifact) -> pd.DataFrame:
    """The topics or clusters that are listed, in their order."""
    return cluster_list.summary(workspace, clusters, _level(), selection_panels.target(pairs), key=LIST)


def view(pairs: TrainingPairs, clusters: Artifact) -> None:
    """What is listed: topics or clusters, and with which groups."""
    topics, strata = (len(reading.table(clusters, name)) for name in ("topics", "clusters"))
    if len(pairs.attributes) > 1:
        st.selectbox("Groups of", pairs.attributes, key="list_attribute", label_visibility="collapsed", width=150)
    st.segmented_control(
        "List", [cluster_list.TOPIC, cluster_list.CLUSTER], default=cluster_list.TOPIC, required=True, key="list_level",
        format_func={cluster_list.TOPIC: f"{topics:,} topics", cluster_list.CLUSTER: f"{strata:,} clusters"}.get,
        label_visibility="collapsed", help="A topic is cut into clusters by how well its captions fit the photos.",
    )


def step(workspace: Workspace, rows: pd.DataFrame, by: int) -> None:
    """Select the next row of the list (1), or the one before (-1), and turn to its page."""
    names, chosen = list(rows["id"]), selection.chosen(workspace)
    here = names.index(chosen.value) if chosen.kind == _level() and chosen.value in names else -1 if by > 0 else len(names)
    at = int(np.clip(here + by, 0, len(names) - 1))
    _choose(workspace, names[at])
    cluster_list.turn_to(LIST, at)


def unfollowed(workspace: Workspace) -> None:
    """Say so where a decision cannot be followed, with the way to where it is taken back; else nothing."""
    why = planned.not_followed(workspace)
    if why is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(f"Nothing is said of the plan here. {escaped(why)}", icon=":material/gavel:")
            st.page_link(CURATE, label="Look through your decisions", icon=":material/tune:")


def table(workspace: Workspace, pairs: TrainingPairs, rows: pd.DataFrame, chosen: Selection) -> None:
    """The list of topics or of clusters; a click on one selects it."""
    level, attribute = _level(), st.session_state.get("list_attribute")
    cluster_list.draw(
        pairs, rows, level, target=selection_panels.target(pairs), key=LIST,
        attribute=attribute if attribute in pairs.attributes else next(iter(pairs.attributes), ""),
        chosen=chosen.choice.value if chosen.choice.kind == level else "",
        on_choose=lambda: _choose(workspace, st.session_state[LIST].chosen),
    )


def _level() -> str:
    """Whether topics or clusters are listed, which is a kind of selection too."""
    return st.session_state.get("list_level") or cluster_list.TOPIC


@guarded()
def _choose(workspace: Workspace, name: str | None) -> None:
    if isinstance(name, str):
        st.session_state.pop("clusters_pair", None)
        selection.choose(workspace, _level(), name)
