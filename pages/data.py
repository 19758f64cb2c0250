"""The pairs: how many, of whom, what was wrong with some, and how to bring in one's own."""

import streamlit as st

from influencespace.ui import data_panels, workspaces
from influencespace.ui.road import need

workspace = workspaces.current()
pairs = need(workspace, "pairs")
if pairs is not None:
    data_panels.counts(pairs)
    left, right = st.columns([1.4, 1], gap="large")
    with left:
        st.subheader("Some of the training pairs")
        data_panels.samples(workspace, pairs)
    with right:
        st.subheader("Groups")
        data_panels.groups(pairs)
    st.subheader("Problems")
    data_panels.problems(pairs)
    with st.expander("Where everything came from", icon=":material/history:"):
        data_panels.provenance(workspace)
with st.expander("Bring in your own pairs", icon=":material/upload_file:", expanded=pairs is None):
    data_panels.bring_in()
