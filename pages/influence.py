"""Which clusters help and which harm, overall and for each group."""

import streamlit as st

from influencespace.ui import cluster_panels, influence_charts, reading, workspaces
from influencespace.ui.road import need

workspace = workspaces.current()
scores = need(workspace, "scores")
if scores is None:
    st.stop()
clusters = workspace.artifact("clusters")
targets = scores.json("targets")
names = [target["name"] for target in targets]

with st.container(horizontal=True, vertical_alignment="bottom"):
    target = st.selectbox("Influence on", names, key="influence_target", width=260)
    level = st.segmented_control("For each", ["Topic", "Cluster"], default="Topic", required=True, key="influence_level")
chosen = targets[names.index(target)]
st.caption(
    f"What keeping a pair does to the loss on {chosen['photos']:,} validation photos"
    + (" of this group" if chosen["attribute"] else "")
    + ". To the right it helps: without these pairs the loss would be higher."
)
if level == "Topic":
    rows = reading.table(scores, "topics").merge(reading.table(clusters, "topics"), on="topic", how="left")
else:
    rows = cluster_panels.summary(workspace, clusters)

left, right = st.columns([1.35, 1], gap="large")
with left:
    st.plotly_chart(
        influence_charts.intervals(rows, target), key="influence_intervals",
        alt=f"Mean influence of each {level.lower()} on {target} with its 95 % interval",
    )
with right:
    st.markdown("**Who gives more than their share**")
    st.plotly_chart(
        influence_charts.shares(rows), key="influence_shares",
        alt=f"Share of the pairs of each {level.lower()} against its share of the benefit",
    )
    st.caption("Above the line stand the under-represented: few pairs, much help. These count more.")
if len(names) > 1:
    st.subheader(f"Influence of each {level.lower()} on each group")
    st.plotly_chart(
        influence_charts.heat(rows, names, st.context.theme.type or "light"), key="influence_heat",
        alt=f"Influence of each {level.lower()} on each target: blue helps, orange harms",
    )
    st.caption("Each column has its own measure, since the losses of groups differ in size. Blue helps, orange harms.")
