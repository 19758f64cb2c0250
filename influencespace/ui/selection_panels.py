"""The panels of what is selected: what it is and the ways back, its photos, its figures, and its names to take away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import streamlit as st

from influencespace.features.search import best
from influencespace.pairs.views import GROUP
from influencespace.spreadsheets import harmless_table, harmless_texts
from influencespace.ui import gallery, pair_view, planned, reading, selection, served, wording
from influencespace.ui.columns import INFLUENCE, TrainingPairs
from influencespace.ui.markdown import escaped
from influencespace.ui.selection import Selection
from influencespace.workspace import Artifact, Workspace

RANKED = {
    selection.MEANING: "Closest first", selection.ALIKE: "Most alike first", selection.COPIES: "The pair first",
}
# Two standard errors, near enough the 95 % of a normal distribution.
WIDE = 1.96
# A choice among clusters: none of them, but their topic.
WHOLE = ""
# The least width of a card in pixels: four in a row at a width of 1280.
CARD = 92
# The height of the gallery, and what the clusters of a topic take of it, in pixels.
GALLERY, STRATA = 330, 46


def heading(workspace: Workspace, chosen: Selection | None) -> None:
    """What is selected, and the ways back; of what is looked for, or could not be, the ways back alone."""
    choice = selection.chosen(workspace)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if chosen is not None:
            st.markdown(f"**{escaped(chosen.sentence)}**", width="stretch")
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
    high = GALLERY - STRATA * strata(workspace, clusters, chosen)
    if not len(chosen):
        st.info(chosen.why_empty, icon=":material/search_off:")
        return
    in_short(pairs, chosen)
    shown, numbers = st.tabs(["Photos", "In figures"])
    with shown:
        photos(workspace, pairs, chosen, first=first, height=high)
    with numbers:
        figures(pairs, chosen)
        export(pairs, chosen)


def in_short(pairs: TrainingPairs, chosen: Selection) -> None:
    """Mean caption fit and influence of what is selected, in one line."""
    names = [("caption fit", "agreement")] * pairs.has("agreement")
    names += [(f"influence on {wording.target(target(pairs))}", INFLUENCE + target(pairs))] * bool(pairs.targets)
    if names:
        said = [f"{title} {_mean_row(pairs, chosen, title, name)['mean']}" for title, name in names]
        st.caption(
            "On average " + ", ".join(said) + ".", help="Means of the selected pairs with 95 % intervals from how much pairs "
            "differ. Caption fit: 0 is the mean of all pairs. Influence: above zero helps, below harms.",
        )


def strata(workspace: Workspace, clusters: Artifact, chosen: Selection) -> bool:
    """The clusters of the topic that is selected, or that the selected cluster is of, to go into; whether there are any."""
    if chosen.choice.kind not in (selection.TOPIC, selection.CLUSTER):
        return False
    table = reading.table(clusters, "clusters")
    topic = int(chosen.choice.value.split(".")[0])
    own = table.loc[table["topic"] == topic, "cluster"].tolist()
    if len(own) < 2:
        return False
    key = f"strata_{chosen.key}"
    now = chosen.choice.value if chosen.choice.kind == selection.CLUSTER else WHOLE
    st.segmented_control(
        "Clusters of the topic", [WHOLE, *own], default=now, key=key, label_visibility="collapsed", required=True,
        format_func=lambda name: "The whole topic" if name == WHOLE else _place(own.index(name), len(own)),
        help="A topic is cut into clusters by how well its captions fit the photos.",
        on_change=_into, args=(workspace, key, topic),
    )
    return True


def photos(workspace: Workspace, pairs: TrainingPairs, chosen: Selection, *, first: int, height: int) -> None:
    """The gallery of the selection, page by page in an order to choose; ``first`` is shown before all others."""
    orders = _orders(pairs, chosen)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        order = st.selectbox("Order", list(orders), key=f"clusters_order_{len(orders)}", label_visibility="collapsed")
        if len(pairs.targets) > 1:
            st.selectbox(
                "Influence on", pairs.targets, key="clusters_target", label_visibility="collapsed", format_func=wording.target,
                help="Whose validation loss the bars under the photos, the order and the figures are about.",
            )
    pages = -(-len(chosen) // gallery.PAGE)
    slot = st.container()
    page = st.pagination(pages, key=f"clusters_page_{chosen.key}_{order}", max_visible_pages=5) if pages > 1 else 1
    index = _page(pairs, chosen, *orders[order], page, first)
    rows = pairs.rows(index).assign(disposition=planned.of_pairs(workspace, index))
    with slot:
        opened = gallery.draw(
            pairs, rows, key="clusters_gallery", label=chosen.sentence, target=target(pairs), width=CARD, height=height,
            opens=True,
        )
    if opened is not None:
        pair_view.show(workspace, pairs, opened)


def figures(pairs: TrainingPairs, chosen: Selection) -> None:
    """What the selection is like beside all pairs: fit, influence on every target, groups."""
    means = [("Caption fit", "agreement")] * pairs.has("agreement")
    means += [(f"Influence, {wording.target(name)}", INFLUENCE + name) for name in pairs.targets]
    if means:
        st.dataframe(
            pd.DataFrame([_mean_row(pairs, chosen, title, name) for title, name in means]), hide_index=True,
            alt="Mean caption fit and influence of what is selected, beside those of all pairs",
            column_config={
                "what": st.column_config.TextColumn("Mean of the pairs", help="Influence: above zero helps, below harms."),
                "mean": st.column_config.TextColumn("Selected", help="With a 95 % interval from how much pairs differ."),
                "all": st.column_config.TextColumn("All", help="Of all training pairs."),
                "above": st.column_config.NumberColumn("> 0", format="%.0f %%", help="Share of the selected pairs above zero."),
            },
        )
    for attribute in pairs.attributes:
        st.dataframe(
            harmless_table(_group_rows(pairs, chosen, attribute)), hide_index=True,
            alt=f"Groups of {attribute} among what is selected",
            column_config={
                "value": wording.group(attribute).capitalize(),
                "pairs": st.column_config.NumberColumn("Pairs", format="localized"),
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
    names = ids if chosen.index is None else ids.take(pa.array(chosen.index))
    pyarrow.csv.write_csv(pa.table({"id": harmless_texts(names.to_pandas())}), sink)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def target(pairs: TrainingPairs) -> str:
    """Whose influence is looked at; empty before there are scores."""
    target = st.session_state.get("clusters_target")
    return target if target in pairs.targets else next(iter(pairs.targets), "")


def _orders(pairs: TrainingPairs, chosen: Selection) -> dict[str, tuple[str | None, int]]:
    """By name, what to sort by and in which direction (-1: falling); None for the order that the selection has."""
    found = {RANKED[chosen.choice.kind]: (None, 1)} if chosen.choice.kind in RANKED else {}
    if pairs.has("agreement"):
        found |= {"Caption fits worst": ("agreement", 1), "Caption fits best": ("agreement", -1)}
    if pairs.targets:
        found |= {"Harms most": (INFLUENCE + target(pairs), 1), "Helps most": (INFLUENCE + target(pairs), -1)}
    return found or {"As they came": (None, 1)}


def _page(
    pairs: TrainingPairs, chosen: Selection, name: str | None, sign: int, page: int, first: int
) -> np.ndarray:
    """The pairs on a page of the gallery: 60, and before those of page one the pair ``first`` if it is not among them."""
    start, end = (page - 1) * gallery.PAGE, page * gallery.PAGE
    if name is None:
        found = np.arange(start, min(end, len(chosen))) if chosen.index is None else chosen.index[start:end]
    else:
        found = best(-sign * chosen.of(pairs.numbers(name)), end)[start:]
        found = found if chosen.index is None else chosen.index[found]
    if page == 1 and first >= 0:
        found = np.concatenate([[first], found[found != first]])
    return found


def _mean_row(pairs: TrainingPairs, chosen: Selection, title: str, name: str) -> dict[str, object]:
    mean, spread, above = _moments(pairs, chosen, chosen.key, name)
    digits = 2 if name == "agreement" else gallery.decimals(pairs, name.removeprefix(INFLUENCE))
    half = WIDE * spread / np.sqrt(max(len(chosen) - 1, 1))
    return {
        "what": title, "mean": f"{gallery.signed(mean, digits)} ± {half:.{digits}f}",
        "all": gallery.signed(_overall(pairs, pairs.key, name), digits), "above": 100 * above,
    }


def _group_rows(pairs: TrainingPairs, chosen: Selection, attribute: str) -> pd.DataFrame:
    codes = pairs.codes(GROUP + attribute)
    counts = np.bincount(chosen.of(codes.code), minlength=len(codes.labels))
    return pd.DataFrame({
        "value": [wording.group(str(label)) for label in codes.labels], "pairs": counts, "share": 100 * counts / len(chosen),
        "all": 100 * codes.counts / max(len(pairs), 1),
    }).sort_values("all", ascending=False, kind="stable")


@st.cache_data(show_spinner=False, max_entries=256)
def _moments(_pairs: TrainingPairs, _chosen: Selection, key: str, name: str) -> tuple[float, float, float]:
    """Mean, standard deviation and the share above zero, of the selection that has the key."""
    values = _chosen.of(_pairs.numbers(name))
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64)), float((values > 0).mean())


@st.cache_data(show_spinner=False, max_entries=64)
def _overall(_pairs: TrainingPairs, key: str, name: str) -> float:
    return float(_pairs.numbers(name).mean(dtype=np.float64))


def _into(workspace: Workspace, key: str, topic: int) -> None:
    cluster = st.session_state[key]
    selection.choose(workspace, *((selection.TOPIC, str(topic)) if cluster == WHOLE else (selection.CLUSTER, cluster)))


def _place(index: int, count: int) -> str:
    ends = {0: "fits worst", count - 1: "fits best"}
    return ends.get(index, str(index + 1))
