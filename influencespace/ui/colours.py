"""The colours of every map and chart: one meaning, one colour, legible on light and dark and to colour-blind eyes.

Categories are Okabe and Ito's palette (jfly.uni-koeln.de/color); influence has one diverging scale centred on zero, blue
where a pair helps and orange where it harms; amounts are cividis (Nunez, Anderton and Renslow 2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

HELPS, HARMS = "#0072b2", "#d55e00"
NEUTRAL = {"light": "#ffffff", "dark": "#4a5563"}
GREY = "#9aa3ad"
# Of text, as .streamlit/config.toml has it; and of a ring around what is chosen.
INK = {"light": "#1c2530", "dark": "#e6ebf1"}
CHOSEN = "#e69f00"
DISPOSITIONS = {"keep": "#56b4e9", "up-weight": "#0072b2", "prune in part": "#b9a06a", "prune": GREY}
CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#c9b800")
CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)
STEPS = 256


def categories(count: int) -> list[str]:
    """A colour for each of ``count`` categories; after the seventh they come again, lighter and then darker."""
    rounds = (lambda c: c, lambda c: mix(c, "#ffffff", 0.45), lambda c: mix(c, "#000000", 0.35))
    return [rounds[(i // len(CATEGORIES)) % len(rounds)](CATEGORIES[i % len(CATEGORIES)]) for i in range(count)]


def diverging(theme: str) -> list[str]:
    """The scale of influence in ``STEPS`` steps: harms, nothing, helps; ``theme`` is ``light`` or ``dark``."""
    return ramp((HARMS, NEUTRAL[theme], HELPS))


def amounts() -> list[str]:
    """The scale of amounts in ``STEPS`` steps, from little to much."""
    return ramp(CIVIDIS)


def ramp(stops: Sequence[str]) -> list[str]:
    """``STEPS`` colours that pass through the stops at equal distances."""
    at = np.linspace(0, len(stops) - 1, STEPS)
    channels = np.array([_rgb(stop) for stop in stops])
    mixed = np.stack([np.interp(at, range(len(stops)), channels[:, c]) for c in range(3)], axis=1)
    return [_hex(colour) for colour in mixed]


def mix(colour: str, other: str, part: float) -> str:
    """``colour`` with a ``part`` (0 to 1) of another."""
    return _hex((1 - part) * _rgb(colour) + part * _rgb(other))


def steps(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(n,) uint8: the step of each value on a scale from ``low`` to ``high``; what lies outside takes the ends."""
    span = high - low or 1.0
    scaled = np.clip((np.nan_to_num(np.asarray(values, dtype=float)) - low) / span, 0, 1)
    return np.round(scaled * (STEPS - 1)).astype(np.uint8)


def reach(values: np.ndarray) -> float:
    """Where a diverging scale ends: the 98th percentile of the absolute values, so that few do not pale the many."""
    finite = np.abs(np.asarray(values, dtype=float))
    finite = finite[np.isfinite(finite)]
    return float(np.quantile(finite, 0.98)) or 1.0 if finite.size else 1.0


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def _hex(channels: np.ndarray) -> str:
    return "#" + "".join(f"{round(float(c)):02x}" for c in channels)
