"""How much each setting of the curation matters: one at a time is varied, and heads are trained on each plan."""

import streamlit as st

from influencespace.ui import ablation_panels, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.road import need

workspace = workspaces.current()
if need(workspace, "plan") is not None:
    left, right = st.columns([1, 2.6], gap="large")
    with left:
        st.subheader("What to vary", anchor=False)
        with guarded():
            ablation_panels.launch(workspace)
    with right, guarded():
        ablation_panels.shown(workspace)
