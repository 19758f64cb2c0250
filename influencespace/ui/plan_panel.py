"""The panel of the plan: sliders and what follows from them, an element of the browser's own (``elements/plan_panel*``).

The browser gets what every ratio and cap leads to once, and follows a drag by itself. What it is told is small; the predicted
gains, which take a moment to reckon, it fetches by their address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import streamlit as st

from influencespace.curation.options import PlanOptions
from influencespace.curation.order import BrowserOrder
from influencespace.options import describe
from influencespace.ui import colours
from influencespace.ui.effect_panels import MEANING
from influencespace.ui.prediction import Prediction

# Label, unit, decimals, what a value is multiplied by to be shown, a step, and a step with the shift key.
SLIDERS = {
    "reduction": ("Reduction ratio", "%", 0, 100, 0.01, 0.1), "cap": ("Up-weight cap", "×", 1, 1, 0.5, 2.0),
    "fairness": ("Fairness weight", "", 1, 1, 0.1, 1.0), "floor": ("Coverage floor", "%", 0, 100, 0.01, 0.1),
}
# What reorders pairs, so that the browser cannot follow it by itself.
REORDERING = ("fairness", "floor")
_ELEMENTS = Path(__file__).parent / "elements"
_SCRIPTS = ("plan_panel_plan.js", "plan_panel_words.js", "plan_panel_curve.js", "plan_panel.js")


@st.cache_resource(show_spinner=False)
def _element() -> Callable:
    html, css, *scripts = (
        (_ELEMENTS / name).read_text(encoding="utf-8") for name in ("plan_panel.html", "plan_panel.css", *_SCRIPTS)
    )
    return st.components.v2.component("influencespace_plan", html=html, css=css, js="".join(scripts))


def draw(
    options: PlanOptions, order: BrowserOrder, prediction: Prediction, *, up_weighted: int, notes: list[str], turn: int, key: str,
    height: int, grows: float = 0.0, on_apply: Callable[[], None],
) -> None:
    """Draw the panel.

    Parameters
    ----------
    options
        Of the version that is shown.
    order
        What every ratio leads to.
    prediction
        What is predicted and was measured.
    up_weighted
        How many pairs the shown plan up-weights; the ratio may lie between two steps of the slider.
    notes
        What a curator should know of the plan as a whole.
    turn
        The ``turn`` of the last message that this page has acted on, 0 at first: figures asked for by an earlier one do not
        move the sliders back.
    key, height
        Identity on the page, and the least height in pixels.
    on_apply
        Called before the page runs again when a slider was let go; ``st.session_state[key].applied`` has the ``values`` that
        were changed, by option, and the ``turn``.
    """
    _element()(
        key=key, data=message(options, order, prediction, up_weighted=up_weighted, notes=notes, turn=turn, height=height,
                          grows=grows),
        on_applied_change=on_apply, on_missing_change=lambda: None,
    )


def message(
    options: PlanOptions, order: BrowserOrder, prediction: Prediction, *, up_weighted: int, notes: list[str], turn: int,
    height: int, grows: float = 0.0,
) -> dict:
    """What plan_panel.js draws; see :func:`draw` for the parameters."""
    return {
        "height": height, "grows": grows, "turn": turn, "values": {name: getattr(options, name) for name in SLIDERS},
        "fields": fields(), "orders": REORDERING, "notes": notes, "meaning": MEANING,
        "colours": {"helps": colours.HELPS, "harms": colours.HARMS, "other": colours.CATEGORIES[3]},
        "order": {
            "pairs": int(order.pairs), "free": int(order.free), "pruned": int(order.pruned), "heavier": int(order.heavier),
            "present": int(up_weighted), "threshold": np.asarray(order.threshold, dtype=float).tolist(),
            "up_weighted": np.asarray(order.up_weighted).astype(int).tolist(),
        },
        "prediction": asdict(prediction),
    }


def fields() -> list[dict]:
    """The sliders, with the help and the bounds of the options."""
    described = {field["name"]: field for field in describe(PlanOptions)}
    return [
        {
            "name": name, "label": label, "unit": unit, "digits": digits, "scale": scale, "step": step, "leap": leap,
            "min": described[name]["minimum"], "max": described[name]["maximum"], "help": described[name]["help"],
        }
        for name, (label, unit, digits, scale, step, leap) in SLIDERS.items()
    ]


def valued(name: str, value: float) -> str:
    """The value of an option with its unit: "30 %"."""
    _, unit, digits, scale, *_ = SLIDERS[name]
    return f"{scale * value:.{digits}f}{f' {unit}' if unit else ''}"
