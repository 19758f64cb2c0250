"""The map of the training pairs: what colours it, what is written on it, and what a click means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.pairs.views import GROUP
from influencespace.ui import colours, map
from influencespace.ui.map import FAINT, LARGE, NORMAL, Look, Place
from influencespace.ui.reading import INFLUENCE, targets

TOPIC, DISPOSITION, HELP, FIT, MEMBER = "Topic", "Disposition", "Influence", "Caption fit", "Group"
DISPOSITIONS = ["keep", "up-weight", "prune"]


@dataclass(frozen=True)
class Colouring:
    """What the map is coloured by, and by which target or attribute of it."""

    by: str
    of: str = ""


def choose(pairs: pd.DataFrame, *, key: str) -> Colouring:
    """Let the curator choose among the colourings that there is data for."""
    attributes = [column.removeprefix(GROUP) for column in pairs.columns if column.startswith(GROUP)]
    there = {
        TOPIC: True, DISPOSITION: "disposition" in pairs, HELP: bool(targets(pairs)), FIT: "agreement" in pairs,
        MEMBER: bool(attributes),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        by = st.segmented_control(
            "Colour by", [name for name, has in there.items() if has], default=TOPIC, required=True, key=key,
            label_visibility="collapsed",
        )
        choices = {HELP: targets(pairs), MEMBER: attributes}.get(by, [])
        of = choices[0] if choices else ""
        if len(choices) > 1:
            what = "Influence on" if by == HELP else "Group attribute"
            of = st.selectbox(what, choices, key=f"{key}_of_{by}", label_visibility="collapsed", width=220, help=what)
    return Colouring(by, of)


def draw(
    pairs: pd.DataFrame, topics: dict[int, str], clusters: dict[str, str], colouring: Colouring, *, key: str, height: int,
    shown: np.ndarray | None = None, selected: int = -1, on_click: Callable[[], None] = lambda: None,
) -> int | None:
    """Draw the map of all training pairs.

    Parameters
    ----------
    pairs
        Of :func:`influencespace.ui.reading.training`, with clusters.
    topics, clusters
        Their names.
    colouring
        What the colours say.
    key, height, selected, on_click
        As in :func:`influencespace.ui.map.draw`.
    shown
        (n,) bool, which pairs stand out; the others are grey. None for all.

    Returns
    -------
    int or None
        The pair that was clicked just now.
    """
    tag, order = pd.factorize(pairs["cluster"], sort=True)
    alt = f"Map of {len(pairs):,} pairs in {len(topics)} topics, coloured by {colouring.by.lower()} {colouring.of}"
    return map.draw(
        pairs[["x", "y"]].to_numpy(), look(pairs, topics, colouring), kind=kinds(pairs, colouring, shown), tag=tag,
        tags=[clusters[name] for name in order], places=places(pairs, topics), alt=alt.strip(), key=key, height=height,
        selected=selected, on_click=on_click,
    )


def look(pairs: pd.DataFrame, topics: dict[int, str], colouring: Colouring) -> Look:
    """Colours and legend of the pairs."""
    if colouring.by == HELP:
        return map.by_influence(pairs[INFLUENCE + colouring.of].to_numpy())
    if colouring.by == FIT:
        return map.by_amount(pairs["agreement"].to_numpy(), "fits badly", "fits well")
    if colouring.by == DISPOSITION:
        palette = [colours.DISPOSITIONS[name] for name in DISPOSITIONS]
        return map.by_category(pairs["disposition"].to_numpy(), DISPOSITIONS, palette)
    if colouring.by == MEMBER:
        values = pairs[GROUP + colouring.of].astype(str)
        counts = values[values != "unknown"].value_counts().sort_index()
        order = list(counts.sort_values(ascending=False, kind="stable").index)
        palette = colours.categories(len(order))
        if (values == "unknown").any():
            order, palette = [*order, "unknown"], [*palette, colours.GREY]
        return map.by_category(values.to_numpy(), order, palette)
    order = list(topics)
    shade = pd.Categorical(pairs["topic"], order).codes.astype(int) % colours.STEPS
    palette = colours.categories(min(len(order), colours.STEPS))
    # The names stand on the map itself: a legend of all topics would be longer than the map is high.
    return Look(shade.astype(np.uint8), {"light": palette, "dark": palette})


def kinds(pairs: pd.DataFrame, colouring: Colouring, shown: np.ndarray | None) -> np.ndarray:
    """(n,) uint8: faint where a pair is not shown, or is pruned or of no group; large where it counts for more."""
    kind = np.full(len(pairs), NORMAL, dtype=np.uint8)
    if colouring.by == DISPOSITION:
        kind[(pairs["disposition"] == "up-weight").to_numpy()] = LARGE
        kind[(pairs["disposition"] == "prune").to_numpy()] = FAINT
    if colouring.by == MEMBER:
        kind[(pairs[GROUP + colouring.of].astype(str) == "unknown").to_numpy()] = FAINT
    if shown is not None:
        kind[~shown] = FAINT
    return kind


def places(pairs: pd.DataFrame, topics: dict[int, str]) -> list[Place]:
    """Each topic's name at the pair nearest to the middle of the topic, so that it stands among its pairs."""
    found = []
    for topic, members in pairs.groupby("topic")[["x", "y"]]:
        points = members.to_numpy()
        x, y = points[np.argmin(((points - np.median(points, axis=0)) ** 2).sum(axis=1))]
        found.append(Place(float(x), float(y), topics[topic], len(points)))
    return found
