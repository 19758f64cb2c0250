"""The gallery: photos with their captions, and under each a thin bar for its influence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.ui import colours, served
from influencespace.ui.columns import INFLUENCE, TrainingPairs

PAGE = 60
# What a card shows of a pair beside its influence.
_SHOWN = ("row", "image_path", "caption", "agreement", "disposition", "note")
_ELEMENTS = Path(__file__).parent / "elements"


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    read = {kind: (_ELEMENTS / f"gallery.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")}
    return st.components.v2.component("influencespace_gallery", html='<div class="gallery">\n</div>', **read)


def draw(
    pairs: TrainingPairs, rows: pd.DataFrame, *, key: str, label: str = "Photos", target: str = "overall",
    reach: float | None = None, width: int = 116, columns: int | None = None, height: int | None = None,
    opens: bool = False,
) -> int | None:
    """Draw pairs as cards.

    Parameters
    ----------
    pairs
        Those that the rows are of.
    rows
        Of :meth:`TrainingPairs.rows`, the index being that of the pairs: ``row, image_path, caption``, and where they are
        known ``influence.TARGET``, ``agreement``, ``disposition`` and ``note`` (what to write instead of the scores).
    key
        Identity on the page.
    label
        What the photos are, for those who cannot see them.
    target
        Whose influence the bars show.
    reach
        The influence at which a bar is full; None for what is large among all training pairs.
    width
        The least width of a card in pixels; as many stand in a row as there is room for.
    columns
        How many stand in a row however wide it is; None for as many as there is room for.
    height
        Of the box that the cards are scrolled in, in pixels where the window is 720 pixels high; it grows as the window does.
        None for as high as they are.
    opens
        Whether a card can be opened, by a click or by Enter.

    Returns
    -------
    int or None
        The index of the pair that was opened just now.
    """
    data = {
        "cards": cards(pairs, rows, target, reach), "width": width, "columns": columns, "height": height, "label": label,
        "opens": opens,
    }
    opened = _element()(key=key, data=data, on_opened_change=lambda: None).opened
    return opened if isinstance(opened, int) and 0 <= opened < len(pairs) else None


def cards(pairs: TrainingPairs, rows: pd.DataFrame, target: str, reach: float | None = None) -> list[dict]:
    """What gallery.js draws, one dict a pair."""
    reach = reach or reach_of(pairs, target)
    rows = rows[[name for name in (*_SHOWN, INFLUENCE + target) if name in rows]]
    return [_card(pairs, index, row, target, reach) for index, row in zip(rows.index, rows.to_dict("records"), strict=True)]


def reach_of(pairs: TrainingPairs, target: str) -> float:
    """The influence on a target at which a bar is full."""
    return _reach(pairs, pairs.key, target) if target in pairs.targets else 1.0


def decimals(pairs: TrainingPairs, target: str) -> int:
    """How many digits behind the point tell influences on a target apart: two beyond the first of the large ones."""
    return int(np.clip(2 - np.floor(np.log10(reach_of(pairs, target))), 2, 9))


def helps(influence: float) -> str:
    """What an influence says, in a word or two."""
    return "helps" if influence > 0 else "harms" if influence < 0 else "no effect"


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, with the minus of print; what rounds to nothing has a plus."""
    return f"{round(float(value), digits) + 0.0:+.{digits}f}".replace("-", "−")


def _card(pairs: TrainingPairs, index: int, row: dict, target: str, reach: float) -> dict:
    influence, disposition = row.get(INFLUENCE + target), row.get("disposition")
    notes = [] if influence is None else [helps(influence)]
    if row.get("agreement") is not None:
        notes.append(f"fit {signed(row['agreement'])}")
    marked = disposition in ("prune", "up-weight")
    return {
        "pair": int(index),
        "image": served.photo(pairs, row["row"]) if isinstance(row["image_path"], str) and row["image_path"] else None,
        "caption": row["caption"][:400],
        "note": row.get("note") or " · ".join(notes),
        "bar": None if influence is None else float(influence) / reach,
        "colour": colours.HELPS if (influence or 0) >= 0 else colours.HARMS,
        "mark": {"text": disposition, "colour": colours.DISPOSITIONS[disposition]} if marked else None,
        "faded": disposition == "prune",
    }


@st.cache_data(show_spinner=False, max_entries=64)
def _reach(_pairs: TrainingPairs, key: str, target: str) -> float:
    return colours.reach(_pairs.numbers(INFLUENCE + target))
