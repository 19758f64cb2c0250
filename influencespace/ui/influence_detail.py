"""One topic or cluster: what it does to every target and gap, how it repeats itself, and the pairs that drive its score."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.influence.chance import Z
from influencespace.ui import effect_panels, gallery, reading, selection, wording
from influencespace.ui.columns import INFLUENCE
from influencespace.ui.influence_rows import CLUSTER, Subject, drivers, how, many, spoken, standing
from influencespace.ui.markdown import escaped
from influencespace.ui.road import fitting
from influencespace.workspace import Workspace

PAGES = Path(__file__).parents[2] / "pages"
WAYS = (
    ("clusters", "On the map", ":material/scatter_plot:", "See its pairs on the map."),
    ("curate", "Decide", ":material/tune:", "Keep, prune or up-weight it on the page Curate."),
)
SHOWN = 6
# A bar under a photo is full at so many times the mean over all pairs.
FULL = 4.0


def heading(
    workspace: Workspace, rows: pd.DataFrame, view: pd.DataFrame, place: int, subject: Subject, level: str, chosen: bool
) -> None:
    """Its name, the ways to other pages with it selected, and what keeping it does, in a sentence."""
    row = view.iloc[place]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"#### {escaped(wording.cluster(row['name']))}", width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            if chosen:  # links lead to pages that show what is selected
                for page, words, icon, what in WAYS:
                    st.page_link(PAGES / f"{page}.py", label=words, icon=icon, help=what)
            else:
                st.button(
                    "Select it", icon=":material/check:", type="tertiary", key="influence_select", on_click=selection.choose,
                    args=(workspace, level, str(row["label"])), help="Select its pairs, here and on the other pages.",
                )
    lead, phrase = "" if chosen else f"Shown is the {level} with the lowest score; click another. ", escaped(subject.phrase)
    does = f"What keeping it does to {phrase} is **within chance**"
    if row["beyond"]:
        does = f"Keeping it **{subject.verb(row['value'])}** {phrase}{how(rows.iloc[place], subject)}"
    st.caption(
        f"{lead}{does}: selection score {gallery.signed(row['value'], 2)} ± {Z * row['error']:.2f}. "
        f"{many(int(row['pairs']), 'pair')}, {spoken(row['data'])} % of the data" + _redundant(row) + "."
    )


def figures(workspace: Workspace, rows: pd.DataFrame, place: int, found: list[Subject], level: str) -> None:
    """The selection score and the removal effect on every target and gap, apart."""
    made = fitting(workspace, "effects")
    lines = []
    for subject in found:
        row = standing(rows, subject, level).iloc[place]
        line = {
            "on": subject.label, "score": f"{gallery.signed(row['value'], 2)} ± {Z * row['error']:.2f}",
            "does": subject.verb(row["value"]) if row["beyond"] else "within chance",
        }
        if made is not None and level == CLUSTER:
            effect = effect_panels.percent(made, subject).get(row["label"], np.nan)
            line |= {"effect": effect, "verdict": effect_panels.verdict(workspace, subject)}
        lines.append(line)
    shown = pd.DataFrame(lines)
    st.dataframe(
        shown, hide_index=True, key="influence_figures_of", row_height=29,
        alt="Selection score and removal effect on every target and gap",
        column_config={
            "on": st.column_config.TextColumn(
                "On", pinned=True, width=152, help="The loss of all, of a group, or the gap between groups."
            ),
            "score": st.column_config.TextColumn(
                "Score", width=92, help="Selection score with its 95 % interval. It orders; 1 is the mean of all.",
            ),
            "does": st.column_config.TextColumn("Keeping it", width=84, help="What it does beyond chance."),
            "effect": st.column_config.NumberColumn(
                "Removal", format=f"%+.{_decimals(shown.get('effect', []))}f %%", width=62,
                help="Removal effect. It predicts: by how many percent the loss rises without this cluster; of a gap, by how "
                "much it widens, in percent of the overall loss.",
            ),
            "verdict": st.column_config.TextColumn("Checked", width=62, help=effect_panels.MEANING),
        },
    )
    if level != CLUSTER:
        st.caption("Removal effects are predicted for clusters: a topic's is not the sum of its clusters'.")


def photos(workspace: Workspace, label: object, subject: Subject, level: str) -> None:
    """The pairs that drive the score, best and worst."""
    pairs = reading.training(workspace)
    influence = subject.of_pairs(pairs)
    unit = float(np.abs(influence).mean()) or 1.0
    members, phrase = np.flatnonzero(pairs.codes(level).of(label)), escaped(subject.phrase)
    if len(members) == 0:
        return
    if np.ptp(influence[members]) == 0 and len(members) > 1:
        st.caption(f"Its pairs cannot be told apart by their influence on {phrase}: what they differ by is chance.")
        return
    best, worst = drivers(influence, members, SHOWN)
    for words, index in (("best", best), ("worst", worst)):
        if len(index) == 0:
            continue
        rows = pairs.rows(index).assign(**{INFLUENCE + subject.name: influence[index]})
        rows["note"] = [_note(value / unit, row) for value, row in zip(influence[index], rows.to_dict("records"), strict=True)]
        st.markdown(f"**Its {words} pairs** for {phrase}")
        gallery.draw(
            pairs, rows, key=f"influence_{words}", label=f"The {words} pairs", target=subject.name, reach=FULL * unit,
            columns=SHOWN,
        )
    st.caption("Under each photo its influence (1 is the mean of all pairs, whichever their sign) and how well its caption fits.")


def _note(influence: float, row: dict) -> str:
    fit = row.get("agreement")
    return gallery.signed(influence) + ("" if fit is None else f" · fit {gallery.signed(fit)}")


def _decimals(values: Iterable[float]) -> int:
    """So many that the largest has two digits that say something."""
    largest = float(np.nanmax(np.abs([*values, 1e-9])))
    return int(np.clip(1 - np.floor(np.log10(largest)), 1, 6))


def _redundant(row: pd.Series) -> str:
    if np.isnan(row["repeated"]):
        return ""
    alike = "" if np.isnan(row["likeness"]) else f", likeness {row['likeness']:.2f}"
    return f"; {row['repeated']:.0f} % repeat others{alike}"
