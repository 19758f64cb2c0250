"""Where the results of training stand: whether there are any, of which plan they are, and the files that hold them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.curation.history import History, Version
from influencespace.curation.measured import MeasuredPlan, measured
from influencespace.evaluation.report import CURATED
from influencespace.ui import report
from influencespace.ui.markdown import escaped
from influencespace.ui.results_panels import text
from influencespace.ui.road import need
from influencespace.workspace import NEEDS, Artifact, Workspace

TRAIN = Path(__file__).parents[2] / "pages" / "train.py"


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
        _files(workspace)
    if workspace.state("training") != "current":
        st.warning(
            f"These results are of {_plan_words(workspace, training)}; train again to measure the plan of now. They stay as they "
            "are until then.", icon=":material/history:",
        )
    return training


def plans(workspace: Workspace) -> None:
    """Every plan that was measured so far, the latest first."""
    found = _measured(workspace)
    if len(found) < 2:
        st.caption("Only one plan was measured so far. Change the plan and train again: both then stand here beside each other.")
        return
    names = {version.id: version for version in History(workspace).versions()}
    st.dataframe(
        plans_table(found, names), hide_index=True, key="results_plans", alt="The plans that were measured, with their recall",
        placeholder="–", column_config={
            "Plan": st.column_config.TextColumn(width="medium", help="The version, where there still is one of this plan."),
            "Removed": st.column_config.NumberColumn(format="%.1f %%", help="Share of the pairs that the plan does without."),
            "Cap": st.column_config.NumberColumn(format="%g ×", help="The up-weight cap."),
            "Recall": st.column_config.TextColumn(help="Recall of the arm influence in percent, with its 95 % interval."),
            "Above full": st.column_config.TextColumn(help="Points above the model trained on all pairs beside it, paired."),
        },
    )
    st.caption("Each was compared with arms of its own training; plans are told apart only as far as their intervals are.")


def plans_table(found: list[MeasuredPlan], versions: dict[int, Version]) -> pd.DataFrame:
    """One row a measured plan."""
    nothing = {"mean": None, "low": None, "high": None}
    return pd.DataFrame([
        {
            "Plan": _called(versions.get(one.version)), "Trained": one.created[:16].replace("T", " "),
            "Removed": 100 * one.reduction, "Cap": one.cap, "Fairness": one.options.fairness, "Seeds": one.seeds,
            "Recall": text(one.recall.get(CURATED, nothing)) + f" {one.metric}",
            "Above full": text(one.differences.get(CURATED, nothing)),
        } for one in found
    ])


def _called(version: Version | None) -> str:
    if version is None:
        return "no version any more"
    return f"“{version.name}”" if version.name else f"{version.id}: {version.what}"


def _plan_words(workspace: Workspace, training: Artifact) -> str:
    of = next((one.version for one in _measured(workspace) if one.plan == training.record["inputs"]["plan"]), None)
    return "an earlier plan" if of is None else f"an earlier plan, version {escaped(_called(History(workspace).version(of)))}"


def _measured(workspace: Workspace) -> list[MeasuredPlan]:
    digests = tuple(made.digest if (made := workspace.find(name)) else None for name in (*NEEDS["training"], "training"))
    return _read_measured(str(workspace.path), digests, History(workspace).head().id)


# For as long as nothing changes: every version has to be looked at.
@st.cache_data(show_spinner=False, max_entries=8)
def _read_measured(path: str, digests: tuple[str | None, ...], head: int) -> list[MeasuredPlan]:
    return measured(Workspace(path))


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
        st.page_link(TRAIN, label="Go to Train", icon=":material/model_training:")


def _files(workspace: Workspace) -> None:
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
