"""The panels of the results page: what was measured of every arm, with intervals."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.figures import RECALLS
from influencespace.metrics.recall import BOTH
from influencespace.training.options import MEANING
from influencespace.ui import reading, report, training_charts
from influencespace.ui.markdown import escaped
from influencespace.ui.report import DIRECTIONS
from influencespace.workspace import Artifact


def headline(results: dict) -> None:
    """What training says of the plan, in a sentence."""
    st.markdown(report.sentence(results))


def table(results: dict) -> None:
    """The arms with what was measured: pairs, recall with intervals, and time."""
    st.dataframe(
        arms_table(results), hide_index=True, placeholder="–", alt="Arms with their pairs, recall and time", key="results_arms",
        column_config={
            "Arm": st.column_config.TextColumn(pinned=True, help="; ".join(f"**{arm}**: {is_}" for arm, is_ in MEANING.items())),
            "Pairs": st.column_config.NumberColumn(format="localized", help="Training pairs with a weight above 0."),
            "Removed": st.column_config.NumberColumn(format="%.1f %%", help="Share of the pairs that the arm does without."),
            **{metric: st.column_config.TextColumn(
                help=f"How often the right answer is among the first {k}, in percent, mean of both directions [95 % interval]."
            ) for metric, k in RECALLS.items()},
            "Training": st.column_config.NumberColumn(format="%.1f s", help="Measured training time, mean of the seeds."),
            "With choosing": st.column_config.NumberColumn(
                format="%.1f s", help="Training and what the arm needed before it to choose its pairs."
            ),
        },
    )
    for arm, why in results["missing"].items():
        st.caption(f"{arm} is missing: {escaped(why)}")


def arms_table(results: dict) -> pd.DataFrame:
    """One row an arm, ready to show."""
    rows = []
    for arm in results["arms"]:
        trained = arm["seconds"]["training"] is not None
        rows.append(
            {"Arm": arm["arm"], "Pairs": arm["pairs"] if trained else None, "Removed": arm["reduction"] if trained else None}
            | {metric: text(arm["recall"][metric][BOTH]) for metric in RECALLS}
            | {"Training": arm["seconds"]["training"], "With choosing": arm["seconds"]["total"]}
        )
    return pd.DataFrame(rows).astype(dict.fromkeys(["Pairs", "Removed", "Training", "With choosing"], "float64"))


def metrics(results: dict) -> None:
    """The four metrics of the proposal for one arm, against the model trained on all pairs."""
    arms = [arm for arm in results["arms"] if arm["seconds"]["training"] is not None and arm["arm"] != BASELINE]
    if not arms or all(arm["arm"] != BASELINE for arm in results["arms"]):
        st.caption("The four metrics compare with an arm trained on all pairs: train full and another arm to see them.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Against training on all pairs**", width="content")
        names = [arm["arm"] for arm in arms]
        name = st.segmented_control(
            "Arm", names, default=names[0], required=True, key="results_arm", label_visibility="collapsed",
            persist_state="session",
        )
    found = next(arm for arm in arms if arm["arm"] == name)["proposal"]
    decides, mitigation = results["decides"], found["bias_mitigation"]
    cards = [
        ("Data reduction", {"mean": found["data_volume_reduction"], "low": None, "high": None}, 1, " %",
         "Share of the training pairs that the arm does without."),
        (f"Model accuracy, {decides}", found["model_accuracy"][decides], 1, " %",
         f"{decides} in percent of that of the model trained on all pairs; above 100 % is better."),
    ]
    cards += [
        (f"Bias mitigation, {escaped(attribute)}", figure, 3, "",
         "By how much the largest difference between groups in the rate of right matches (equal opportunity, 0 to 1) is smaller "
         "than with all pairs; above 0 is fairer.")
        for attribute, figure in mitigation["equal_opportunity"].items()
    ]
    cards.append((
        "Training efficiency", found["training_efficiency"]["without_scoring"], 2, " ×",
        "Training time on all pairs divided by that of the arm; above 1 is faster. With the time for choosing the pairs in "
        f"both: {text(found['training_efficiency']['with_scoring'], 2, ' ×')}.",
    ))
    for place, (label, figure, digits, unit, why) in zip(st.columns(len(cards)), cards, strict=True):
        mean = "–" if figure["mean"] is None else f"{figure['mean']:.{digits}f}{unit}".replace("-", "−")
        ends = "" if figure["low"] is None else f"{figure['low']:.{digits}f} to {figure['high']:.{digits}f}".replace("-", "−")
        with place.container(border=True, gap=None):
            st.metric(label, mean, help=why)
            st.caption(f"95 %: {ends}" if ends else "not defined" if figure["mean"] is None else "counted, not estimated")


def comparison(results: dict) -> None:
    """Recall of the arms, and their paired differences from one of them."""
    against = list(dict.fromkeys(entry["against"] for entry in results["differences"]))
    with st.container(horizontal=True, gap="large"):
        metric = st.segmented_control(
            "Right answer among the first", list(RECALLS), default=results["decides"], required=True, key="results_metric",
            format_func=lambda name: str(RECALLS[name]), persist_state="session",
            help=f"How many answers count: Recall@1, @5 or @10. {results['decides']} decides between arms; the others describe.",
        )
        direction = st.segmented_control(
            "Direction", list(DIRECTIONS), default=BOTH, required=True, key="results_direction", format_func=DIRECTIONS.get,
            help="A photo looks for its caption, a caption for its photo, or the mean of both.", persist_state="session",
        )
        other = st.segmented_control(
            "Difference from", against, default=against[0], required=True, key="results_against", persist_state="session",
            help="Photo by photo and seed by seed: small differences show that separate intervals hide.",
        ) if against else None
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{metric} of each arm, {DIRECTIONS[direction]}**")
        st.plotly_chart(
            training_charts.recall(results, metric, direction), key="results_recall",
            alt=f"{metric} of each arm, {DIRECTIONS[direction]}, with its 95 % interval",
        )
    with right:
        if other is None:
            st.caption("There is nothing to compare with: train full, random or start as well.")
        else:
            st.markdown(f"**Paired difference from {other}, mean of both directions**")
            st.plotly_chart(
                training_charts.differences(results, metric, other), key="results_differences",
                alt=f"Paired difference in {metric} of each arm from {other} with its 95 % interval",
            )
            st.caption("Blue: surely above. Light blue: at most 2 points below. Orange: surely below. Grey: undecided.")
    with st.expander("Recall in both directions as a table"):
        st.dataframe(recall_table(results), hide_index=True, alt="Recall of each arm in both directions", key="results_recalls",
                     column_config={"Arm": st.column_config.TextColumn(pinned=True)})
        st.caption("In percent, with 95 % intervals over photos and seeds.")


def recall_table(results: dict) -> pd.DataFrame:
    """Recall of every arm, direction and number of answers, one row an arm and direction."""
    return pd.DataFrame([
        {"Arm": arm["arm"], "Direction": words} | {metric: text(arm["recall"][metric][side]) for metric in RECALLS}
        for arm in results["arms"] for side, words in DIRECTIONS.items()
    ])


def course(training: Artifact) -> None:
    """How recall and loss went over the epochs."""
    curves = reading.table(training, "curves")
    if curves.empty:
        st.caption("No arm was trained over epochs.")
        return
    left, right = st.columns(2, gap="large")
    for place, column, what in ((left, "recall", "Validation recall"), (right, "loss", "Training loss")):
        with place:
            st.markdown(f"**{what} over the epochs, mean of the seeds**")
            st.plotly_chart(
                training_charts.curves(curves, column), key=f"results_curve_{column}",
                alt=f"{what} of each arm over the epochs",
            )


def text(figure: dict, digits: int = 1, unit: str = "") -> str:
    """A figure with its interval; a dash where it is not defined."""
    if figure["mean"] is None:
        return "–"
    ends = "" if figure["low"] is None else f"  [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"
    return f"{figure['mean']:.{digits}f}{unit}{ends}".replace("-", "−")
