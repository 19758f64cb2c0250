"""The map of pairs: a WebGL element that draws up to a million points and tells which one was clicked.

The points travel as one message of nine bytes each (x, y, tag: uint16; shade, kind: uint8) behind a JSON header, so that
a change of colour costs no more than that and looking around costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from influencespace.ui import colours

FAINT, NORMAL, LARGE = 0, 1, 2
_ELEMENTS = Path(__file__).parent / "elements"


@dataclass(frozen=True)
class Look:
    """How the points are coloured.

    Attributes
    ----------
    shade
        (n,) uint8, the place of each point in the palette.
    palette
        Up to 256 colours for the theme ``light`` and for ``dark``.
    legend
        ``(label, shade, count)`` of each category; empty for a scale.
    scale
        What the two ends of a scale mean; None for categories.
    """

    shade: np.ndarray
    palette: dict[str, list[str]]
    legend: list[tuple[str, int, str]] = field(default_factory=list)
    scale: tuple[str, str] | None = None


@dataclass(frozen=True)
class Place:
    """A name on the map, at (x, y) in [0, 1]; of two that collide the heavier one stays."""

    x: float
    y: float
    text: str
    weight: float


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    html, css, points, drawing = (
        (_ELEMENTS / name).read_text(encoding="utf-8") for name in ("map.html", "map.css", "map_points.js", "map.js")
    )
    return st.components.v2.component("influencespace_map", html=html, css=css, js=points + drawing)


def draw(
    xy: np.ndarray, look: Look, *, kind: np.ndarray, tag: np.ndarray, tags: list[str], places: list[Place], alt: str,
    key: str, height: int, selected: int = -1, on_click: Callable[[], None] = lambda: None,
) -> int | None:
    """Draw the map.

    Parameters
    ----------
    xy
        (n, 2) in [0, 1].
    look
        Colours and legend.
    kind
        (n,) uint8: ``FAINT`` (grey, beneath the others), ``NORMAL`` or ``LARGE``.
    tag, tags
        (n,) which of the ``tags`` shows when the pointer is over the point.
    places
        Names to write on the map.
    alt
        What the map shows, for those who cannot see it.
    key, height
        Identity on the page, and height in pixels.
    selected
        The point with a ring; -1 for none.
    on_click
        Called before the page runs again when a point was clicked; the index is ``st.session_state[key].clicked``.

    Returns
    -------
    int or None
        The point that was clicked just now.
    """
    message = pack(
        xy, look, kind=kind, tag=tag, tags=tags, places=places, alt=alt, height=height, selected=selected
    )
    return _element()(key=key, data=message, on_clicked_change=on_click).clicked


def pack(
    xy: np.ndarray, look: Look, *, kind: np.ndarray, tag: np.ndarray, tags: list[str], places: list[Place], alt: str,
    height: int, selected: int,
) -> bytes:
    """The message that map_points.js unpacks; see :func:`draw` for the parameters."""
    header = {
        "n": len(xy), "alt": alt, "height": height, "selected": int(selected), "tags": tags, "palette": look.palette,
        "legend": [{"label": label, "shade": int(shade), "count": count} for label, shade, count in look.legend],
        "scale": {"low": look.scale[0], "high": look.scale[1]} if look.scale else None,
        "places": [
            {"x": float(place.x), "y": float(place.y), "text": place.text}
            for place in sorted(places, key=lambda place: -place.weight)
        ],
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)  # the arrays behind it start where their type may start
    fixed = np.round(np.clip(xy, 0, 1) * 65535).astype("<u2")
    parts = [fixed[:, 0], fixed[:, 1], np.asarray(tag).astype("<u2"), look.shade.astype("u1"), kind.astype("u1")]
    return np.uint32(len(text)).astype("<u4").tobytes() + text + b"".join(part.tobytes() for part in parts)


def by_category(values: np.ndarray, order: list[str], palette: list[str]) -> Look:
    """A look with one colour a category, in the order given; the legend counts them."""
    place = {value: i for i, value in enumerate(order)}
    shade = np.array([place[value] for value in values], dtype=np.uint8)
    counts = np.bincount(shade, minlength=len(order))
    legend = [(value, i, f"{counts[i]:,}") for i, value in enumerate(order)]
    return Look(shade, {"light": palette, "dark": palette}, legend)


def by_influence(values: np.ndarray) -> Look:
    """The diverging scale centred on zero."""
    end = colours.reach(values)
    palette = {theme: colours.diverging(theme) for theme in ("light", "dark")}
    return Look(colours.steps(values, -end, end), palette, scale=("harms", "helps"))


def by_amount(values: np.ndarray, low: str, high: str) -> Look:
    """The scale of amounts between the 2nd and 98th percentile."""
    ends = np.quantile(values, [0.02, 0.98]) if len(values) else (0.0, 1.0)
    palette = colours.amounts()
    return Look(colours.steps(values, *ends), {"light": palette, "dark": palette}, scale=(low, high))
