"""The gallery: photos with their captions, and under each a thin bar for its influence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from influencespace.ui import colours, thumbnails
from influencespace.workspace import Workspace

_ELEMENTS = Path(__file__).parent / "elements"


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    read = {kind: (_ELEMENTS / f"gallery.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")}
    return st.components.v2.component("influencespace_gallery", html='<div class="gallery">\n</div>', **read)


def draw(workspace: Workspace, pairs: pd.DataFrame, *, key: str, reach: float = 1.0, width: int = 116) -> None:
    """Draw pairs as cards.

    Parameters
    ----------
    workspace
        Whose cache keeps the thumbnails.
    pairs
        ``image_path``, ``photo``, ``caption``, and where they are known ``influence``, ``agreement``, ``disposition``.
    key
        Identity on the page.
    reach
        The influence at which a bar is full.
    width
        The least width of a card in pixels; as many stand in a row as there is room for.
    """
    _element()(key=key, data={"cards": cards(workspace, pairs, reach), "width": width})


def cards(workspace: Workspace, pairs: pd.DataFrame, reach: float) -> list[dict]:
    """What gallery.js draws, one dict a pair."""
    return [_card(workspace, pair, reach) for pair in pairs.to_dict("records")]


def _card(workspace: Workspace, pair: dict, reach: float) -> dict:
    influence, disposition = pair.get("influence"), pair.get("disposition")
    notes = []
    if influence is not None:
        notes.append("helps" if influence > 0 else "harms" if influence < 0 else "no effect")
    if pair.get("agreement") is not None:
        notes.append(f"fit {pair['agreement']:+.1f}".replace("-", "−"))
    marked = disposition in ("prune", "up-weight")
    return {
        "image": thumbnails.url(workspace, pair["image_path"], pair["photo"]),
        "caption": pair["caption"][:400],
        "note": " · ".join(notes),
        "bar": None if influence is None else float(influence) / (reach or 1.0),
        "colour": colours.HELPS if (influence or 0) >= 0 else colours.HARMS,
        "mark": {"text": disposition, "colour": colours.DISPOSITIONS[disposition]} if marked else None,
        "faded": disposition == "prune",
    }
