"""The panels of the clusters page: what is chosen, its photos, and the table of clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.ui import colours, gallery, reading
from influencespace.ui.reading import INFLUENCE
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

PAGE = 24
COLUMNS = ("name", "pairs", "share", "agreement", "overall.mean", "disposition", "reason")
# What the photos are ordered by: the column, and whether small values come first.
ORDERS = {
    "Fits worst": ("agreement", True), "Fits best": ("agreement", False),
    "Harms most": ("influence.overall", True), "Helps most": ("influence.overall", False),
}


def choose(topics: dict[int, str], strata: dict[str, str], *, key: str) -> None:
    """Boxes for a topic and, within it, a cluster."""
    topic = st.selectbox(
        "Topic", [None, *topics], format_func=lambda topic: "All topics" if topic is None else topics[topic],
        key=f"{key}_topic", on_change=_forget, args=(key,), label_visibility="collapsed",
    )
    within = [] if topic is None else [name for name in strata if name.startswith(f"{topic}.")]
    if len(within) > 1:
        st.segmented_control(
            "Cluster", within, format_func=lambda name: _stratum(within.index(name), len(within)), key=f"{key}_cluster",
            label_visibility="collapsed", help="The pairs of a topic, cut by how well their captions fit the photos.",
        )


def chosen(key: str) -> tuple[int | None, str | None]:
    """The topic and the cluster that are chosen; None for all."""
    topic = st.session_state.get(f"{key}_topic")
    return topic, None if topic is None else st.session_state.get(f"{key}_cluster")


def on_click(workspace: Workspace, pairs: pd.DataFrame, *, key: str) -> Callable[[], None]:
    """What a click on the map does: it chooses the pair and the pair's topic."""
    topic = pairs["topic"].to_numpy()

    def choose_pair() -> None:
        pair = st.session_state[f"{key}_map"].clicked
        if pair is not None and 0 <= pair < len(topic):
            st.session_state[f"{key}_topic"] = int(topic[pair])
            st.session_state[f"{key}_cluster"] = None
            st.session_state[f"{key}_pair"] = (str(workspace.path), int(pair))

    return choose_pair


def chosen_pair(workspace: Workspace, pairs: pd.DataFrame, *, key: str) -> int:
    """The pair that was clicked last; -1 if none was, or others were chosen since."""
    path, pair = st.session_state.get(f"{key}_pair", ("", -1))
    return pair if path == str(workspace.path) and pair < len(pairs) else -1


def photos(workspace: Workspace, pairs: pd.DataFrame, *, key: str, first: int = -1, height: int = 462) -> None:
    """The gallery of pairs in an order to choose, page by page; ``first`` is the index of a pair to show before all."""
    there = {name: order for name, order in ORDERS.items() if order[0] in pairs}
    if there:
        order = st.segmented_control(
            "Order", list(there), default=next(iter(there)), required=True, key=f"{key}_order",
            label_visibility="collapsed",
        )
        column, ascending = there[order]
        pairs = pairs.sort_values(column, ascending=ascending, kind="stable")
    if first in pairs.index:
        pairs = pd.concat([pairs.loc[[first]], pairs.drop(index=first)])
    pages = max(1, -(-len(pairs) // PAGE))
    with st.container(height=height, border=False):
        slot = st.container()
        page = st.pagination(pages, key=f"{key}_page_{len(pairs)}", max_visible_pages=5) if pages > 1 else 1
        shown = pairs.iloc[(page - 1) * PAGE : page * PAGE].rename(columns={f"{INFLUENCE}overall": "influence"})
        reach = colours.reach(pairs[f"{INFLUENCE}overall"]) if f"{INFLUENCE}overall" in pairs else 1.0
        with slot:
            gallery.draw(workspace, shown, key=f"{key}_gallery", reach=reach)


def table(workspace: Workspace, clusters: Artifact, topic: int | None) -> None:
    """The clusters with their sizes, fit, influence and disposition."""
    rows = summary(workspace, clusters)
    if topic is not None:
        rows = rows[rows["topic"] == topic]
    reach = float(np.nanmax(np.abs(rows["overall.mean"]))) if "overall.mean" in rows and len(rows) else 1.0
    st.dataframe(
        rows, hide_index=True, alt="Clusters with size, fit of the captions, influence and disposition",
        column_order=[column for column in COLUMNS if column in rows],
        column_config={
            "name": st.column_config.TextColumn("Cluster", pinned=True, width="large"),
            "pairs": st.column_config.NumberColumn("Pairs", format="localized"),
            "share": st.column_config.NumberColumn("Share", format="%.1f %%"),
            "agreement": st.column_config.NumberColumn(
                "Caption fit", format="%+.2f", help="Mean agreement of captions with photos; 0 is the mean of all pairs."
            ),
            "overall.mean": st.column_config.NumberColumn(
                "Influence", format="%+.4f" if reach >= 0.001 else "%+.2e",
                help="Mean selection score of its pairs: above zero helps, below zero harms. It orders; its size means nothing.",
            ),
            "disposition": "Disposition",
            "reason": st.column_config.TextColumn("Why", width="large"),
        },
    )


def summary(workspace: Workspace, clusters: Artifact) -> pd.DataFrame:
    """One row a cluster with what is known of it so far: ``clusters.parquet`` with the columns of scores and plan."""
    rows = reading.table(clusters, "clusters")
    rows = rows.assign(share=100 * rows["pairs"] / max(rows["pairs"].sum(), 1))
    scores, plan = fitting(workspace, "scores"), fitting(workspace, "plan")
    if scores is not None:
        rows = rows.merge(reading.table(scores, "clusters"), on="cluster", how="left")
    if plan is not None:
        rows = rows.merge(reading.table(plan, "clusters").drop(columns="pairs"), on="cluster", how="left")
    return rows


def _stratum(index: int, count: int) -> str:
    ends = {0: "fits worst", count - 1: "fits best"}
    return ends.get(index, str(index + 1))


def _forget(key: str) -> None:
    st.session_state.pop(f"{key}_pair", None)
    st.session_state[f"{key}_cluster"] = None
