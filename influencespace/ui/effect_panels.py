"""The panels of removal effects: what removing clusters would do, and how far to trust that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.curation.options import VerifyOptions
from influencespace.influence.chance import Z
from influencespace.influence.targets import OVERALL
from influencespace.influence.verification import (
    CORRELATION,
    DOUBTFUL,
    FEWEST,
    SLOPE,
    UNVERIFIED,
    VERIFIED,
    check,
    verdicts,
)
from influencespace.options import describe
from influencespace.ui import effect_charts, influence_charts, influence_panels, reading
from influencespace.ui.guard import guarded
from influencespace.ui.influence_rows import CLUSTER, Subject, spoken
from influencespace.ui.markdown import escaped
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
# The tools would lie over the legend or the bars.
NO_TOOLS = {"displayModeBar": False}


def verdict(workspace: Workspace, subject: Subject) -> str:
    """What is known of the removal effects on a target, or on a gap: the check of a gap is of its own, for what two groups
    have in common is no longer there to be right about."""
    if subject.gap is None:
        return verdicts(workspace).get(subject.name, UNVERIFIED)
    found = fitting(workspace, "verification")
    return UNVERIFIED if found is None else _entry(found, subject)["verdict"]


def badge(kind: str, subject: Subject) -> None:
    """A verdict as a word, a sign and a colour."""
    icon, colour = BADGES[kind]
    st.badge(kind, icon=icon, color=colour, help=f"Removal effects on {escaped(subject.phrase)}. {MEANING}")


def effects(workspace: Workspace, clusters: Artifact, subject: Subject, label: object, text: str) -> None:
    """The removal effect of every cluster on one subject, those at both ends by name, and what is known of their trust.

    ``label`` is that of the cluster that stands out, ``text`` a part of the names that are looked for.
    """
    made = need(workspace, "effects")
    if made is None:
        return
    found = fitting(workspace, "verification")
    rows = removal(made, found, clusters, subject)
    words = removal_words(rows, subject)
    st.markdown(f"**{escaped(words)}**")
    sought = influence_panels.named(rows, text)
    part = influence_panels.window(rows[sought] if sought.any() else rows, "removal")
    if subject.gap is not None:
        st.caption(influence_panels.gap_size(subject))
    axis = f"rise of {subject.phrase} without it, %{'' if subject.gap is None else ' of the overall loss'}"
    figure = influence_charts.ranked(
        part, chosen=label, axis=axis, words=(subject.verb(1), subject.verb(-1)),
    )
    influence_panels.clickable(workspace, figure, rows, CLUSTER, key="influence_effects", alt=words)
    off = "" if found is None else " The bar is what predictions were off by, beside retraining; a ring is less than that."
    st.caption(
        f"What removing a cluster would do to the loss on these {subject.photos:,} validation photos; others would give somewhat "
        f"other numbers. Above zero, keeping it {subject.verb(1)}.{off}"
    )
    checked(workspace, clusters, made, subject)


def removal_words(rows: pd.DataFrame, subject: Subject) -> str:
    """Which clusters would be missed most and least, as a sentence."""
    best, worst = rows.loc[rows["value"].idxmax()], rows.loc[rows["value"].idxmin()]
    verbs, of = (("rise", "fall"), "") if subject.gap is None else (("widen", "narrow"), " of the overall loss")
    parts = [
        f"{verb} by {spoken(abs(row['value']))} %{of} without “{influence_charts.short([row['name']])[0]}”"
        for row, verb, there in zip((best, worst), verbs, (best["value"] > 0, worst["value"] < 0), strict=True) if there
    ]
    whole = f"{subject.phrase} would {', and '.join(parts) or 'not change without any of them'}"
    return whole[0].upper() + whole[1:]


def removal(made: Artifact, found: Artifact | None, clusters: Artifact, subject: Subject) -> pd.DataFrame:
    """The removal effect of every cluster on one subject.

    Parameters
    ----------
    made, found
        The artifact ``effects``, and ``verification`` where it fits.

    Returns
    -------
    pandas.DataFrame
        ``label, name, value``; ``error``, by how much predictions were off beside retraining (root of the mean square), NaN
        where nobody has looked; ``beyond``, whether the value is surely more than that.
    """
    value, unit = percent(made, subject), _unit(made, subject)
    error = np.nan
    if found is not None:
        rows = _compared(found, subject)
        error = unit * float(np.sqrt(np.square(rows["actual"] - rows["predicted"]).mean()))
    return pd.DataFrame({
        "label": value.index, "name": value.index.map(reading.names(clusters)[1]), "value": value.to_numpy(), "error": error,
        "beyond": ~(value.abs() < Z * error).to_numpy(),
    })


def percent(made: Artifact, subject: Subject) -> pd.Series:
    """The removal effects by cluster in percent of the loss; on a gap, of the overall loss."""
    table = reading.table(made, "clusters").set_index("cluster")
    return _unit(made, subject) * _of(table, subject).astype(float)


def checked(workspace: Workspace, clusters: Artifact, made: Artifact, subject: Subject) -> None:
    """Predicted beside retrained, if that was done, and a form that has it done."""
    st.markdown("**Checked by retraining**")
    found = fitting(workspace, "verification")
    if found is not None:
        _figures(found, reading.names(clusters)[1], subject)
    elif workspace.find("verification") is not None:
        st.warning("The check is out of date: something before has changed.", icon=":material/history:")
    else:
        st.caption("Not done yet. Retraining without some of the clusters shows how far these predictions can be trusted.")
    _launch(workspace, len(reading.table(made, "clusters")))


def figures_table(entry: dict) -> pd.DataFrame:
    """The figures of a check of one target, ready to show."""
    rows = [{"Figure": words, "Value": _text(entry[name])} for name, words in FIGURES.items()]
    return pd.DataFrame([*rows, {"Figure": "Always the commoner sign", "Value": f"{entry['majority']:.2f}"}])


def _figures(found: Artifact, names: dict[str, str], subject: Subject) -> None:
    document, plans = found.json("verification"), _plans(found, subject)
    st.plotly_chart(
        effect_charts.check(_compared(found, subject), names), key="influence_check", config=NO_TOOLS,
        alt=f"Predicted against retrained removal effects on {subject.phrase}",
    )
    left, right = st.columns([1.25, 1])
    with left:
        st.dataframe(
            figures_table(_entry(found, subject)), hide_index=True, key="influence_figures",
            alt="How well predicted and retrained effects agree, with 95 % intervals",
        )
    with right:
        help_gain = "The fall of the loss." if subject.gap is None else "By how much the losses of the two groups come nearer."
        st.dataframe(
            plans.assign(reduction=100 * plans["reduction"]), hide_index=True, key="influence_plans",
            alt="Whole plans: predicted and retrained fall of the loss",
            column_order=("reduction", "predicted", "actual"),
            column_config={
                "reduction": st.column_config.NumberColumn(
                    "Plan", format="%.0f %%",
                    help=f"Its reduction ratio; as proposed, with up-weight cap {plans['cap'].iloc[0]:g} × and no decisions.",
                ),
                "predicted": st.column_config.NumberColumn("Predicted", format="%+.3f", help=help_gain),
                "actual": st.column_config.NumberColumn("Retrained", format="%+.3f", help=help_gain),
            },
        )
    st.caption(f"{document['clusters']} of {document['of']} clusters were left out, one at a time; [95 % interval].")


def _unit(made: Artifact, subject: Subject) -> float:
    return 100 / made.facts["losses"][subject.name if subject.gap is None else OVERALL]


def _of(table: pd.DataFrame, subject: Subject) -> pd.Series:
    """The column of a target, or the difference between those of the two groups of a gap."""
    return table[subject.name] if subject.gap is None else table[subject.gap.behind] - table[subject.gap.ahead]


def _compared(found: Artifact, subject: Subject) -> pd.DataFrame:
    """``cluster, predicted, first_order, actual`` of the clusters that were left out."""
    wide = reading.table(found, "clusters").pivot(index="cluster", columns="target")
    return pd.DataFrame({name: _of(wide[name], subject) for name in ("predicted", "first_order", "actual")}).reset_index()


def _plans(found: Artifact, subject: Subject) -> pd.DataFrame:
    """``reduction, cap, predicted, actual`` of the plans that were retrained under."""
    wide = reading.table(found, "plans").pivot(index=["reduction", "cap"], columns="target")
    return pd.DataFrame({name: _of(wide[name], subject) for name in ("predicted", "actual")}).reset_index()


def _entry(found: Artifact, subject: Subject) -> dict:
    """The figures of the check, and its verdict."""
    if subject.gap is None:
        return found.json("verification")["targets"][subject.name]
    return _check_of_gap(str(found.folder), found.digest, subject.gap.behind, subject.gap.ahead, found, subject)


@st.cache_data(show_spinner=False, max_entries=20)
def _check_of_gap(folder: str, digest: str, behind: str, ahead: str, _found: Artifact, _subject: Subject) -> dict:
    rows = _compared(_found, _subject)
    return check(rows["predicted"].to_numpy(), rows["actual"].to_numpy()).json()


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
