"""How much to prune and to up-weight, what follows from it, and the curator's own decisions with their history."""

from functools import partial

import streamlit as st

from influencespace.ui import (
    curate_panels,
    decision_panels,
    decision_table,
    history_panels,
    planned,
    planning,
    reading,
    selection,
    workspaces,
)
from influencespace.ui.guard import guarded
from influencespace.ui.road import need

# Heights in pixels where the window has 720, and the part of what it has more that the map gets.
MAP, TABLE, GROWS = 346, 172, 0.85


def page() -> None:
    workspace = workspaces.current()
    if need(workspace, "scores") is None:
        return
    pairs = reading.training(workspace)
    with st.container(gap="xsmall"), guarded():
        planned.ready(workspace)
        history_panels.notices(workspace)
        with st.container(horizontal=True, vertical_alignment="center"):
            history_panels.bar(workspace)
            decision_panels.yours(workspace)
        planning.plan(workspace)  # where a decision cannot be followed, what stands above helps, and nothing comes after
        chosen = selection.resolve(workspace, pairs, selection.chosen(workspace))
        left, right = st.columns([1.62, 1], gap="medium")
        with right:
            curate_panels.panel(workspace, height=MAP, grows=GROWS)
        with left:
            curate_panels.map_of(workspace, pairs, chosen, height=MAP, grows=GROWS)
        rows = decision_table.listed(workspace)
        if chosen is not None:
            step, view = partial(decision_table.step, workspace), partial(decision_table.view, rows)
            decision_panels.triage(workspace, chosen, step=step, view=view)
        left, right = st.columns([3.2, 1], gap="medium")
        with left:
            decision_table.draw(workspace, rows, height=TABLE)
        if chosen is not None:
            with right:
                curate_panels.photos(workspace, pairs, chosen, height=TABLE)
        curate_panels.truth(workspace, pairs)


page()
