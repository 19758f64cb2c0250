"""Train on the curated pairs and on others beside them, and compare what is measured."""

import streamlit as st

from influencespace.ui import train_panels, workspaces
from influencespace.ui.road import fitting, need

workspace = workspaces.current()
if need(workspace, "plan") is None:
    st.stop()
training = workspace.find("training")
current = training is not None and fitting(workspace, "training") is not None
left, right = st.columns([1, 2.6], gap="large")
with left:
    st.subheader("What to train")
    train_panels.launch(workspace)
with right:
    if training is None:
        st.subheader("What is measured")
        st.markdown(
            "Nothing has been trained yet. Training takes the plan's pairs and, beside them, as many drawn at random, "
            "those that fit best, and all; with the same budget for each, so that the differences are the data's."
        )
    else:
        results = training.json("results")
        st.subheader("What was measured")
        if not current or workspace.state("training") != "current":
            st.warning("These results are of an earlier plan; train again to measure the one of now.")
        train_panels.table(results)
if training is not None:
    train_panels.comparison(results)
    st.subheader("Gaps between groups")
    train_panels.fairness(results)
    st.subheader("The course of training")
    train_panels.course(training)
