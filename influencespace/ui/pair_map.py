"""The map of the training pairs: what colours it, which plan it shows, and what a click or a lasso on it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from influencespace.pairs.views import GROUP
from influencespace.ui import colours, damage, density, map, map_columns, map_plan, served, wording
from influencespace.ui.columns import Codes, TrainingPairs
from influencespace.ui.map import CLUSTER, PLAN, SHADE, Look
from influencespace.ui.road import fitting
from influencespace.workspace import Workspace

TOPIC, STRATUM, DISPOSITION, HELP, FIT, MEMBER, DAMAGE = (
    "Topic", "Cluster", "Disposition", "Influence", "Fit", "Group", "Damage",
)
DISPOSITIONS = ("keep", "up-weight", "prune")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Colouring:
    """What the map is coloured by, and by which target or attribute of it."""

    by: str = TOPIC
    of: str = ""


def choose(workspace: Workspace, pairs: TrainingPairs, *, key: str) -> Colouring:
    """Let the curator choose among the colourings that there is data for."""
    there = {
        TOPIC: True, STRATUM: True, DISPOSITION: map_plan.is_there(workspace), HELP: bool(pairs.targets),
        FIT: pairs.has("agreement"), MEMBER: bool(pairs.attributes), DAMAGE: damage.is_known(pairs),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        by = st.segmented_control(
            "Colour by", [name for name, has in there.items() if has], default=TOPIC, required=True, key=key,
            label_visibility="collapsed",
        )
        choices = {HELP: pairs.targets, MEMBER: pairs.attributes}.get(by, [])
        of = choices[0] if choices else ""
        if len(choices) > 1:
            what = "Influence on" if by == HELP else "Group attribute"
            of = st.selectbox(
                what, choices, key=f"{key}_of_{by}", label_visibility="collapsed", width=150, help=what,
                format_func=wording.target,
            )
    return Colouring(by, of)


def draw(
    workspace: Workspace, pairs: TrainingPairs, colouring: Colouring, *, key: str, height: int, grows: float = 0.0,
    mask: np.ndarray | None = None, selected: int = -1, area: list[list[int]] | None = None,
    on_click: Callable[[int], None] | None = None, on_select: Callable[[list[list[int]] | None], None] | None = None,
) -> None:
    """Draw the map of all training pairs, or a picture of how dense they lie where the browser has no WebGL.

    Parameters
    ----------
    workspace, pairs
        There must be clusters.
    colouring
        What the colours say.
    key, height, grows, on_click, on_select
        As in :func:`influencespace.ui.map.draw`; a polygon is resolved by :func:`influencespace.ui.lasso.inside`.
    mask
        (n,) which pairs stand out; the others are grey. None for all.
    selected
        The pair with a ring; -1 for none.
    area
        The polygon that the mask comes from, to be shown; None for none.
    """
    if map.is_without_webgl(key):
        density.draw(pairs, mask, key=key, height=height)
        return
    clusters = fitting(workspace, "clusters")
    said = f"Map of {len(pairs):,} pairs in {len(pairs.codes('topic').labels)} topics, coloured by {colouring.by.lower()}"
    shown = map.Map(
        len(pairs), map_columns.points(pairs), map_columns.atlas(pairs, clusters), served.pair_url(pairs),
        look(workspace, pairs, colouring), map_plan.shown(workspace) if colouring.by == DISPOSITION else None,
        None if mask is None else map_columns.mask(mask), f"{said} {wording.target(colouring.of)}".strip(), int(selected), area,
    )
    map.draw(shown, key=key, height=height, grows=grows, on_click=on_click, on_select=on_select)


def look(workspace: Workspace, pairs: TrainingPairs, colouring: Colouring) -> Look:
    """Colours and legend of the pairs."""
    if colouring.by == DISPOSITION:
        palette = [colours.DISPOSITIONS[name] for name in DISPOSITIONS]
        return Look(PLAN, None, _both(palette), [(name, i, "") for i, name in enumerate(DISPOSITIONS)])
    if colouring.by == HELP:
        palette = {theme: colours.diverging(theme) for theme in ("light", "dark")}
        return Look(SHADE, map_columns.influence(pairs, colouring.of), palette, scale=("harms", "helps"))
    if colouring.by == FIT:
        column = map_columns.amount(pairs, "agreement")
        return Look(SHADE, column, _both(colours.amounts()), scale=("fits badly", "fits well"))
    if colouring.by == MEMBER:
        return _categories(pairs, GROUP + colouring.of, pairs.codes(GROUP + colouring.of), UNKNOWN)
    if colouring.by == DAMAGE:
        return _categories(pairs, DAMAGE, damage.known(pairs), damage.UNDAMAGED)
    # Names stand on the map itself, and show when a point is pointed at: a legend of all would be longer than the map is high.
    clusters = fitting(workspace, "clusters")
    return Look(CLUSTER, map_columns.cluster_colours(pairs, clusters, by_stratum=colouring.by == STRATUM))


def _categories(pairs: TrainingPairs, name: str, codes: Codes, faint: str) -> Look:
    """What is ``faint`` first and in grey, then the commonest; the legend names those that have a colour of their own."""
    labels = [str(label) for label in codes.labels]
    order = sorted(range(len(labels)), key=lambda i: (labels[i] != faint, -codes.counts[i]))
    has_faint = labels[order[0]] == faint
    palette = [colours.GREY] * has_faint + colours.categories(min(len(order), colours.STEPS) - has_faint)
    own = list(enumerate(order))[: has_faint + 3 * len(colours.CATEGORIES)]
    legend = [(_said(labels[i]), place, f"{codes.counts[i]:,}") for place, i in own[has_faint:] + own[:has_faint]]
    column = map_columns.category(pairs, name, codes, order)
    return Look(SHADE, column, _both(palette), legend, faint=0 if has_faint else -1)


def _said(label: str) -> str:
    return "undamaged" if label == damage.UNDAMAGED else wording.group(label)


def _both(palette: list[str]) -> dict[str, list[str]]:
    return {"light": palette, "dark": palette}
