"""Train on the curated pairs and on others beside them, watch it, and see what waits and what was done."""

import streamlit as st

from influencespace.ui import job_panels, train_form, train_panels, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.road import need

workspace = workspaces.current()
if need(workspace, "scores") is not None:
    left, right = st.columns([1, 2.6], gap="large")
    with left:
        st.subheader("What to train", anchor=False)
        with guarded():
            train_form.launch(workspace)
    with right, guarded():
        train_panels.watch(workspace)
job_panels.listed(workspace)
