"""The panels of the clusters page: what is selected, its photos and its figures, and the list of topics and clusters."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import streamlit as st

from influencespace.features.search import best
from influencespace.pairs.views import GROUP
from influencespace.ui import cluster_list, colours, gallery, pair_view, planned, reading, selection, served
from influencespace.ui.columns import INFLUENCE, TrainingPairs
from influencespace.ui.guard import guarded
from influencespace.ui.selection import Selection
from influencespace.workspace import Artifact, Workspace

AS_FOUND = "as found"
_RANKED = {selection.MEANING: "closest first", selection.ALIKE: "most alike first"}
# Two standard errors, near enough the 95 % of a normal distribution.
WIDE = 1.96
# The least width of a card in pixels: four in a row at a width of 1280.
CARD = 92
LIST = "clusters_list"


def on_map(workspace: Workspace, pairs: TrainingPairs) -> dict[str, Callable]:
    """What a click on the map selects (the topic of the pair, with the pair first) and what a lasso."""

    @guarded()
    def clicked(pair: int) -> None:
        codes = pairs.codes("topic")
        st.session_state["clusters_pair"] = (pairs.key, int(pair))
        selection.choose(workspace, selection.TOPIC, str(codes.labels[codes.code[pair]]))

    @guarded()
    def selected(polygon: list[list[int]] | None) -> None:
        if polygon is None:
            selection.choose(workspace)
        else:
            selection.choose(workspace, selection.AREA, json.dumps(polygon))

    return {"on_click": clicked, "on_select": selected}


def clicked_pair(pairs: TrainingPairs, chosen: Selection) -> int:
    """The pair that was clicked last on the map, if it is among those selected; else -1."""
    key, pair = st.session_state.get("clusters_pair", ("", -1))
    if key != pairs.key or chosen.choice.kind != selection.TOPIC:
        return -1
    codes = pairs.codes("topic")
    return pair if str(codes.labels[codes.code[pair]]) == chosen.choice.value else -1


def heading(workspace: Workspace, chosen: Selection | None) -> None:
    """What is selected, and the ways back; of what is looked for, or could not be, the ways back alone."""
    choice = selection.chosen(workspace)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if chosen is not None:
            st.markdown(f"**{_escaped(chosen.sentence)}**", width="stretch")
        if choice.kind != selection.ALL:
            st.button(
                "Back", icon=":material/undo:", key="selection_back", type="tertiary", on_click=selection.go_back,
                args=(workspace,), help="Select what was selected before.",
            )
            st.button(
                "Show all", key="selection_all", type="tertiary", on_click=selection.choose, args=(workspace,),
                help="Select all pairs.",
            )


def selected(workspace: Workspace, pairs: TrainingPairs, clusters: Artifact, chosen: Selection, *, first: int) -> None:
    """The photos of the selection and its figures, or why it is empty."""
    strata(workspace, clusters, chosen)
    if not len(chosen):
        st.info(chosen.why_empty, icon=":material/search_off:")
        return
    in_short(pairs, chosen)
    shown, numbers = st.tabs(["Photos", "In figures"])
    with shown:
        photos(workspace, pairs, chosen, first=first)
    with numbers:
        figures(pairs, chosen)
        export(pairs, chosen)


def in_short(pairs: TrainingPairs, chosen: Selection) -> None:
    """Mean caption fit and influence of what is selected, in one line."""
    target = _target(pairs)
    names = [("caption fit", "agreement")] * pairs.has("agreement")
    names += [(f"influence on {target}", INFLUENCE + target)] * bool(pairs.targets)
    if names:
        said = [f"{title} {_mean_row(pairs, chosen, title, name)['mean']}" for title, name in names]
        st.caption(
            "On average " + ", ".join(said) + ".", help="Means of the selected pairs with 95 % intervals from how much pairs "
            "differ. Caption fit: 0 is the mean of all pairs. Influence: above zero helps, below harms.",
        )


def strata(workspace: Workspace, clusters: Artifact, chosen: Selection) -> None:
    """The clusters of the topic that is selected, or that the selected cluster is of, to go into."""
    if chosen.choice.kind not in (selection.TOPIC, selection.CLUSTER):
        return
    table = reading.table(clusters, "clusters")
    topic = int(chosen.choice.value.split(".")[0])
    own = table.loc[table["topic"] == topic, "cluster"].tolist()
    if len(own) < 2:
        return
    key = f"strata_{chosen.key}"
    now = chosen.choice.value if chosen.choice.kind == selection.CLUSTER else None
    st.segmented_control(
        "Clusters of the topic", [None, *own], default=now, key=key, label_visibility="collapsed", required=True,
        format_func=lambda name: "The whole topic" if name is None else _place(own.index(name), len(own)),
        help="A topic is cut into clusters by how well its captions fit the photos.",
        on_change=_into, args=(workspace, key, topic),
    )


def photos(workspace: Workspace, pairs: TrainingPairs, chosen: Selection, *, first: int = -1, height: int = 330) -> None:
    """The gallery of the selection, page by page in an order to choose; ``first`` is shown before all others."""
    orders = _orders(pairs, chosen)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        order = st.selectbox("Order", list(orders), key=f"clusters_order_{len(orders)}", label_visibility="collapsed")
        if len(pairs.targets) > 1:
            st.selectbox(
                "Influence on", pairs.targets, key="clusters_target", label_visibility="collapsed",
                help="Whose validation loss the bars under the photos, the order and the figures are about.",
            )
    target = _target(pairs)
    pages = -(-len(chosen) // gallery.PAGE)
    with st.container(height=height, border=False):
        slot = st.container()
    page = st.pagination(pages, key=f"clusters_page_{chosen.key}_{order}", max_visible_pages=5) if pages > 1 else 1
    index = _page(pairs, chosen, *orders[order](target), page, first)
    rows = pairs.rows(index).assign(disposition=planned.of_pairs(workspace, index))
    with slot:
        opened = gallery.draw(
            pairs, rows, key="clusters_gallery", label=chosen.sentence, target=target, reach=_reach(pairs, target), width=CARD,
            on_open=_nothing,
        )
    if isinstance(opened, int) and 0 <= opened < len(pairs):
        pair_view.show(workspace, pairs, opened)


def figures(pairs: TrainingPairs, chosen: Selection) -> None:
    """What the selection is like beside all pairs: fit, influence on every target, groups."""
    means = [("Caption fit", "agreement")] * pairs.has("agreement")
    means += [(f"Influence on {target}", INFLUENCE + target) for target in pairs.targets]
    if means:
        st.dataframe(
            pd.DataFrame([_mean_row(pairs, chosen, title, name) for title, name in means]), hide_index=True,
            alt="Mean caption fit and influence of what is selected, beside those of all pairs",
            column_config={
                "what": "Mean of the pairs",
                "mean": st.column_config.TextColumn("Selected", help="With a 95 % interval from how much pairs differ."),
                "all": st.column_config.TextColumn("All pairs"),
                "above": st.column_config.NumberColumn("Above zero", format="%.0f %%", help="Share of the selected pairs."),
            },
        )
    for attribute in pairs.attributes:
        st.dataframe(
            _group_rows(pairs, chosen, attribute), hide_index=True, alt=f"Groups of {attribute} among what is selected",
            column_config={
                "value": attribute.capitalize(), "pairs": st.column_config.NumberColumn("Pairs", format="localized"),
                "share": st.column_config.NumberColumn("Share", format="%.1f %%", help="Of the selected pairs."),
                "all": st.column_config.NumberColumn("Share of all", format="%.1f %%", help="Of all training pairs."),
            },
        )


def export(pairs: TrainingPairs, chosen: Selection) -> None:
    """A link that saves the names of the selected pairs; the file is made when it is asked for, however long it is."""
    st.link_button(
        f"Save the {len(chosen):,} names as CSV",
        served.column(f"selected-{chosen.key}.csv", lambda: names_csv(pairs, chosen)),
        icon=":material/download:", help="A table with the column id: the names of the pairs as they came in.",
    )


def names_csv(pairs: TrainingPairs, chosen: Selection) -> np.ndarray:
    """The bytes of a CSV file with the column ``id``, a row a selected pair."""
    ids, sink = pairs.text("id"), pa.BufferOutputStream()
    pyarrow.csv.write_csv(pa.table({"id": ids if chosen.index is None else ids.take(pa.array(chosen.index))}), sink)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def listed(workspace: Workspace, pairs: TrainingPairs, clusters: Artifact) -> pd.DataFrame:
    """The topics or clusters that are listed, in their order."""
    return cluster_list.summary(workspace, clusters, _level(), _target(pairs), key=LIST)


def view(pairs: TrainingPairs, clusters: Artifact) -> None:
    """What is listed: topics or clusters, and with which groups."""
    topics, strata = (len(reading.table(clusters, name)) for name in ("topics", "clusters"))
    if len(pairs.attributes) > 1:
        st.selectbox("Groups of", pairs.attributes, key="list_attribute", label_visibility="collapsed", width=150)
    st.segmented_control(
        "List", [cluster_list.TOPIC, cluster_list.CLUSTER], default=cluster_list.TOPIC, required=True, key="list_level",
        format_func={cluster_list.TOPIC: f"{topics:,} topics", cluster_list.CLUSTER: f"{strata:,} clusters"}.get,
        label_visibility="collapsed", help="A topic is cut into clusters by how well its captions fit the photos.",
    )


def step(workspace: Workspace, rows: pd.DataFrame, by: int) -> None:
    """Select the next row of the list (1), or the one before (-1), and turn to its page."""
    names, chosen = list(rows["id"]), selection.chosen(workspace)
    here = names.index(chosen.value) if chosen.kind == _level() and chosen.value in names else -1 if by > 0 else len(names)
    at = int(np.clip(here + by, 0, len(names) - 1))
    _choose(workspace, names[at])
    cluster_list.turn_to(LIST, at)


def table(workspace: Workspace, pairs: TrainingPairs, rows: pd.DataFrame, chosen: Selection) -> None:
    """The list of topics or of clusters; a click on one selects it."""
    level, attribute = _level(), st.session_state.get("list_attribute")
    cluster_list.draw(
        pairs, rows, level, attribute=attribute if attribute in pairs.attributes else next(iter(pairs.attributes), ""), key=LIST,
        chosen=chosen.choice.value if chosen.choice.kind == level else "",
        on_choose=lambda: _choose(workspace, st.session_state[LIST].chosen),
    )


def _level() -> str:
    """Whether topics or clusters are listed, which is a kind of selection too."""
    return st.session_state.get("list_level") or cluster_list.TOPIC


@guarded()
def _choose(workspace: Workspace, name: str | None) -> None:
    if isinstance(name, str):
        st.session_state.pop("clusters_pair", None)
        selection.choose(workspace, _level(), name)


def _target(pairs: TrainingPairs) -> str:
    """Whose influence is looked at; empty before there are scores."""
    target = st.session_state.get("clusters_target")
    return target if target in pairs.targets else next(iter(pairs.targets), "")


def _orders(pairs: TrainingPairs, chosen: Selection) -> dict[str, Callable[[str], tuple[str | None, int]]]:
    """By name, what to sort by and in which direction (-1: falling); None for the order that the selection has."""
    found = {_RANKED.get(chosen.choice.kind, AS_FOUND).capitalize(): lambda target: (None, 1)} if _has_order(chosen) else {}
    if pairs.has("agreement"):
        found |= {
            "Caption fits worst": lambda target: ("agreement", 1), "Caption fits best": lambda target: ("agreement", -1),
        }
    if pairs.targets:
        found |= {
            "Harms most": lambda target: (INFLUENCE + target, 1), "Helps most": lambda target: (INFLUENCE + target, -1),
        }
    return found or {"As they came": lambda target: (None, 1)}


def _has_order(chosen: Selection) -> bool:
    return chosen.likeness is not None or chosen.choice.kind == selection.COPIES


def _page(
    pairs: TrainingPairs, chosen: Selection, name: str | None, sign: int, page: int, first: int
) -> np.ndarray:
    """(at most 60,) the pairs on a page of the gallery."""
    start, end = (page - 1) * gallery.PAGE, page * gallery.PAGE
    if name is None:
        found = np.arange(start, min(end, len(chosen))) if chosen.index is None else chosen.index[start:end]
    else:
        found = best(-sign * chosen.of(pairs.numbers(name)), end)[start:]
        found = found if chosen.index is None else chosen.index[found]
    if page == 1 and first >= 0:
        found = np.concatenate([[first], found[found != first]])[: gallery.PAGE]
    return found


def _mean_row(pairs: TrainingPairs, chosen: Selection, title: str, name: str) -> dict[str, object]:
    values, digits = chosen.of(pairs.numbers(name)), 2 if name == "agreement" else 4
    half = WIDE * values.std(dtype=np.float64) / np.sqrt(max(len(values) - 1, 1))
    return {
        "what": title, "mean": f"{gallery.signed(values.mean(dtype=np.float64), digits)} ± {half:.{digits}f}",
        "all": gallery.signed(_overall(pairs, pairs.key, name), digits), "above": 100 * float((values > 0).mean()),
    }


def _group_rows(pairs: TrainingPairs, chosen: Selection, attribute: str) -> pd.DataFrame:
    codes = pairs.codes(GROUP + attribute)
    counts = np.bincount(chosen.of(codes.code), minlength=len(codes.labels))
    return pd.DataFrame({
        "value": codes.labels, "pairs": counts, "share": 100 * counts / len(chosen),
        "all": 100 * codes.counts / max(len(pairs), 1),
    }).sort_values("all", ascending=False, kind="stable")


@st.cache_data(show_spinner=False, max_entries=64)
def _overall(_pairs: TrainingPairs, key: str, name: str) -> float:
    return float(_pairs.numbers(name).mean(dtype=np.float64))


def _reach(pairs: TrainingPairs, target: str) -> float:
    return _farthest(pairs, pairs.key, target) if target in pairs.targets else 1.0


@st.cache_data(show_spinner=False, max_entries=64)
def _farthest(_pairs: TrainingPairs, key: str, target: str) -> float:
    return colours.reach(_pairs.numbers(INFLUENCE + target))


def _into(workspace: Workspace, key: str, topic: int) -> None:
    cluster = st.session_state[key]
    selection.choose(workspace, *((selection.TOPIC, str(topic)) if cluster is None else (selection.CLUSTER, cluster)))


def _place(index: int, count: int) -> str:
    ends = {0: "fits worst", count - 1: "fits best"}
    return ends.get(index, str(index + 1))


def _escaped(text: str) -> str:
    """A text as Markdown that shows it as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~$:" else c for c in text)


def _nothing() -> None:
    pass
