"""The panels of predicted against actual on the results page: what the plan was said to do, and what it did."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from influencespace.evaluation.report import predictions
from influencespace.ui import reading, results_charts, wording
from influencespace.ui.results_panels import text
from influencespace.ui.road import fitting
from influencespace.workspace import Workspace

AGREES, AGAINST, OPEN = "as predicted", "against the prediction", "undecided"


def predicted(workspace: Workspace) -> None:
    """Predicted falls of the loss beside measured differences of recall, and plans retrained beside their predictions."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The plan, trained: predicted loss and measured recall**")
        _measured(workspace)
    with right:
        st.markdown("**Plans of other ratios, retrained: predicted and actual loss**")
        _retrained(workspace)


def predicted_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a target, ready to show."""
    return pd.DataFrame({
        "Target": rows["target"].map(wording.target), "Predicted": rows["predicted"],
        "Of the loss": 100 * rows["predicted"] / rows["loss"],
        "Measured": [text(row) for row in rows.to_dict("records")],
        "Direction": [outcome(row) for row in rows.to_dict("records")],
    })


def outcome(row: dict) -> str:
    """Whether the measured difference surely goes the way that was predicted."""
    if pd.isna(row["low"]) or row["low"] <= 0 <= row["high"]:
        return OPEN
    return AGREES if (row["mean"] > 0) == (row["predicted"] > 0) else AGAINST


def _measured(workspace: Workspace) -> None:
    rows = _predictions(str(workspace.path), tuple(_digests(workspace)))
    if rows is None:
        st.caption(
            "There is no prediction for these results. It takes predictions (the page Influence makes them), the arms influence "
            "and full, and that the plan that was trained is still the present one."
        )
        return
    st.plotly_chart(
        results_charts.predicted(rows), key="results_predicted",
        alt="Predicted fall of the validation loss of each target against the measured rise of its recall",
    )
    st.dataframe(
        predicted_table(rows), hide_index=True, key="results_predictions", alt="Predicted and measured effect by target",
        column_config={
            "Predicted": st.column_config.NumberColumn(
                format="%+.3f", help="By how much the loss on validation photos was predicted to fall; positive helps."),
            "Of the loss": st.column_config.NumberColumn(format="%+.1f %%", help="The predicted fall in percent of the loss."),
            "Measured": st.column_config.TextColumn(
                help="R@10 of influence less that of full on test photos, in points, paired, with its 95 % interval."),
            "Direction": st.column_config.TextColumn(help="Whether recall surely moved the way that the loss was predicted to."),
        },
    )
    st.caption(
        "These are different quantities: a loss on validation photos is predicted, a recall on test photos is measured. Read the "
        "order and the side of zero, not the size: a loss that falls should go with a recall that rises."
    )


def _retrained(workspace: Workspace) -> None:
    check = fitting(workspace, "verification")
    if check is None:
        st.caption("No plans were retrained to check the predictions. The page Influence does so: Check by retraining.")
        return
    plans = reading.table(check, "plans")
    st.plotly_chart(
        results_charts.retrained(plans), key="results_retrained",
        alt="Predicted against retrained fall of the validation loss under whole plans",
    )
    st.caption(
        f"The same quantity twice: the small model that predicts was retrained under plans as proposed, with up-weight cap "
        f"{plans['cap'].iloc[0]:g} × and no decisions. On the dotted line the prediction was exact."
    )


def _digests(workspace: Workspace) -> list[str | None]:
    return [found.digest if (found := workspace.find(name)) else None for name in ("plan", "effects", "training")]


@st.cache_data(show_spinner=False, max_entries=8)
def _predictions(path: str, digests: tuple[str | None, ...]) -> pd.DataFrame | None:
    return predictions(Workspace(path))
