"""The table of dispositions with their reasons: clusters or topics of the shown version, sorted and paged on the server."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.curation.decisions import CLUSTERS, TOPICS
from influencespace.curation.plan import IN_PART, KEEP, PRUNE, UP_WEIGHT
from influencespace.spreadsheets import harmless_texts
from influencespace.ui import decision_panels, planning, prediction, reading, selection, wording
from influencespace.ui.influence_rows import unit
from influencespace.ui.kept import Kept
from influencespace.ui.road import fitting
from influencespace.ui.selection import ALL, CLUSTER, TOPIC
from influencespace.workspace import Workspace

PAGE = 100
# Standard errors to either end of a 95 % interval.
HALF_95 = 1.96
KEY = "curate_table"
_PAGE, _TURNED = f"{KEY}_page", f"{KEY}_turned"
# What the rows can be ordered by: the column, and whether small values come first.
ORDERS = {
    "First to go first": ("place", True), "Last to go first": ("place", False), "Harms most first": ("mean", True),
    "Helps most first": ("mean", False), "Narrows the gap most first": ("gap", False), "Largest first": ("pairs", False),
    "By name": ("name", True), "Yours first": ("decision", False),
}
DISPOSITIONS = [PRUNE, IN_PART, KEEP, UP_WEIGHT]
COLUMNS = ("name", "pairs", "influence", "narrows", "disposition", "weight", "reason", "decision", "kept", "share")
LEVELS = {"Clusters": CLUSTER, "Topics": TOPIC}
_tables: Kept[pd.DataFrame] = Kept(16 << 20)
_listed: Kept[pd.DataFrame] = Kept(16 << 20)
_unchanging: Kept[pd.DataFrame] = Kept(4 << 20)


def view(rows: pd.DataFrame) -> None:
    """Where to turn to among the rows, and what the table shows in which order; to stand in a line."""
    pages = -(-len(rows) // PAGE)
    if pages > 1:
        page, turn = st.session_state.get(_TURNED, (1, 0))
        # Under a key of its own after each turn that J, H or a click on the map has made.
        turned = st.pagination(pages, default=min(page, pages), key=f"{KEY}_page_{turn}", max_visible_pages=5)
        st.session_state[_PAGE] = turned
    with st.popover("Table", icon=":material/tune:", help="Clusters or topics, their order, and which of them."):
        st.segmented_control("Rows", list(LEVELS), default="Clusters", required=True, key=f"{KEY}_level")
        st.selectbox("Order", list(ORDERS), key=f"{KEY}_order")
        st.multiselect("Only", DISPOSITIONS, key=f"{KEY}_only", placeholder="All dispositions")
        st.text_input("Name has", key=f"{KEY}_find", placeholder="such as: dog")


def draw(workspace: Workspace, rows: pd.DataFrame, *, height: int) -> None:
    """Draw the page of the rows that was turned to."""
    if rows.empty:
        st.caption("No row is like that. Empty the boxes under “Table”.")
        return
    page = min(st.session_state.get(_PAGE, 1), -(-len(rows) // PAGE))
    shown = rows.iloc[(page - 1) * PAGE : page * PAGE]
    chosen = selection.chosen(workspace)
    kind, keys = level(), list(shown["key"])
    at = [keys.index(chosen.value)] if chosen.kind == kind and chosen.value in keys else []
    st.session_state[KEY] = {"selection": {"rows": at, "columns": [], "cells": []}}
    st.dataframe(
        shown[[column for column in COLUMNS if column in shown]].assign(name=harmless_texts(shown["name"])), hide_index=True,
        height=height, key=KEY,
        on_select=lambda: _choose(workspace, kind, keys), selection_mode="single-row", column_config=_columns(),
        placeholder="", alt="What becomes of each cluster or topic, and why",
    )


def step(workspace: Workspace, by: int) -> None:
    """Select the next row (1), or the one before (-1), and turn to its page."""
    keys, chosen = list(listed(workspace)["key"]), selection.chosen(workspace)
    if not keys:
        return
    here = keys.index(chosen.value) if chosen.kind == level() and chosen.value in keys else -1 if by > 0 else len(keys)
    at = int(np.clip(here + by, 0, len(keys) - 1))
    selection.choose(workspace, level(), keys[at])
    _turn(at // PAGE + 1)


def turn_to(workspace: Workspace, key: str) -> None:
    """Turn to the page of a row, if it is listed."""
    keys = list(listed(workspace)["key"])
    if key in keys:
        _turn(keys.index(key) // PAGE + 1)


def level() -> str:
    """Whether rows are clusters or topics, as a kind of selection."""
    return LEVELS[st.session_state.get(f"{KEY}_level") or "Clusters"]


def listed(workspace: Workspace) -> pd.DataFrame:
    """All rows that are wanted, in the order that is."""
    state, kind = st.session_state, level()
    only, find = state.get(f"{KEY}_only") or DISPOSITIONS, (state.get(f"{KEY}_find") or "").strip().lower()
    by = state.get(f"{KEY}_order") or next(iter(ORDERS))

    def made() -> pd.DataFrame:
        rows = table(workspace, kind)
        rows = rows[rows["disposition"].isin(only) & rows["name"].str.lower().str.contains(find, regex=False)]
        column, ascending = ORDERS[by] if ORDERS[by][0] in rows else ("place", True)
        return rows.sort_values(column, ascending=ascending, kind="stable").reset_index(drop=True)

    return _listed.of(f"{_made_from(workspace, kind)} {sorted(only)} {by} {find}", made)


def table(workspace: Workspace, kind: str) -> pd.DataFrame:
    """One row a cluster or topic of the shown version.

    Returns
    -------
    pandas.DataFrame
        In the order of the plan: ``key, name, pairs, share`` (percent), ``mean, error`` (mean selection score), ``influence`` (in
        words), ``gap`` (percent of the overall loss by which the gap widens without it) and ``narrows`` (in words),
        ``disposition, weight, kept, reason, decision`` and ``place``. Not to be written to: visitors share it.
    """
    return _tables.of(_made_from(workspace, kind), lambda: _table(workspace, kind))


def _made_from(workspace: Workspace, kind: str) -> str:
    effects = fitting(workspace, "effects")
    return f"{planning.plan_key(workspace)} {kind} {effects.digest if effects is not None else ''}"


def _table(workspace: Workspace, kind: str) -> pd.DataFrame:
    rows = planning.clusters(workspace)
    rows = rows.assign(place=np.arange(len(rows)), key=rows["cluster"])
    if kind == TOPIC:
        rows = _by_topic(workspace, rows)
    decided = planning.shown(workspace).decisions.get(TOPICS if kind == TOPIC else CLUSTERS, {})
    return rows.assign(
        name=rows["name"].map(wording.cluster), weight=rows["weight"].where(rows["kept"] > 0),
        share=100 * rows["pairs"] / max(rows["pairs"].sum(), 1),
        decision=[decision_panels.words(decided[key]) if key in decided else "" for key in rows["key"]],
        **dict(_of_every_version(workspace, kind).reindex(rows["key"]).reset_index(drop=True).items()),
    )


def _of_every_version(workspace: Workspace, kind: str) -> pd.DataFrame:
    """What no decision changes, by ``key``: ``mean``, ``error`` and ``influence``, and where they are known ``gap`` and
    ``narrows``."""
    scores, effects = fitting(workspace, "scores"), fitting(workspace, "effects")

    def made() -> pd.DataFrame:
        found = reading.table(scores, "topics" if kind == TOPIC else "clusters")
        mean, error = found["overall.mean"], found["overall.error"]
        rows = pd.DataFrame({"key": found[kind].astype(str), "mean": mean, "error": error, "influence": influence(mean, error)})
        rows = rows.set_index("key")
        if effects is not None and kind == CLUSTER:
            rows = rows.join(gaps(effects.facts, reading.table(effects, "clusters")).set_index("cluster"))
            if "gap" in rows:
                rows["narrows"] = [f"{text} %" for text in legible(rows["gap"].to_numpy())]
        return rows

    made_from = f"{scores.folder} {scores.digest} {kind} {effects.digest if effects is not None else ''}"
    return _unchanging.of(made_from, made)


def influence(mean: np.ndarray, error: np.ndarray) -> list[str]:
    """Means with the half of their 95 % interval as text, in the unit of the page Influence."""
    one = unit(mean)
    return [f"{m / one:+.2f} ± {HALF_95 * e / one:.2f}".replace("-", "−") for m, e in zip(mean, error, strict=True)]


def legible(values: np.ndarray) -> list[str]:
    """Numbers with their signs, all with as many decimals as show two figures of the largest; NaN is empty."""
    largest = np.nanmax(np.abs(values), initial=0.0)
    digits = int(np.clip(1 - np.floor(np.log10(largest)), 0, 6)) if largest > 0 else 0
    signs = ["" if round(value, digits) == 0 else "−" if value < 0 else "+" for value in values]
    return ["" if np.isnan(value) else f"{sign}{abs(value):.{digits}f}" for sign, value in zip(signs, values, strict=True)]


def gaps(facts: dict, effects: pd.DataFrame) -> pd.DataFrame:
    """``cluster`` and ``gap``: by how much the widest gap grows without the cluster, in percent of the overall loss; positive =
    keeping it narrows the gap. Without groups only ``cluster``."""
    losses = facts["losses"]
    listed = [effect for effect in prediction.effects(facts["targets"], losses, {}) if effect["kind"] == "gap"]
    if not listed:
        return effects[["cluster"]]
    widest = max(listed, key=lambda effect: effect["now"])
    names = [facts["targets"][q] for q in widest["groups"]]
    wider = -prediction.narrowing(np.array([losses[name] for name in names]), -effects[names].to_numpy(dtype=np.float64))
    return effects[["cluster"]].assign(gap=100 * wider / widest["of"])


def _turn(page: int) -> None:
    if page != st.session_state.get(_PAGE, 1):
        st.session_state[_TURNED] = page, st.session_state.get(_TURNED, (1, 0))[1] + 1


def _by_topic(workspace: Workspace, rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(mass=rows["weight"] * rows["kept"])
    found = rows.groupby("topic", sort=False).agg(
        pairs=("pairs", "sum"), kept=("kept", "sum"), mass=("mass", "sum"), place=("place", "mean"), clusters=("cluster", "size"),
        pruned=("disposition", lambda words: int((words == PRUNE).sum())),
        heavier=("disposition", lambda words: int((words == UP_WEIGHT).sum())),
    ).reset_index()
    names, _ = reading.names(fitting(workspace, "clusters"))
    found["name"], found["key"] = found["topic"].map(names), found["topic"].astype(str)
    found["weight"] = found["mass"] / found["kept"].clip(lower=1)
    found["disposition"] = np.select(
        [found["kept"] == 0, found["kept"] < found["pairs"], 2 * found["heavier"] > found["clusters"]],
        [PRUNE, IN_PART, UP_WEIGHT], KEEP,
    ).astype(object)
    found["reason"] = [
        f"of {row.clusters} clusters {row.pruned} pruned whole, {row.heavier} up-weighted" for row in found.itertuples()
    ]
    return found.sort_values("place", kind="stable").reset_index(drop=True)


def _choose(workspace: Workspace, kind: str, keys: list[str]) -> None:
    picked = st.session_state[KEY]["selection"]["rows"]
    if picked and picked[0] < len(keys):
        selection.choose(workspace, kind, keys[picked[0]])
    else:
        selection.choose(workspace, ALL)


def _columns() -> dict:
    column = st.column_config
    return {
        "name": column.TextColumn(
            "Name", width=200, pinned=True, help="What its captions are about; of a cluster, how well they fit the photos.",
        ),
        "pairs": column.NumberColumn("Pairs", format="localized", width=54, help="Training pairs in it."),
        "share": column.NumberColumn("Share", format="%.1f %%", width=65, help="Of all pairs."),
        "influence": column.TextColumn(
            "Influence", width=104, help="Mean selection score of its pairs with its 95 % interval: above zero helps, below "
            "zero harms; 1 is the mean of all, whichever their sign. It orders what goes; what removing does is predicted above.",
        ),
        "narrows": column.TextColumn(
            "Gap", width=62, help="By how much the gap between groups would widen without the cluster, in "
            "percent of the loss: above zero, keeping it narrows the gap.",
        ),
        "disposition": column.TextColumn("Plan", width=88, help="What becomes of its pairs; “prune in part”: of some."),
        "weight": column.NumberColumn("Weight", format="%.2f ×", width=62, help="Mean over the pairs that it keeps."),
        "kept": column.NumberColumn("Kept", format="localized", width=65, help="Pairs that stay."),
        "decision": column.TextColumn("Yours", width=80, help="Your decision wins over the plan's. Empty: the plan decides."),
        "reason": column.TextColumn("Why", width=250, help="What the plan decided it by."),
    }


