"""The panels of removal effects: what removing clusters and whole plans would do, and how far to trust that."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.curation.options import PlanOptions, VerifyOptions
from influencespace.errors import PlanError
from influencespace.influence.targets import OVERALL
from influencespace.influence.verification import CORRELATION, DOUBTFUL, FEWEST, SLOPE, UNVERIFIED, VERIFIED, verdicts
from influencespace.options import describe
from influencespace.ui import effect_charts, prediction, reading
from influencespace.ui.guard import guarded
from influencespace.ui.road import fitting, need
from influencespace.workspace import Artifact, Workspace

BADGES = {
    VERIFIED: (":material/verified:", "green"), DOUBTFUL: (":material/warning:", "orange"),
    UNVERIFIED: (":material/help:", "gray"),
}
MEANING = (
    f"Verified: beside retraining without some clusters, both correlations surely reach {CORRELATION:g}, the slope surely lies "
    f"in {SLOPE[0]:g} to {SLOPE[1]:g}, and signs are right no less often than by always guessing the commoner one. "
    f"Doubtful: not so, or fewer than {FEWEST} clusters were left out. Unverified: nobody has looked."
)
FIGURES = {
    "spearman": "Order (Spearman)", "pearson": "Values (Pearson)", "slope": "Size (slope; 1 is right)",
    "sign_accuracy": "Right signs",
}
NAMED = 3
# The tools would lie over the legend or the bars.
NO_TOOLS = {"displayModeBar": False}


def badge(workspace: Workspace, target: str, of: str = "") -> None:
    """Whether the removal effects on a target are verified, doubtful or unverified: a word, a sign and a colour.

    ``of`` says of what, where the badge stands beside something else.
    """
    verdict = verdicts(workspace).get(target, UNVERIFIED)
    icon, colour = BADGES[verdict]
    st.badge(f"{of}: {verdict}" if of else verdict, icon=icon, color=colour, help=f"Removal effects on {target}. {MEANING}")


def effects(workspace: Workspace, clusters: Artifact, target: str) -> None:
    """The removal effect of every cluster on a target, and the clusters at both ends by name."""
    made = need(workspace, "effects")
    if made is None:
        return
    rows = reading.table(made, "clusters").assign(name=lambda table: table["cluster"].map(reading.names(clusters)[1]))
    st.plotly_chart(
        effect_charts.effects(rows, target, st.context.theme.type or "light"), key="influence_effects", config=NO_TOOLS,
        alt=f"Removal effect of each cluster on {target}: blue helps, orange harms",
    )
    ordered = rows.sort_values(target, ascending=False)
    missed, harmful = ordered[ordered[target] > 0].head(NAMED), ordered[ordered[target] < 0].tail(NAMED)[::-1]
    for words, part in (("Most missed", missed), ("Better without", harmful)):
        if len(part):
            st.caption(f"**{words}:** " + " · ".join(part["name"]))
    checked(workspace, clusters, made, target)


def checked(workspace: Workspace, clusters: Artifact, made: Artifact, target: str) -> None:
    """Predicted beside retrained, if that was done, and a form that has it done."""
    st.markdown("**Checked by retraining**")
    found = fitting(workspace, "verification")
    if found is not None:
        _figures(found, reading.names(clusters)[1], target)
    elif workspace.find("verification") is not None:
        st.warning("The check is out of date: something before has changed.", icon=":material/history:")
    else:
        st.caption("Not done yet. Retraining without some of the clusters shows how far these predictions can be trusted.")
    _launch(workspace, len(reading.table(made, "clusters")))


def tradeoff(workspace: Workspace, options: PlanOptions) -> None:
    """What every reduction ratio is predicted to do to every target, with the present one marked."""
    made = need(workspace, "effects")
    if made is None:
        return
    try:
        preview = prediction.along(workspace, made, options)
    except PlanError:
        st.caption("There is no prediction, for a decision cannot be followed.")  # the plan says which
        return
    check = fitting(workspace, "verification")
    plans = None if check is None else reading.table(check, "plans")
    gain = float(preview.gains[OVERALL][preview.ratios == options.reduction][0])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Predicted**", width="content")
        badge(workspace, OVERALL, "single clusters")
        st.caption(
            f"At {100 * options.reduction:.0f} % the overall loss {'falls' if gain >= 0 else 'rises'} by {abs(gain):.3f} "
            f"from {made.facts['losses'][OVERALL]:.3f}", width="content",
        )
    st.plotly_chart(
        effect_charts.tradeoff(preview, options.reduction, plans), key="curate_tradeoff", config=NO_TOOLS,
        alt="Predicted fall of the loss on every target and of the gaps, along the reduction ratio",
    )
    if plans is not None:
        st.caption(f"Diamonds: retrained under plans as proposed, with up-weight cap {plans['cap'].iloc[0]:g} ×.")


def figures_table(entry: dict) -> pd.DataFrame:
    """The figures of a check of one target, ready to show."""
    rows = [{"Figure": words, "Value": _text(entry[name])} for name, words in FIGURES.items()]
    return pd.DataFrame([*rows, {"Figure": "Always the commoner sign", "Value": f"{entry['majority']:.2f}"}])


def _figures(found: Artifact, names: dict[str, str], target: str) -> None:
    document, rows, plans = found.json("verification"), reading.table(found, "clusters"), reading.table(found, "plans")
    st.plotly_chart(
        effect_charts.check(rows[rows["target"] == target], names), key="influence_check",
        alt=f"Predicted against retrained removal effects on {target}",
    )
    left, right = st.columns([1.25, 1])
    with left:
        st.dataframe(
            figures_table(document["targets"][target]), hide_index=True, key="influence_figures",
            alt="How well predicted and retrained effects agree, with 95 % intervals",
        )
    with right:
        st.dataframe(
            plans.loc[plans["target"] == target, ["reduction", "predicted", "actual"]].assign(
                reduction=lambda table: 100 * table["reduction"]
            ), hide_index=True, key="influence_plans", alt="Whole plans: predicted and retrained fall of the loss",
            column_config={
                "reduction": st.column_config.NumberColumn(
                    "Plan", format="%.0f %%",
                    help=f"Its reduction ratio; as proposed, with up-weight cap {plans['cap'].iloc[0]:g} × and no decisions.",
                ),
                "predicted": st.column_config.NumberColumn("Predicted", format="%+.3f", help="The fall of the loss."),
                "actual": st.column_config.NumberColumn("Retrained", format="%+.3f", help="The fall of the loss."),
            },
        )
    st.caption(f"{document['clusters']} of {document['of']} clusters were left out, one at a time; [95 % interval].")


def _launch(workspace: Workspace, count: int) -> None:
    [field] = [field for field in describe(VerifyOptions) if field["name"] == "clusters"]
    busy = jobs.active(workspace) is not None
    least, most = int(field["minimum"]), max(count, int(field["minimum"]))
    with st.form("verify", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.number_input(
            "Clusters to leave out", least, most, min(field["default"], most), key="verify_clusters", width=190,
            help=field["help"],
        )
        asked = st.form_submit_button("Check by retraining", icon=":material/fact_check:", disabled=busy)
    if asked:
        with guarded():
            jobs.submit(workspace, [("verify", {"clusters": int(wanted)})], "Checking by retraining")
            st.rerun()
    if busy:
        st.caption("Something is being computed; a check can start when it is done or cancelled.")


def _text(figure: dict[str, float | None]) -> str:
    if figure["mean"] is None:
        return "–"
    ends = "" if figure["low"] is None else f"  [{figure['low']:.2f}, {figure['high']:.2f}]"
    return f"{figure['mean']:.2f}{ends}"
