"""How much to prune and to up-weight, what follows from it, and the curator's own decisions."""

import streamlit as st

from influencespace.ui import curate_panels, effect_panels, pair_map, reading, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.pair_map import DISPOSITION, Colouring
from influencespace.ui.road import need

workspace = workspaces.current()
plan = need(workspace, "plan")
if plan is None:
    st.stop()
clusters = workspace.artifact("clusters")
topics, strata = reading.names(clusters)

left, right = st.columns([1.7, 1], gap="large")
with right, st.container(gap="xsmall"):
    with guarded():
        wanted = curate_panels.options(plan)
        curate_panels.follow(workspace, wanted)
    pairs = reading.frame(workspace)
    plan = workspace.artifact("plan")
    curate_panels.figures(plan, pairs)
    with guarded():
        effect_panels.tradeoff(workspace, wanted)
    curate_panels.truth(workspace, plan)
with left:
    pair_map.draw(
        pairs, topics, strata, Colouring(DISPOSITION), key="curate_map", height=540,
    )
st.subheader("Why, and what you decide")
curate_panels.decisions(workspace, clusters, topics)
