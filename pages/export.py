"""Write the curated pairs to a file."""

import streamlit as st

from influencespace.ui import export_panels, workspaces
from influencespace.ui.road import bring_up_to_date, need

workspace = workspaces.current()
plan = need(workspace, "plan")
if plan is None:
    st.stop()
form = export_panels.choose()
if workspace.state("plan") != "current":
    bring_up_to_date(workspace, "plan", "A decision has changed since the plan was made.")
    st.stop()
left, right = st.columns([1.7, 1], gap="large")
with left:
    export_panels.preview(workspace, plan, form)
with right:
    export_panels.download(workspace, plan, form)
    export_panels.write_to_path(workspace, form)
