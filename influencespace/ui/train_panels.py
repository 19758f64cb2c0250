"""The panels of the train page: what to train, and what was measured."""

from __future__ import annotations

import dataclasses

import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.evaluation.figures import RECALLS
from influencespace.metrics.fairness import OPPORTUNITY, PARITY
from influencespace.options import describe
from influencespace.training.options import TrainOptions
from influencespace.ui import forms, reading, training_charts
from influencespace.ui.guard import guarded
from influencespace.workspace import Artifact, Workspace

FIRST = ["arms", "seeds"]


def launch(workspace: Workspace) -> None:
    """A form with the arms and seeds; it starts a job that trains and compares them."""
    names = [field["name"] for field in describe(TrainOptions)]
    found = workspace.find("training")
    values = dict(found.record["options"]) if found else {}
    busy = jobs.active(workspace) is not None
    with st.form("train", border=False):
        given = forms.fields(TrainOptions, FIRST, key="train", values=values)
        with st.expander("More options"):
            given |= forms.fields(TrainOptions, [name for name in names if name not in FIRST], key="train", values=values)
        if st.form_submit_button("Train", type="primary", icon=":material/play_arrow:", disabled=busy, width="stretch"):
            with guarded():
                chosen = dataclasses.asdict(TrainOptions(**given))
                jobs.submit(workspace, [("train", chosen)], "Training")
                st.rerun()
    if busy:
        st.caption("Something is being computed; the next training can start when it is done or cancelled.")


def table(results: dict) -> None:
    """The arms with what was measured: recall with intervals, time, and the proposal's four metrics."""
    st.dataframe(
        arms_table(results), hide_index=True, placeholder="–", alt="Arms with their pairs, recall and time",
        column_config={
            "Arm": st.column_config.TextColumn(pinned=True), "Pairs": st.column_config.NumberColumn(format="localized"),
            "Removed": st.column_config.NumberColumn(format="%.1f %%", help="Data volume reduction."),
            "Training": st.column_config.NumberColumn(format="%.1f s", help="Measured training time, mean of the seeds."),
            "With scoring": st.column_config.NumberColumn(
                format="%.1f s", help="Training and what the arm needed before: proxy, clusters, scores, plan."
            ),
            "Accuracy": st.column_config.TextColumn(help="Model accuracy: recall in percent of that of full."),
            "Speed": st.column_config.TextColumn(help="Training efficiency: time of full divided by that of the arm."),
            "Speed with scoring": st.column_config.TextColumn(help="The same, with the time of scoring in both."),
        },
    )
    st.caption(
        f"Recall in percent, mean of both directions, on {results['photos']:,} test photos with "
        f"{results['captions']:,} captions that nothing before has looked at; {len(results['seeds'])} seeds; "
        f"[95 % interval]. {results['decides']} decides."
    )
    for arm, why in results["missing"].items():
        st.caption(f"{arm} is missing: {why}")


def arms_table(results: dict) -> pd.DataFrame:
    """One row an arm, ready to show."""
    rows = []
    for arm in results["arms"]:
        proposal = arm["proposal"]
        trained = arm["seconds"]["training"] is not None
        row = {"Arm": arm["arm"], "Pairs": arm["pairs"], "Removed": arm["reduction"]} if trained else {"Arm": arm["arm"]}
        row |= {metric: text(arm["recall"][metric]["both"]) for metric in RECALLS}
        row |= {
            "Training": arm["seconds"]["training"], "With scoring": arm["seconds"]["total"],
            "Accuracy": text(proposal["model_accuracy"][results["decides"]], unit=" %"),
            "Speed": text(proposal["training_efficiency"]["without_scoring"], 2, " ×"),
            "Speed with scoring": text(proposal["training_efficiency"]["with_scoring"], 2, " ×"),
        }
        rows.append(row)
    columns = ["Pairs", "Removed", "Training", "With scoring"]  # none of these for an arm that trains nothing
    return pd.DataFrame(rows, columns=list(max(rows, key=len))).astype(dict.fromkeys(columns, "float64"))


def comparison(results: dict) -> None:
    """Recall of the arms, and their paired differences from one of them."""
    left, right = st.columns(2, gap="large")
    with left:
        metric = st.segmented_control(
            "Measure", list(RECALLS), default=results["decides"], required=True, key="train_metric"
        )
        st.plotly_chart(
            training_charts.recall(results, metric), key="train_recall", alt=f"{metric} of each arm with its interval"
        )
    with right:
        against = list(dict.fromkeys(entry["against"] for entry in results["differences"]))
        if not against:
            st.caption("There is nothing to compare with: train full, random or start as well.")
            return
        other = st.segmented_control("Compared with", against, default=against[0], required=True, key="train_against")
        st.plotly_chart(
            training_charts.differences(results, metric, other), key="train_differences",
            alt=f"Paired difference in {metric} of each arm from {other} with its 95 % interval",
        )
        st.caption("Blue: surely above. Light blue: not worse. Orange: surely below. Grey: undecided.")


def fairness(results: dict) -> None:
    """Gaps between groups by attribute: in recall as a chart, in matching as a table."""
    attributes = list(results["arms"][0]["gaps"]) if results["arms"] else []
    if not attributes:
        st.caption("No group attributes were declared, so there are no gaps to show.")
        return
    attribute = attributes[0]
    if len(attributes) > 1:
        attribute = st.segmented_control("Attribute", attributes, default=attribute, required=True, key="train_attribute")
    why = results["arms"][0]["gaps"][attribute]["gap"]["why"]
    if why is not None:
        st.caption(f"No gaps of {attribute}, because {why}.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.plotly_chart(
            training_charts.gaps(results, attribute), key="train_gaps", alt=f"Gap in recall between groups of {attribute}"
        )
    with right:
        st.dataframe(
            gaps_table(results, attribute), hide_index=True, alt=f"Recall and bias by group of {attribute}",
            column_config={"Arm": st.column_config.TextColumn(pinned=True)},
        )
        st.caption(
            "Bias mitigation: how much smaller than with full the difference between groups is, in the rate of matches "
            "(parity) and of right matches (opportunity); above zero is fairer."
        )


def gaps_table(results: dict, attribute: str) -> pd.DataFrame:
    """Recall of each group and the bias metrics, one row an arm."""
    rows = []
    for arm in results["arms"]:
        groups = arm["gaps"][attribute]["groups"]
        mitigation = arm["proposal"]["bias_mitigation"]
        rows.append(
            {"Arm": arm["arm"]} | {name: text(figure) for name, figure in groups.items() if figure["compared"]} | {
                "Parity difference": text(arm["matching"][PARITY][attribute], 3),
                "Opportunity difference": text(arm["matching"][OPPORTUNITY][attribute], 3),
                "Mitigation, parity": text(mitigation["demographic_parity"][attribute], 3),
                "Mitigation, opportunity": text(mitigation["equal_opportunity"][attribute], 3),
            }
        )
    return pd.DataFrame(rows)


def course(training: Artifact) -> None:
    """How recall and loss went over the epochs."""
    curves = reading.table(training, "curves")
    if curves.empty:
        st.caption("No arm was trained over epochs.")
        return
    left, right = st.columns(2, gap="large")
    for place, column, what in ((left, "recall", "Validation recall"), (right, "loss", "Training loss")):
        with place:
            st.plotly_chart(
                training_charts.curves(curves, column), key=f"train_curve_{column}",
                alt=f"{what} of each arm over the epochs",
            )


def text(figure: dict, digits: int = 1, unit: str = "") -> str:
    """A figure with its interval; a dash where it is not defined."""
    if figure["mean"] is None:
        return "–"
    ends = "" if figure["low"] is None else f"  [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"
    return f"{figure['mean']:.{digits}f}{unit}{ends}"
