"""The pairs: how many, of whom, what they are like, what was wrong with some, and how to bring in one's own."""

from pathlib import Path

import streamlit as st

from influencespace.ui import data_panels, engine_panels, reading, statistics_panels, workspace_panels, workspaces
from influencespace.ui.road import need

workspace = workspaces.current()
imported = need(workspace, "pairs")
if imported is not None:
    pairs = reading.training(workspace)
    data_panels.counts(imported)
    left, right = st.columns([1.4, 1], gap="large")
    with left:
        st.subheader("Some of the training pairs")
        data_panels.samples(pairs)
    with right:
        st.subheader("Groups")
        data_panels.groups(imported)
    left, right = st.columns([1.4, 1], gap="large")
    with left:
        st.subheader("Captions")
        statistics_panels.captions(pairs)
    with right:
        st.subheader("Photos")
        statistics_panels.photos(pairs)
    st.subheader("Problems")
    data_panels.problems(imported)
    with st.expander("Where everything came from", icon=":material/history:"):
        data_panels.provenance(workspace)
with st.expander("Bring in your own pairs", icon=":material/upload_file:", expanded=imported is None):
    data_panels.bring_in()
st.subheader("Workspaces")
workspace_panels.listed(Path(st.session_state["workspaces_folder"]), workspace)
workspace_panels.make_new()
with st.expander("What computes", icon=":material/memory:"):
    engine_panels.choice(workspace)
