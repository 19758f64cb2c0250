"""The map of all pairs, and the photos of what is selected on it."""

from functools import partial

import streamlit as st

from influencespace.ui import (
    cluster_panels,
    data_panels,
    decision_panels,
    pair_map,
    reading,
    search,
    selection,
    selection_panels,
    workspaces,
)
from influencespace.ui.guard import guarded
from influencespace.ui.road import fitting, need


def page() -> None:
    workspace = workspaces.current()
    clusters = need(workspace, "clusters")
    if clusters is None:
        if fitting(workspace, "pairs") is not None:
            data_panels.samples(reading.training(workspace))
        return
    pairs = reading.training(workspace)

    left, right = st.columns([1.5, 1], gap="medium")
    below = st.container()
    with left:
        colouring = pair_map.choose(workspace, pairs, key="clusters_colour")
    chosen = None
    with right, guarded():
        search.box(workspace, key="clusters")
        chosen = selection.resolve(workspace, pairs, selection.chosen(workspace))
    first = -1 if chosen is None else cluster_panels.clicked_pair(pairs, chosen)
    with right:
        selection_panels.heading(workspace, chosen)
    if chosen is not None:
        with right:
            selection_panels.selected(workspace, pairs, clusters, chosen, first=first)
        with below:
            cluster_panels.unfollowed(workspace)
            st.caption(f"Projection: {clusters.facts.get('projection', 'umap of all pairs')}. Pairs that lie together are alike.")
            rows = cluster_panels.listed(workspace, pairs, clusters)
            view = partial(cluster_panels.view, pairs, clusters)
            if pairs.targets:
                decision_panels.triage(workspace, chosen, step=partial(cluster_panels.step, workspace, rows), view=view)
            else:
                view()
            cluster_panels.table(workspace, pairs, rows, chosen)
    # Last, because a browser that draws a million points does nothing else meanwhile.
    with left:
        pair_map.draw(
            workspace, pairs, colouring, key="clusters_map", height=560, grows=1.0, selected=first,
            mask=None if chosen is None else chosen.mask(), area=None if chosen is None else chosen.area,
            **cluster_panels.on_map(workspace, pairs),
        )


page()
