"""The map of all pairs, and the photos of what is chosen on it."""

import numpy as np
import streamlit as st

from influencespace.ui import cluster_panels, data_panels, pair_map, reading, workspaces
from influencespace.ui.road import fitting, need

workspace = workspaces.current()
clusters = need(workspace, "clusters")
if clusters is None:
    imported = fitting(workspace, "pairs")
    if imported is not None:
        data_panels.samples(workspace, imported)
    st.stop()
pairs = reading.training(workspace)
topics, strata = reading.names(clusters)

left, right = st.columns([1.5, 1], gap="medium")
with right:
    cluster_panels.choose(topics, strata, key="clusters")
topic, cluster = cluster_panels.chosen("clusters")
shown = np.ones(len(pairs), dtype=bool)
if topic is not None:
    shown = (pairs["topic"] == topic).to_numpy()
if cluster is not None:
    shown = (pairs["cluster"] == cluster).to_numpy()
pair = cluster_panels.chosen_pair(workspace, pairs, key="clusters")

with left:
    colouring = pair_map.choose(pairs, key="clusters_colour")
    pair_map.draw(
        pairs, topics, strata, colouring, key="clusters_map", height=530, shown=shown, selected=pair,
        on_click=cluster_panels.on_click(workspace, pairs, key="clusters"),
    )
    st.caption(
        f"{len(pairs):,} pairs in {len(topics)} topics; those that lie together are alike. Click one to see its topic. "
        f"Projection: {clusters.facts.get('projection', 'umap of all pairs')}."
    )
with right:
    cluster_panels.photos(workspace, pairs[shown], key="clusters", first=pair)
st.subheader("All clusters" if topic is None else f"Clusters of {topics[topic]}")
cluster_panels.table(workspace, clusters, topic)
