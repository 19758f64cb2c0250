"""Where the results of training stand: whether there are any, of which plan they are, and the files that hold them."""

from __future__ import annotations

import streamlit as st

from influencespace import jobs
from influencespace.ui import report
from influencespace.ui.road import need
from influencespace.workspace import Artifact, Workspace


def standing(workspace: Workspace) -> Artifact | None:
    """The results with what they were measured on and the files to take along; without any, a sentence and one button."""
    training = workspace.find("training")
    if training is None:
        if need(workspace, "plan") is not None:
            _nothing(workspace)
        return None
    results = training.json("results")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("What was measured", anchor=False, width="content")
        st.caption(
            f"On {results['photos']:,} test photos with {results['captions']:,} captions that nothing before has looked at; "
            f"{len(results['seeds'])} seeds; trained {training.record['created'][:10]}.", width="stretch",
        )
        _files(workspace, training)
    if workspace.state("training") != "current":
        st.warning(
            "These results are of an earlier plan; train again to measure the one of now. They stay as they are until then.",
            icon=":material/history:",
        )
    return training


def _nothing(workspace: Workspace) -> None:
    box = st.container(border=True, horizontal_alignment="center", gap="medium")
    if any(command == "train" for job in jobs.jobs(workspace) if job.unfinished for command, _ in job.commands):
        box.markdown("The arms are being trained; the results will show here.", text_alignment="center")
        return
    box.markdown(
        "Nothing has been trained yet. Training takes the plan's pairs and, beside them, as many drawn at random, those that fit "
        "best, and all; what is measured then shows here.", text_alignment="center",
    )
    with box:
        st.page_link("pages/train.py", label="Go to Train", icon=":material/model_training:")


def _files(workspace: Workspace, training: Artifact) -> None:
    name = f"{workspace.name}-results"
    st.download_button(
        "Report", lambda: report.html(workspace).encode(), f"{name}.html", "text/html", icon=":material/article:",
        on_click="ignore", key="results_report",
        help="Everything on this page as one HTML file that needs no network: to read, print or send.",
    )
    st.download_button(
        "CSV", lambda: report.csv(workspace).encode(), f"{name}.csv", "text/csv", icon=":material/table:", on_click="ignore",
        key="results_csv", help="Every figure with its interval, one a row.",
    )
