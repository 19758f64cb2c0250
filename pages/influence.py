"""Which clusters help and which harm, overall and for each group: the score that orders, and the effect that is predicted."""

import streamlit as st

from influencespace.ui import cluster_panels, effect_panels, influence_charts, reading, workspaces
from influencespace.ui.guard import guarded
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
    chosen = targets[names.index(target)]
    of_group = " of this group" if chosen["attribute"] else ""
    st.caption(f"Judged by the loss on {chosen['photos']:,} validation photos{of_group}.")

ordering, removing = st.columns(2, gap="large")
with ordering:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Selection score", width="content")
        level = st.segmented_control(
            "For each", ["Topic", "Cluster"], default="Topic", required=True, key="influence_level",
            label_visibility="collapsed",
        )
    st.caption("It orders pairs and clusters for the plan; its size means nothing. To the right it helps.")
    if level == "Topic":
        rows = reading.table(scores, "topics").merge(reading.table(clusters, "topics"), on="topic", how="left")
    else:
        rows = cluster_panels.summary(workspace, clusters)
    st.plotly_chart(
        influence_charts.intervals(rows, target), key="influence_intervals",
        alt=f"Mean selection score of each {level.lower()} on {target} with its 95 % interval",
    )
    st.markdown("**Who gives more than their share**")
    st.plotly_chart(
        influence_charts.shares(rows), key="influence_shares",
        alt=f"Share of the pairs of each {level.lower()} against its share of the benefit",
    )
    st.caption("Above the line stand the under-represented: few pairs, much help. These count more.")
    if len(names) > 1:
        st.markdown(f"**Each {level.lower()} and each group**")
        st.plotly_chart(
            influence_charts.heat(rows, names, st.context.theme.type or "light"), key="influence_heat",
            alt=f"Selection score of each {level.lower()} on each target: blue helps, orange harms",
        )
        st.caption("Each column has its own measure, since the losses of groups differ in size. Blue helps, orange harms.")
with removing:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Removal effect", width="content")
        effect_panels.badge(workspace, target)
    st.caption("What removing a cluster would do: the rise of the loss without it. Above zero, keeping it helps.")
    with guarded():
        effect_panels.effects(workspace, clusters, target)
