"""The panel of gaps between groups on the results page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from influencespace.metrics.fairness import OPPORTUNITY, PARITY
from influencespace.ui import training_charts
from influencespace.ui.markdown import escaped
from influencespace.ui.results_panels import text

MATCHING = {
    "Parity": "Demographic parity difference: how far the groups' rates of matches lie apart, from 0 (fair) to 1.",
    "Opportunity": "Equal opportunity difference: how far the groups' rates of right matches lie apart, from 0 (fair) to 1.",
    "Mitigation, parity": "By how much parity is better than with all pairs; above 0 is fairer.",
    "Mitigation, opportunity": "By how much opportunity is better than with all pairs; above 0 is fairer.",
}


def gaps(results: dict) -> None:
    """Gaps between the groups of an attribute: in recall as a chart, in matching as a table."""
    attributes = list(results["arms"][0]["gaps"]) if results["arms"] else []
    if not attributes:
        st.caption("No group attributes were declared, so there are no gaps to show. Name them when pairs are brought in.")
        return
    attribute = attributes[0]
    if len(attributes) > 1:
        attribute = st.segmented_control(
            "Attribute", attributes, default=attribute, required=True, key="results_attribute", persist_state="session",
            label_visibility="collapsed", format_func=escaped,
        )
    why = results["arms"][0]["gaps"][attribute]["gap"]["why"]
    if why is not None:
        st.caption(f"No gaps of {escaped(attribute)}, because {escaped(why)}.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The best served group less the worst**")
        st.plotly_chart(
            training_charts.gaps(results, attribute), key="results_gaps", alt=f"Gap in recall between groups of {attribute}"
        )
        st.caption("Where the interval reaches below 0, the photos cannot tell which of the two groups is ahead.")
    with right:
        st.markdown("**How the gap changed from training on all pairs**")
        figure = training_charts.gap_changes(results, attribute)
        if figure.data:
            st.plotly_chart(figure, key="results_gap_changes", alt=f"Paired change of the gap of {attribute} from full")
            st.caption("Blue: the gap surely shrinks. Orange: it surely widens. Grey: undecided.")
        else:
            st.caption("It takes the arm full and another to see a change: train them together.")
    st.dataframe(
        gaps_table(results, attribute), hide_index=True, alt=f"Recall and bias by group of {attribute}", key="results_groups",
        column_config={
            "Arm": st.column_config.TextColumn(pinned=True),
            **{name: st.column_config.TextColumn(help=words) for name, words in MATCHING.items()},
        },
    )
    st.caption(f"{results['decides']} of each group in percent; differences between groups in matching, with 95 % intervals.")


def gaps_table(results: dict, attribute: str) -> pd.DataFrame:
    """Recall of each group and the bias metrics, one row an arm."""
    rows = []
    for arm in results["arms"]:
        groups = arm["gaps"][attribute]["groups"]
        mitigation = arm["proposal"]["bias_mitigation"]
        rows.append(
            {"Arm": arm["arm"]} | {name: text(figure) for name, figure in groups.items() if figure["compared"]} | {
                "Parity": text(arm["matching"][PARITY][attribute], 3),
                "Opportunity": text(arm["matching"][OPPORTUNITY][attribute], 3),
                "Mitigation, parity": text(mitigation["demographic_parity"][attribute], 3),
                "Mitigation, opportunity": text(mitigation["equal_opportunity"][attribute], 3),
            }
        )
    return pd.DataFrame(rows)
