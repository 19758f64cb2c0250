"""The map of points: a WebGL element that draws a million of them and tells which were clicked, boxed or lassoed.

What is large the browser fetches by address (:mod:`influencespace.ui.served`) and keeps; the message of the element itself has
some kilobytes however many points there are. A plan is drawn from an order of removal and three numbers, so that dragging a
slider changes three uniforms of a shader and sends nothing (elements/map_painter.js). A selection comes back as a polygon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from influencespace.ui import colours
from influencespace.ui.lasso import LARGEST

# So that a selection has less than two kilobytes, with what else a page sends along.
CORNERS = 60
# What the colour of a point is taken from.
CLUSTER, SHADE, PLAN = "cluster", "shade", "plan"
# Of what is pale, and round large points.
_PALE = {"light": colours.mix(colours.GREY, "#ffffff", 0.6), "dark": colours.mix(colours.GREY, "#000000", 0.62)}
_RIM = {"light": colours.mix(colours.GREY, "#000000", 0.6), "dark": colours.mix(colours.GREY, "#000000", 0.9)}
_ELEMENTS = Path(__file__).parent / "elements"
_SCRIPTS = (
    "map_geometry.js", "map_grid.js", "map_columns.js", "map_shaders.js", "map_painter.js", "map_words.js", "map_gestures.js",
    "map.js",
)


@dataclass(frozen=True)
class Look:
    """How the points are coloured.

    Attributes
    ----------
    by
        ``CLUSTER``: the column has a colour (red, green, blue, 255; uint8) for each cluster. ``SHADE``: the column has the place
        in the palette of each point (uint8). ``PLAN``: no column; the palette is for what is kept, up-weighted and pruned.
    column
        Its address.
    palette
        Up to 256 colours for the theme ``light`` and for ``dark``.
    legend
        ``(label, place in the palette, count)`` of each category; empty for a scale.
    scale
        What the two ends of a scale mean; None for categories.
    faint
        The place in the palette of what is drawn in pale grey beneath the rest; -1 for none.
    """

    by: str
    column: str | None = None
    palette: dict[str, list[str]] = field(default_factory=lambda: {"light": [], "dark": []})
    legend: list[tuple[str, int, str]] = field(default_factory=list)
    scale: tuple[str, str] | None = None
    faint: int = -1


@dataclass(frozen=True)
class Plan:
    """What decides about each point, see :class:`influencespace.curation.order.BrowserOrder`.

    Attributes
    ----------
    order
        Address of the turns (n,) uint16.
    benefit
        Address of the benefit of each cluster (c,) float32.
    removed_code, benefit_threshold, cap
        Removed are the points with a smaller turn; heavier, if the cap is above 1, those of clusters with more benefit.
    """

    order: str
    benefit: str
    removed_code: int
    benefit_threshold: float
    cap: float


@dataclass(frozen=True)
class Map:
    """All that is drawn.

    Attributes
    ----------
    n
        How many points.
    points
        Address of their places, (n, 2) uint16, followed by their clusters, (n,) uint16.
    atlas
        Address of JSON: ``clusters``, the name of each, and ``places``, names to write on the map as ``{x, y, text}``, of
        which the earlier ones have the right of way.
    words
        What becomes the address of the words on a point when its index is added: JSON ``{caption, image, lines}``.
    look
        The colours.
    plan
        Which points are pruned or weigh more; None where that is not shown.
    mask
        Address of (n,) uint8: 0 where a point is shown in grey; None if all have colours.
    alt
        What the map shows, for those who cannot see it.
    selected
        The point with a ring; -1 for none.
    area
        The polygon that was selected, to be shown; None for none.
    """

    n: int
    points: str
    atlas: str
    words: str
    look: Look
    plan: Plan | None
    mask: str | None
    alt: str
    selected: int = -1
    area: list[list[int]] | None = None


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    html, css, *scripts = ((_ELEMENTS / name).read_text(encoding="utf-8") for name in ("map.html", "map.css", *_SCRIPTS))
    return st.components.v2.component("influencespace_map", html=html, css=css, js="\n".join(scripts))


def draw(
    shown: Map, *, key: str, height: int, grows: float = 0.0, on_click: Callable[[int], None] | None = None,
    on_select: Callable[[list[list[int]] | None], None] | None = None,
) -> None:
    """Draw the map.

    Parameters
    ----------
    shown
        What is drawn.
    key, height
        Identity on the page, and height in pixels where the window is 720 pixels high.
    grows
        The part of what a window is higher that is added to the height.
    on_click
        Called with the index of the point that was clicked, before the page runs again; None: points cannot be clicked.
    on_select
        Called with the corners of the polygon that was drawn, or with None when the selection was cleared, before the page runs
        again; None: there are no tools to select with.
    """
    def clicked() -> None:
        index = st.session_state[key].clicked
        if isinstance(index, int) and 0 <= index < shown.n and on_click is not None:
            on_click(index)

    def selected() -> None:
        corners = polygon(st.session_state[key].selected)
        if corners is not None and on_select is not None:
            on_select(corners)

    def cleared() -> None:
        if st.session_state[key].cleared and on_select is not None:
            on_select(None)

    def without_webgl() -> None:
        st.session_state[_flag(key)] = True

    message = asdict(shown) | {
        "pale": _PALE, "rim": _RIM, "height": height, "grows": grows, "corners": CORNERS, "clicks": on_click is not None,
        "selects": on_select is not None,
    }
    # A run of the page is all that "missing" needs: it registers the columns anew, and the element fetches them again.
    _element()(
        key=key, data=message, on_clicked_change=clicked, on_selected_change=selected, on_cleared_change=cleared,
        on_missing_change=lambda: None, on_nogl_change=without_webgl,
    )


def is_without_webgl(key: str) -> bool:
    """Whether the browser has said that it cannot draw the map."""
    return bool(st.session_state.get(_flag(key)))


def polygon(value: Any) -> list[list[int]] | None:
    """The corners of a selection as it came from the browser; None if it is none."""
    corners = value.get("polygon") if isinstance(value, dict) else None
    if not isinstance(corners, list) or not 3 <= len(corners) <= CORNERS:
        return None
    fine = all(
        isinstance(corner, list) and len(corner) == 2 and all(type(c) is int and 0 <= c <= LARGEST for c in corner)
        for corner in corners
    )
    return corners if fine else None


def _flag(key: str) -> str:
    return f"{key}_without_webgl"
