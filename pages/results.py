"""What training has shown: recall, gaps between groups, predicted against measured, and the retrievals that changed."""

import streamlit as st

from influencespace.ui import (
    gap_panels,
    prediction_panels,
    results_charts,
    results_further,
    results_panels,
    results_state,
    retrieval_panels,
    workspaces,
)
from influencespace.ui.guard import guarded


def page() -> None:
    workspace = workspaces.current()
    training = results_state.standing(workspace)
    if training is None:
        return
    results = training.json("results")
    arms = [arm["arm"] for arm in results["arms"]]

    results_panels.headline(results)
    results_panels.table(results)
    results_panels.metrics(results)
    st.subheader("Recall: how often the right answer is found", anchor=False)
    results_panels.comparison(results)
    st.subheader("Gaps between groups", anchor=False)
    gap_panels.gaps(results)
    st.subheader("Ranks, skew, classes, robustness and cost", anchor=False)
    results_further.further(results)
    st.subheader("Predicted against actual", anchor=False)
    with guarded():
        prediction_panels.predicted(workspace)
    st.subheader("Retrievals that changed", anchor=False)
    with guarded():
        retrieval_panels.changed(workspace, training, arms)
    st.subheader("Time, and the course of training", anchor=False)
    st.markdown("**What each arm took: choosing its pairs, and training on them**")
    st.plotly_chart(
        results_charts.seconds(results), key="results_seconds", alt="Seconds that each arm took to choose its pairs and to train"
    )
    results_panels.course(training)
    st.subheader("Plans that were measured", anchor=False)
    with guarded():
        results_state.plans(workspace)


page()
