"""The panel of changed retrievals: which right answers moved between two arms, with their photos and captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.figures import RECALLS
from influencespace.evaluation.report import CURATED
from influencespace.evaluation.retrieval import GAINED, LOST, SIDES, changes, crossed, crossings
from influencespace.metrics.recall import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from influencespace.pairs.views import GROUP
from influencespace.ui import colours, reading, served
from influencespace.workspace import Artifact, Workspace

_ELEMENTS = Path(__file__).parent / "elements"
QUERIES = {TEXT_TO_IMAGE: "Caption finds photo", IMAGE_TO_TEXT: "Photo finds caption"}
ANY = "moved"
TINTS = {GAINED: colours.HELPS, LOST: colours.HARMS, "": colours.GREY}
PAGE = 24
TICKS = [1, 5, 10, 100, 1000, 10000]
EVERYONE = "every group"


def changed(workspace: Workspace, training: Artifact, arms: list[str]) -> None:
    """Controls, counts and a page of cards of what moved between two arms."""
    if len(arms) < 2:
        st.caption("Only one arm was trained; changes show between two.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        before = st.selectbox(
            "From", arms, index=arms.index(BASELINE) if BASELINE in arms else 0, key="results_before", width=150,
            persist_state="session", help="The arm that stands for before.",
        )
        others = [arm for arm in arms if arm != before]
        after = st.selectbox(
            "To", others, index=others.index(CURATED) if CURATED in others else 0, key="results_after", width=150,
            help="The arm that stands for after.", persist_state="session",
        )
        direction = st.segmented_control(
            "Query", list(SIDES), default=TEXT_TO_IMAGE, required=True, key="results_query", format_func=QUERIES.get,
            persist_state="session", help="What is looked for with what.",
        )
        k = st.segmented_control(
            "Among the first", list(RECALLS.values()), default=max(RECALLS.values()), required=True, key="results_top",
            persist_state="session", help="Gained: the right answer came among so many. Lost: it left them.",
        )
        group = st.selectbox("Photos of", _groups(training), key="results_group", width=200, persist_state="session",
                             help="Only queries about photos of this group.")
    found = {side: _of_group(training, _changes(str(training.folder), training.digest, before, after, side), group)
             for side in SIDES}
    _counts(found, direction, k)
    rows = found[direction]
    rows = rows.assign(kind=crossed(rows, k))
    counts = rows["kind"].value_counts()
    words = {GAINED: f"Gained ({counts.get(GAINED, 0):,})", LOST: f"Lost ({counts.get(LOST, 0):,})", ANY: "All that moved"}
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        kind = st.segmented_control(
            "Show", list(words), default=GAINED, required=True, key="results_kind", format_func=words.get,
            label_visibility="collapsed", persist_state="session",
        )
        shown = rows[rows["before"] != rows["after"]] if kind == ANY else rows[rows["kind"] == kind]
        pages = -(-len(shown) // PAGE)
        page = st.pagination(pages, key=f"results_page_{kind}_{direction}_{k}_{before}_{after}_{group}") if pages > 1 else 1
    if shown.empty:
        st.caption("No right answer moved so with this choice. Try another number of places, another group, or all that moved.")
    elif training.record["inputs"]["pairs"] != workspace.artifact("pairs").digest:
        st.caption("Other pairs have been brought in since, so that these photos are not known. Train again to see them.")
    else:
        _cards(workspace, training, shown.iloc[(page - 1) * PAGE : page * PAGE], direction, (before, after))


def _counts(found: dict[str, pd.DataFrame], direction: str, k: int) -> None:
    """A line for each direction, the chosen one first."""
    table = crossings(found)
    lines = []
    for side in sorted(SIDES, key=lambda side: side != direction):
        row = table[(table["direction"] == side) & (table["k"] == k)].iloc[0]
        net = f", {100 * (row[GAINED] - row[LOST]) / row['queries']:+.1f} points" if row["queries"] else ""
        lines.append(
            f"**{QUERIES[side]}:** of {row['queries']:,} queries {row[GAINED]:,} gained and {row[LOST]:,} lost a place among the "
            f"first {k}{net}."
        )
    st.caption("  \n".join(lines))


def _cards(workspace: Workspace, training: Artifact, rows: pd.DataFrame, direction: str, arms: tuple[str, str]) -> None:
    st.caption(
        f"Place of the right answer, median of the seeds; largest changes first. Open dot: {arms[0]}. Full dot: {arms[1]}. To "
        "the left is better."
    )
    _element()(key="results_retrievals", data={
        "cards": cards(workspace, training, rows, direction), "last": len(reading.table(training, "photos")), "names": list(arms),
        "ticks": TICKS,
    })


def cards(workspace: Workspace, training: Artifact, rows: pd.DataFrame, direction: str) -> list[dict]:
    """What retrievals.js draws, one dict a query."""
    pairs = reading.training(workspace)
    test = pairs.test
    of_photo = _captions(str(training.folder), training.digest)
    out = []
    for row in rows.to_dict("records"):
        own = of_photo[row["photo"]]
        asked = [row["query"]] if direction == TEXT_TO_IMAGE else []
        order = asked + [query for query in own if query not in asked]
        out.append({
            "image": served.photo(pairs, int(test["row"].iloc[own[0]])),
            "words": [test["caption"].iloc[query][:300] for query in order],
            "query": "caption" if direction == TEXT_TO_IMAGE else "photo",
            "before": float(row["before"]), "after": float(row["after"]),
            "colour": TINTS[GAINED if row["after"] < row["before"] else LOST],
        })
    return out


def _groups(training: Artifact) -> list[str]:
    photos = reading.table(training, "photos")
    names = [column for column in photos.columns if column.startswith(GROUP)]
    return [EVERYONE, *(f"{name.removeprefix(GROUP)}: {value}" for name in names for value in sorted(set(photos[name])))]


def _of_group(training: Artifact, rows: pd.DataFrame, group: str) -> pd.DataFrame:
    if group == EVERYONE:
        return rows
    name, _, value = group.partition(": ")
    inside = (reading.table(training, "photos")[GROUP + name] == value).to_numpy()
    return rows[inside[rows["photo"]]]


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    read = {kind: (_ELEMENTS / f"retrievals.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")}
    return st.components.v2.component("influencespace_retrievals", html='<div class="retrievals"></div>', **read)


# Resources, for they are read-only and shared; a copy for every visitor would take longer than looking at one page of them.
@st.cache_resource(show_spinner=False, max_entries=16)
def _changes(folder: str, digest: str, before: str, after: str, direction: str) -> pd.DataFrame:
    chosen = [("arm", "in", [before, after]), ("direction", "==", direction)]
    return changes(pd.read_parquet(f"{folder}/ranks.parquet", filters=chosen), before, after, direction)


@st.cache_resource(show_spinner=False, max_entries=4)
def _captions(folder: str, digest: str) -> list[np.ndarray]:
    """For each test photo, which captions are its own."""
    chosen = [("direction", "==", TEXT_TO_IMAGE)]
    ranks = pd.read_parquet(f"{folder}/ranks.parquet", columns=["query", "photo"], filters=chosen).drop_duplicates("query")
    return [part.to_numpy() for _, part in ranks.sort_values("query").groupby("photo")["query"]]
