"""The panels of the influence page: what is looked at, charts to click on, and all topics or clusters as a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from influencespace.influence.chance import Z, beyond_chance
from influencespace.spreadsheets import harmless_table
from influencespace.ui import influence_charts, selection, wording
from influencespace.ui.influence_rows import CLUSTER, TOPIC, Subject, at_odds, both_ends, counts, does, many, more_than_share
from influencespace.ui.markdown import escaped
from influencespace.ui.selection import Choice
from influencespace.workspace import Workspace

# Rows of a chart, of a heat map, and of a page of the table.
LINES, CELLS, PAGE = 20, 40, 20
ENDS, BEST, WORST = "Both ends", "From the best", "From the worst"
ORDERS = {
    "Influence": ("value", False), "Harm": ("value", True), "Pairs": ("pairs", False), "Share of the benefit": ("benefit", False),
    "Repeats": ("repeated", False), "Likeness": ("likeness", False), "Name": ("name", True),
}
SCORE = "1 is the mean of all of them, whichever their sign. It orders; it does not say how much a loss changes."
NO_TOOLS = {"displayModeBar": False}


def choose_subject(found: list[Subject]) -> Subject:
    """A box to choose what influence is on; the address carries it."""
    by_label = {subject.label: subject for subject in found}
    if st.session_state.get("target") not in by_label:
        st.session_state.pop("target", None)  # of another workspace
    label = st.selectbox(
        "Influence on", list(by_label), key="target", bind="query-params", width=250,
        help="A loss on validation photos, of all or of a group; or the gap between the group served worst and the one "
        "served best.",
    )
    return by_label[label]


def choose_level() -> str:
    """Topics, or the clusters that they are cut into."""
    st.session_state.setdefault("influence_level", TOPIC)
    chosen = st.segmented_control(
        "For each", [TOPIC, CLUSTER], required=True, format_func=str.capitalize, key="influence_level",
        persist_state="session", help="A topic is what pairs show; its clusters are cut by how well captions fit the photos.",
    )
    return chosen or TOPIC


def chosen(workspace: Workspace) -> Choice:
    """What is selected, here or on another page; at the start of a visit, what the address names."""
    if "influence_level_of" not in st.session_state:
        for level in (TOPIC, CLUSTER):
            if level in st.query_params:
                selection.choose(workspace, level, st.query_params[level])
        st.session_state["influence_level_of"] = None
    choice = selection.chosen(workspace)
    # What was selected since is shown at its own level; the curator may change the level then.
    if choice.kind in (TOPIC, CLUSTER) and st.session_state["influence_level_of"] != choice:
        st.session_state["influence_level_of"] = choice
        st.session_state["influence_level"] = choice.kind
    return choice


def shown(view: pd.DataFrame, level: str, choice: Choice) -> tuple[int, bool]:
    """The row that is looked at, and whether it was chosen: without a choice it is the one that harms most."""
    own = np.flatnonzero(view["label"].astype(str) == choice.value) if choice.kind == level else []
    return (int(own[0]), True) if len(own) else (int(np.argmin(view["value"])), False)


def write_address(level: str, label: str | None) -> None:
    """Put what was chosen into the address; None where nothing was."""
    for other in (TOPIC, CLUSTER):
        if other == level and label is not None:
            st.query_params[level] = label
        elif other in st.query_params:
            del st.query_params[other]


def search() -> str:
    """A box for a part of a name, or the number of a topic or cluster."""
    return (st.text_input(
        "Find by name", key="influence_find", icon=":material/search:", placeholder="a word of the name", live=True, width=220,
        persist_state="session",
    ) or "").strip()


def named(view: pd.DataFrame, text: str) -> np.ndarray:
    """(n,) bool, the rows that are meant by a part of their name or by their label."""
    found = view["name"].str.contains(text, case=False, regex=False).to_numpy()
    return found | (view["label"].astype(str) == text).to_numpy()


def order_chart(workspace: Workspace, view: pd.DataFrame, subject: Subject, level: str, label: object) -> None:
    """Those that help and those that harm, in their order, with intervals."""
    _title(counts(view, subject, level))
    if subject.gap is not None:
        st.caption(gap_size(subject))
    part = window(view, "order")
    figure = influence_charts.ranked(
        part, axis=f"selection score on {subject.label}", words=(subject.verb(1), subject.verb(-1)), chosen=label
    )
    clickable(workspace, figure, view, level, key="influence_order", alt=counts(view, subject, level))
    st.caption(
        f"Mean selection score of its pairs with its 95 % interval. {SCORE} A ring lies within chance, "
        "given how many are looked at."
    )


def share_chart(workspace: Workspace, view: pd.DataFrame, subject: Subject, level: str, label: object, theme: str) -> None:
    """Share of the data against share of the benefit."""
    _title(more_than_share(view, level))
    figure = influence_charts.shares(view, chosen=label, theme=theme)
    clickable(workspace, figure, view, level, key="influence_shares", alt=more_than_share(view, level))
    st.caption(
        f"The benefit is the sum of all positive influence on {escaped(subject.label)}. Above the line stand the "
        "under-represented: few pairs, much help. The farthest above it that are beyond chance bear names."
    )


def group_chart(
    workspace: Workspace, rows: pd.DataFrame, view: pd.DataFrame, found: list[Subject], level: str, theme: str
) -> None:
    """What each does to each group and to the gaps."""
    if len(found) == 1:
        st.info(
            "No groups are compared in this workspace. Bring the pairs in again and name a column of groups (page Data) to "
            "see what each cluster does to each group.", icon=":material/groups:",
        )
        return
    _title(at_odds(rows, found, level))
    for subject in found:
        if subject.gap is not None:
            st.caption(gap_words(rows, subject, level))
    part = view.iloc[both_ends(view["value"].to_numpy(), CELLS)]
    means = np.stack([rows[f"{subject.name}.mean"] for subject in found], axis=1)
    beyond = np.stack([beyond_chance(rows[f"{s.name}.mean"], rows[f"{s.name}.error"]) for s in found], axis=1)
    units = np.abs(means).mean(0)
    figure = influence_charts.heat(
        (means / np.where(units > 0, units, 1))[part.index], beyond[part.index], [subject.label for subject in found], part,
        theme=theme,
    )
    clickable(workspace, figure, view, level, key="influence_heat", alt=at_odds(rows, found, level))
    rule = f"The {CELLS // 2} that help and the {CELLS // 2} that harm most, of {len(view):,}. " if len(view) > CELLS else ""
    st.caption(
        f"{rule}Blue helps or narrows the gap, orange harms or widens it; + and − lie beyond chance, what is pale within it. "
        "Each column has its own measure."
    )


def gap_words(rows: pd.DataFrame, subject: Subject, level: str) -> str:
    """What is known of a gap, and of what clusters do to it, in a few sentences."""
    mean, error = rows[f"{subject.name}.mean"], rows[f"{subject.name}.error"]
    beyond = beyond_chance(mean, error)
    narrow, widen = int((beyond & (mean > 0)).sum()), int((beyond & (mean < 0)).sum())
    if not narrow + widen:
        return f"{gap_size(subject)} What any {level} does to it is within chance."
    doing = f"{many(narrow, level)} {does('narrow', narrow)} it and {widen} {does('widen', widen)} it"
    return f"{gap_size(subject)} Beyond chance, {doing}."


def gap_size(subject: Subject) -> str:
    """How large a gap is, and whether the photos can tell that there is one, in a sentence."""
    gap = subject.gap
    sure = "within chance, so there may be no gap to close" if gap.within_chance else "a gap beyond chance"
    return (
        f"The loss on **{wording.target(gap.behind)}** is {gap.size:.2f} ± {gap.reach:.2f} above that on "
        f"**{wording.target(gap.ahead)}**: {sure}."
    )


def redundancy_chart(workspace: Workspace, view: pd.DataFrame, level: str, label: object, theme: str) -> None:
    """How each repeats itself."""
    if view["likeness"].isna().all():
        st.info(
            "These scores were written before redundancy was looked at. It is there wherever influence is computed from now on.",
            icon=":material/info:",
        )
        return
    repeated = float((view["repeated"] * view["pairs"]).sum() / view["pairs"].sum())
    much = int((view["repeated"] > 2 * repeated).sum()) if repeated else 0
    title = f"{repeated:.1f} % of the pairs repeat others; in {much} of {many(len(view), level)} more than twice as many"
    _title(title)
    figure = influence_charts.redundancy(view, chosen=label, theme=theme)
    clickable(workspace, figure, view, level, key="influence_redundancy", alt=title)
    st.caption(
        "Repeats are near-duplicates, photo and caption both, beyond one of each set. Likeness is the mean cosine of two of its "
        "pairs as the encoder sees them. Neither says anything of quality: the colour does."
    )


def table(workspace: Workspace, view: pd.DataFrame, found: np.ndarray, subject: Subject, level: str) -> None:
    """All topics or clusters, a page at a time; a click on a row chooses it."""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader(f"All {many(len(view), level)}" if found.all() else f"{found.sum():,} of {many(len(view), level)}")
        order = st.selectbox("Sorted by", list(ORDERS), key="influence_sort", width=200, persist_state="session")
    column, ascending = ORDERS[order]
    rows = view[found].sort_values(column, ascending=ascending, kind="stable")
    pages = max(1, -(-len(rows) // PAGE))
    slot = st.container()
    page = st.pagination(pages, key=f"influence_page_{pages}", max_visible_pages=7) if pages > 1 else 1
    part = rows.iloc[(page - 1) * PAGE : page * PAGE]
    verdict = np.where(part["beyond"], [subject.verb(value) for value in part["value"]], "within chance")
    with slot:
        st.dataframe(
            harmless_table(part.assign(reach=Z * part["error"], verdict=verdict)), hide_index=True, key="influence_table",
            alt=f"Each {level} with its influence on {subject.label}, its shares and how it repeats itself",
            column_order=("name", "pairs", "data", "value", "reach", "verdict", "benefit", "repeated", "likeness"),
            selection_mode="single-row", on_select=_on_row(workspace, "influence_table", part["label"], level),
            column_config={
                "name": st.column_config.TextColumn(level.capitalize(), pinned=True, width="large"),
                "pairs": st.column_config.NumberColumn("Pairs", format="localized", help="How many training pairs it has."),
                "data": st.column_config.NumberColumn("Share", format="%.2f %%", help="Its share of the training pairs."),
                "value": st.column_config.NumberColumn(
                    "Selection score", format="%+.2f", help=f"Mean over its pairs, on {escaped(subject.label)}. {SCORE}"
                ),
                "reach": st.column_config.NumberColumn("±", format="%.2f", help="Half of the 95 % interval of the score."),
                "verdict": st.column_config.TextColumn(
                    "Keeping it", help="What it does beyond chance, given how many are looked at (false discovery rate 5 %)."
                ),
                "benefit": st.column_config.NumberColumn(
                    "Of the benefit", format="%.2f %%", help="Its share of all positive influence; more than its share of the "
                    "pairs: under-represented."
                ),
                "repeated": st.column_config.NumberColumn(
                    "Repeats", format="%.1f %%", help="Its pairs that are near-duplicates of others, beyond one of each set."
                ),
                "likeness": st.column_config.NumberColumn(
                    "Likeness", format="%.2f", help="Mean cosine of two of its pairs: 0 = as any two pairs, 1 = all the same."
                ),
            },
        )


def window(view: pd.DataFrame, key: str) -> pd.DataFrame:
    """The rows that a chart has room for: both ends of the order, or a page of it to choose."""
    if len(view) <= LINES:
        return view.iloc[both_ends(view["value"].to_numpy(), LINES)]
    with st.container(horizontal=True, vertical_alignment="center"):
        show = st.segmented_control(
            "Show", [ENDS, BEST, WORST], default=ENDS, required=True, key=f"influence_{key}_show", label_visibility="collapsed",
            persist_state="session",
        )
        if show == ENDS:
            st.caption(f"The {LINES // 2} at either end of {len(view):,}.")
            return view.iloc[both_ends(view["value"].to_numpy(), LINES)]
        pages = -(-len(view) // LINES)
        page = st.pagination(pages, key=f"influence_{key}_page_{pages}", max_visible_pages=5)
    rows = view.sort_values("value", ascending=show == WORST, kind="stable")
    return rows.iloc[(page - 1) * LINES : page * LINES]


def clickable(workspace: Workspace, figure: go.Figure, view: pd.DataFrame, level: str, *, key: str, alt: str) -> None:
    """A chart of which a click on a point chooses its row, which the point's ``customdata`` names."""
    labels = view["label"]

    def on_point() -> None:
        points = st.session_state[key]["selection"]["points"]
        place = points[0].get("customdata") if points else None
        if place in labels.index:
            selection.choose(workspace, level, str(labels[place]))

    figure.update_layout(dragmode=False)
    st.plotly_chart(figure, key=key, on_select=on_point, selection_mode="points", config=NO_TOOLS, alt=alt)


def _on_row(workspace: Workspace, key: str, labels: pd.Series, level: str) -> Callable[[], None]:
    def on_row() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(labels):
            selection.choose(workspace, level, str(labels.iloc[rows[0]]))

    return on_row


def _title(words: str) -> None:
    st.markdown(f"**{escaped(words)}**")
