"""Write the curated pairs to a file or a folder."""

import streamlit as st

from influencespace.ui import export_files, export_panels, workspaces
from influencespace.ui.road import need


def page() -> None:
    workspace = workspaces.current()
    plan = need(workspace, "plan")
    if plan is None:
        return
    st.subheader("The pairs that go out", anchor=False)
    if not export_panels.version(workspace):
        return
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        form = export_panels.choose()
        chosen, pairs = export_panels.only_selected(workspace, plan, form)
        export_panels.preview(workspace, plan, form, pairs)
    with right:
        if not export_panels.fits(workspace, plan, form):
            return
        export_panels.size(workspace, plan, form, pairs)
        export_files.write_to_path(workspace, form, chosen)
        export_files.download(workspace, plan, form, pairs, chosen)
    export_files.written(workspace)


page()
