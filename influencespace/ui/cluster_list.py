"""The list of topics, or of clusters: one page of any number of them, sorted here and drawn in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from influencespace.features.search import best
from influencespace.pairs.views import GROUP
from influencespace.ui import colours, gallery, planned, reading, served, wording
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.influence_rows import unit
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

PAGE, PHOTOS, SHOWN_VALUES = 20, 4, 6
TOPIC, CLUSTER = "topic", "cluster"
_ELEMENTS = Path(__file__).parent / "elements"
_HELP = {
    "photos": "The pairs whose captions fit best.",
    "name": "The words that set its captions apart from those of the others.",
    "pairs": "Training pairs in it, and their share of all.",
    "agreement": "Mean agreement of captions with photos, as judged by models that have not seen the pair; 0 is the mean of all.",
    "influence": "Mean selection score of its pairs with a 95 % interval: right of the middle helps, left harms. 1 is the mean "
    "of all, whichever their sign. It orders; it does not say how much a loss changes.",
    "groups": "Which groups its pairs are of.",
    "disposition": "What the plan does with it, and how many of its pairs stay.",
}
_TITLES = {
    "photos": "", "name": "Name", "pairs": "Pairs", "agreement": "Caption fit", "influence": "Influence", "groups": "Groups",
    "disposition": "Plan",
}
# Sorted by these first in falling order, by names in rising order.
_SORTS = {"name": "name", "pairs": "pairs", "agreement": "agreement", "influence": "mean", "disposition": "stays"}


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    read = {kind: (_ELEMENTS / f"cluster_list.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")}
    html = "<table>\n<thead></thead><tbody></tbody></table>"
    return st.components.v2.component("influencespace_cluster_list", html=html, **read)


def draw(
    pairs: TrainingPairs, rows: pd.DataFrame, level: str, *, target: str, attribute: str, chosen: str, key: str,
    on_choose: Callable[[], None],
) -> None:
    """Draw one page of the list, with heads that sort and a control to turn pages.

    Parameters
    ----------
    pairs
        The training pairs.
    rows
        Of :func:`summary`.
    level
        Whether they are topics or clusters.
    target, attribute
        Whose influence, and which groups; empty where there are none.
    chosen
        The row that is selected.
    key
        Identity on the page.
    on_choose
        Called before the page runs again when a row was chosen, which is ``st.session_state[key].chosen``.
    """
    by, descending = order(key, rows)
    slot = st.container()
    pages = -(-len(rows) // PAGE)
    page = 1
    if pages > 1:
        start, turn = st.session_state.get(f"{key}_turned", (1, 0))
        # Under a key of its own after each turn that a step through the rows has made.
        page = st.pagination(pages, default=min(start, pages), key=f"{key}_page_{level}_{pages}_{turn}", max_visible_pages=7)
    shown = rows.iloc[(page - 1) * PAGE : page * PAGE]
    columns = [
        {"name": name, "title": _TITLES[name], "help": _HELP[name], "sorts": _SORTS.get(name) in rows}
        for name in _columns(rows, attribute)
    ]
    data = {
        "rows": _lines(pairs, shown, level, target, attribute, chosen, reach=_reach(rows)), "columns": columns, "sorted": by,
        "descending": descending, "label": f"{'Topics' if level == TOPIC else 'Clusters'} with size, fit, influence and plan",
    }
    with slot:
        _element()(key=key, data=data, on_chosen_change=on_choose, on_sorted_change=lambda: _sort(key))


def order(key: str, rows: pd.DataFrame) -> tuple[str, bool]:
    """The head that the list is sorted by, and whether in falling order; the largest first to begin with."""
    by, descending = st.session_state.setdefault(f"{key}_sorted", ("pairs", True))
    return (by, descending) if _SORTS[by] in rows else ("pairs", True)


def turn_to(key: str, place: int) -> None:
    """Turn to the page with the row at that place of the order."""
    turn = st.session_state.get(f"{key}_turned", (1, 0))[1]
    st.session_state[f"{key}_turned"] = (place // PAGE + 1, turn + 1)


def summary(workspace: Workspace, clusters: Artifact, level: str, target: str, *, key: str) -> pd.DataFrame:
    """What is known of each topic or cluster so far, as the heads of the list have it sorted.

    Returns
    -------
    pandas.DataFrame
        ``id`` str, ``topic``, ``name``, ``keywords``, ``pairs``, ``share``; ``agreement``; once there are scores ``mean`` and
        ``error`` of the target, where 1 is the mean of all whichever their sign; ``stays`` (the share of its pairs that the
        plan keeps) and, for clusters, ``disposition``.
    """
    rows, topics = reading.table(clusters, "clusters"), reading.table(clusters, "topics")
    keywords = topics.set_index("topic")["keywords"]
    if level == TOPIC:
        fit = rows["agreement"] * rows["pairs"]
        rows = topics.drop(columns="keywords").assign(
            agreement=topics["topic"].map(fit.groupby(rows["topic"]).sum()) / topics["pairs"]
        )
    rows = rows.assign(
        id=rows[level].astype(str), keywords=rows["topic"].map(keywords), share=rows["pairs"] / max(rows["pairs"].sum(), 1)
    )
    scores, plan = fitting(workspace, "scores"), planned.clusters(workspace)
    if scores is not None and target:
        found = reading.table(scores, f"{level}s").set_index(level)
        one = unit(found[f"{target}.mean"].to_numpy())
        mean, error = (rows[level].map(found[f"{target}.{part}"]) / one for part in ("mean", "error"))
        rows = rows.assign(mean=mean, error=error)
    if plan is not None:
        found = plan.set_index("cluster")
        if level == CLUSTER:
            rows = rows.assign(**{name: rows["cluster"].map(found[name]) for name in ("disposition", "kept")})
        else:
            kept = found["kept"].groupby(found.index.str.split(".").str[0].astype(int)).sum()
            rows = rows.assign(kept=rows["topic"].map(kept))
        rows = rows.assign(stays=rows["kept"] / rows["pairs"])
    by, descending = order(key, rows)
    return rows.sort_values(_SORTS[by], ascending=not descending, kind="stable").reset_index(drop=True)


@st.cache_data(show_spinner=False, max_entries=16)
def make_up(_pairs: TrainingPairs, key: str, level: str, attribute: str) -> np.ndarray:
    """(clusters, values) how many pairs of each topic or cluster are of each group; both in the order of their labels."""
    members, groups = _pairs.codes(level), _pairs.codes(GROUP + attribute)
    width = len(groups.labels)
    both = members.code.astype(np.int64) * width + groups.code
    return np.bincount(both, minlength=len(members.labels) * width).reshape(-1, width)


def _columns(rows: pd.DataFrame, attribute: str) -> list[str]:
    there = {"influence": "mean" in rows, "groups": bool(attribute), "disposition": "stays" in rows}
    return [name for name in _TITLES if there.get(name, True)]


def _lines(
    pairs: TrainingPairs, rows: pd.DataFrame, level: str, target: str, attribute: str, chosen: str, reach: float
) -> list[dict[str, Any]]:
    """What cluster_list.js draws, one dict a row."""
    labels = pairs.codes(level).labels
    photos = _best(pairs, pairs.key, level, tuple(rows[level]))
    groups = make_up(pairs, pairs.key, level, attribute) if attribute else None
    values = pairs.codes(GROUP + attribute).labels if attribute else []
    lines = []
    for row, own in zip(rows.to_dict("records"), photos, strict=True):
        line = {
            "id": row["id"], "chosen": row["id"] == chosen, "photos": [served.photo(pairs, place) for place in own],
            "name": {"name": wording.cluster(row["name"]), "keywords": _beyond(row["name"], row["keywords"])},
            "agreement": gallery.signed(row["agreement"], 2),
            "pairs": {"count": f"{row['pairs']:,}", "share": f"{100 * row['share']:.1f} %"},
        }
        if "mean" in row:
            line["influence"] = _influence(row["mean"], 1.96 * row["error"], reach)
        if groups is not None:
            line["groups"] = _parts(groups[np.flatnonzero(labels == row[level])[0]], values)
        if "stays" in row:
            word = row.get("disposition", "prune in part" if 0 < row["stays"] < 1 else "keep" if row["stays"] else "prune")
            line["disposition"] = {
                "word": word, "colour": colours.DISPOSITIONS[word], "detail": f"{100 * row['stays']:.0f} % of its pairs stay",
            }
        lines.append(line)
    return lines


def _beyond(name: str, keywords: list[str]) -> str:
    """The keywords that the name does not hold already."""
    held = set(name.split(":")[0].split(", "))
    return ", ".join(word for word in keywords if word not in held)


def _influence(mean: float, error: float, reach: float) -> dict[str, Any]:
    if not np.isfinite(mean):
        return {"text": "not known", "part": 0.0, "error": 0.0, "colour": colours.GREY}
    sure = abs(mean) > error
    text = f"{gallery.signed(mean, 2)} ± {error:.2f}" + ("" if sure else ", may be none")
    return {
        "text": text, "part": mean / reach, "error": error / reach, "colour": colours.HELPS if mean >= 0 else colours.HARMS,
    }


def _parts(counts: np.ndarray, values: np.ndarray) -> list[dict[str, Any]]:
    """The groups of a cluster, known ones by their number and the unknown last; what is beyond the sixth is together."""
    colour = dict(zip(values[values != "unknown"], colours.categories(len(values)), strict=False)) | {"unknown": colours.GREY}
    order = sorted(np.flatnonzero(counts), key=lambda i: (values[i] == "unknown", -counts[i]))
    parts = [(wording.group(str(values[i])), counts[i] / counts.sum(), colour[values[i]]) for i in order]
    if len(parts) > SHOWN_VALUES:
        rest = sum(share for _, share, _ in parts[SHOWN_VALUES - 1 :])
        parts = [*parts[: SHOWN_VALUES - 1], ("others", rest, colours.GREY)]
    return [{"value": value, "share": share, "text": f"{100 * share:.0f} %", "colour": hue} for value, share, hue in parts]


@st.cache_data(show_spinner=False, max_entries=64)
def _best(_pairs: TrainingPairs, key: str, level: str, names: tuple) -> list[list[int]]:
    """For each topic or cluster the rows in the table of pairs of those that fit best and have a photo."""
    members, fit = _pairs.codes(level), _pairs.numbers("agreement")
    paths, found = _pairs.text("image_path"), []
    for name in names:
        own = np.flatnonzero(members.of(name))
        top = own[best(fit[own], PHOTOS)]
        there = paths.take(pa.array(top)).is_valid().to_numpy(zero_copy_only=False)
        found.append(_pairs.training_rows[top[there]].tolist())
    return found


def _reach(rows: pd.DataFrame) -> float:
    return colours.reach(rows["mean"].to_numpy()) if "mean" in rows else 1.0


def _sort(key: str) -> None:
    column = st.session_state[key].sorted
    if column in _SORTS:
        before, descending = st.session_state[f"{key}_sorted"]
        st.session_state[f"{key}_sorted"] = (column, not descending if column == before else column != "name")
