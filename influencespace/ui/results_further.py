"""The panel of the results page for what is measured beside recall and gaps: one measure at a time, and all as a table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.further import CLASSES, COST, GROUPS, RETRIEVAL, ROBUSTNESS, Measure, measures, unmeasured
from influencespace.ui import results_charts, wording
from influencespace.ui.markdown import escaped
from influencespace.ui.results_panels import text

SECTIONS = {
    RETRIEVAL: "Ranks", GROUPS: "Groups", CLASSES: "Classes", ROBUSTNESS: "Robustness", COST: "Cost of training",
}


def further(results: dict) -> None:
    """Ranks, groups, classes, robustness and cost: the arms, their paired differences from full, and what is missing why."""
    found = measures(results)
    if found:
        _one(found)
        with st.expander("All of these measures as a table"):
            st.dataframe(
                table(found), hide_index=True, key="results_further", placeholder="–",
                alt="Further measures of every arm, with what each is",
                column_config={
                    "Measure": st.column_config.TextColumn(pinned=True), "What it is": st.column_config.TextColumn(width="large"),
                },
            )
            st.caption("With 95 % intervals over photos and seeds.")
    else:
        st.caption("These results are of an earlier version, which measured recall and gaps alone; train again for more.")
    for line in unmeasured(results):
        st.caption(escaped(line))


def table(found: list[Measure]) -> pd.DataFrame:
    """One row a measure, one column an arm."""
    return pd.DataFrame([
        {"Measure": named(measure)}
        | {arm: text(figure, measure.digits, measure.unit) for arm, figure in measure.figures.items()}
        | {"What it is": measure.words} for measure in found
    ])


def named(measure: Measure) -> str:
    """What a measure is called, with the attribute that it is about."""
    return f"{measure.name}, {wording.group(measure.attribute)}" if measure.attribute else measure.name


def _one(found: list[Measure]) -> None:
    sections = [section for section in SECTIONS if any(measure.section == section for measure in found)]
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        section = st.segmented_control(
            "About", sections, default=sections[0], required=True, key="results_section", format_func=SECTIONS.get,
            persist_state="session",
        )
        own = {named(measure): measure for measure in found if measure.section == section}
        name = next(iter(own)) if len(own) == 1 else st.selectbox(
            "Measure", list(own), key=f"results_measure_{section}", persist_state="session", width=380,
        )
    measure = own[name]
    st.caption(f"{measure.words} {'More' if measure.higher else 'Less'} is better.")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{escaped(name[0].upper() + name[1:])}**")
        st.plotly_chart(
            results_charts.measure(measure), key="results_measured", alt=f"{name} of each arm with its 95 % interval"
        )
    with right:
        figure = results_charts.measure_differences(measure)
        if figure.data:
            st.markdown(f"**Paired difference from {BASELINE}**")
            st.plotly_chart(
                figure, key="results_measure_differences",
                alt=f"Paired difference in {name} from {BASELINE} with its 95 % interval",
            )
            st.caption("Blue: surely better. Orange: surely worse. Grey: undecided.")
