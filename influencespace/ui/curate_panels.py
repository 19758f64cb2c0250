"""The panels of the curate page: the map beside the sliders and what follows from them, and what the selection looks like."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.curation.plan import DISPOSITIONS, Plan
from influencespace.ui import (
    damage,
    decision_panels,
    decision_table,
    gallery,
    history_panels,
    pair_map,
    plan_panel,
    planning,
    prediction,
    selection,
)
from influencespace.ui.columns import INFLUENCE, Codes, TrainingPairs
from influencespace.ui.guard import guarded
from influencespace.ui.kept import Kept
from influencespace.ui.pair_map import DISPOSITION, Colouring
from influencespace.ui.road import need
from influencespace.ui.selection import ALL, AREA, CLUSTER, Selection
from influencespace.workspace import Workspace

PANEL, PHOTOS = "curate_panel", 12
_TURN = "curate_turn"
_planted: Kept[pd.DataFrame] = Kept(1 << 20)
_most_harmful: Kept[pd.DataFrame] = Kept(4 << 20)


def panel(workspace: Workspace, *, height: int, grows: float) -> None:
    """The sliders, and in the browser what follows from them."""
    plan = planning.plan(workspace)
    predicted = prediction.predict(workspace, planning.key(workspace), planning.gains(workspace))
    plan_panel.draw(
        planning.shown(workspace).options, planning.order(workspace), predicted,
        up_weighted=plan.up_weighted, notes=plan.notes, turn=st.session_state.get(_TURN, 0), key=PANEL,
        height=height if predicted.grid else 0, grows=grows if predicted.grid else 0.0, on_apply=partial(_apply, workspace),
    )
    if predicted.grid is None:
        need(workspace, "effects")


def map_of(workspace: Workspace, pairs: TrainingPairs, chosen: Selection | None, *, height: int, grows: float) -> None:
    """All pairs by what becomes of them; what is not selected is grey."""
    def on_click(index: int) -> None:
        codes = pairs.codes("cluster")
        choose_cluster(workspace, str(codes.labels[codes.code[index]]))

    def on_select(polygon: list[list[int]] | None) -> None:
        if polygon is None:
            selection.choose(workspace, ALL)
        else:
            selection.choose(workspace, AREA, json.dumps(polygon))

    mask = None if chosen is None or chosen.index is None else chosen.mask()
    pair_map.draw(
        workspace, pairs, Colouring(DISPOSITION), key="curate_map", height=height, grows=grows, mask=mask,
        area=None if chosen is None else chosen.area, on_click=on_click, on_select=on_select,
    )


def choose_cluster(workspace: Workspace, cluster: str) -> None:
    """Select a cluster, and turn the table to it."""
    selection.choose(workspace, CLUSTER, cluster)
    decision_table.turn_to(workspace, cluster)


def photos(workspace: Workspace, pairs: TrainingPairs, chosen: Selection, *, height: int) -> None:
    """A strip of what is selected: the pairs that harm most, and what the plan does with each."""
    with st.container(height=height, border=False, gap="xsmall"):
        st.markdown(decision_panels.sentence(workspace, chosen))
        if chosen.index is None or not len(chosen):
            return
        rows = _most_harmful.of(f"{pairs.key} {chosen.key}", lambda: _harm_most(pairs, chosen.index))
        dispositions = DISPOSITIONS[planning.plan(workspace).disposition[rows.index]]
        gallery.draw(pairs, rows.assign(disposition=dispositions), key="curate_photos", width=72, label="Photos of the selection")


def _harm_most(pairs: TrainingPairs, index: np.ndarray) -> pd.DataFrame:
    """The rows of those of some pairs that harm most, worst first."""
    score = pairs.numbers(f"{INFLUENCE}overall")
    count = min(PHOTOS, len(index))
    first = index[np.argpartition(score[index], count - 1)[:count]]
    return pairs.rows(first[np.argsort(score[first], kind="stable")])


def truth(workspace: Workspace, pairs: TrainingPairs) -> None:
    """Where it is known what was planted in the pairs: how much of it the shown version prunes."""
    if not damage.is_known(pairs):
        return
    made_from = f"{planning.plan_key(workspace)} {pairs.key}"
    rows = _planted.of(made_from, lambda: _found(planning.plan(workspace), damage.known(pairs)))
    with st.expander("What was planted in these pairs, and how much of it this version prunes"):
        st.dataframe(
            rows, hide_index=True, height="content", alt="What was planted, and how much of it is pruned",
            column_config={
                "kind": st.column_config.TextColumn("Planted"),
                "planted": st.column_config.NumberColumn("Pairs", format="localized"),
                "pruned": st.column_config.NumberColumn("Pruned", format="localized"),
                "part": st.column_config.ProgressColumn("Part", format="%.0f %%", min_value=0, max_value=100),
            },
        )


def _found(plan: Plan, known: Codes) -> pd.DataFrame:
    """One row a kind of damage: how many pairs have it, and how many of them the plan prunes."""
    pruned = np.bincount(known.code[plan.weights == 0], minlength=len(known.labels))
    return pd.DataFrame({
        "kind": ["undamaged pairs" if name == damage.UNDAMAGED else str(name).replace("_", " ") for name in known.labels],
        "planted": known.counts, "pruned": pruned, "part": 100 * pruned / np.maximum(known.counts, 1),
    })


@guarded()
def _apply(workspace: Workspace) -> None:
    """Record what the sliders were set to; only those that were moved, for another visitor may have moved the others."""
    applied = st.session_state[PANEL].applied
    if not isinstance(applied, dict):
        return
    st.session_state[_TURN] = int(applied["turn"])
    before = planning.shown(workspace).options
    values = {name: float(value) for name, value in applied["values"].items() if name in plan_panel.SLIDERS}
    moved = [(name, value) for name, value in values.items() if value != getattr(before, name)]
    if not moved:
        return
    what = ", ".join(f"{plan_panel.SLIDERS[name][0]} {plan_panel.valued(name, value)}" for name, value in moved)
    history_panels.step(
        workspace, lambda: planning.decide(workspace, what, options=lambda options: replace(options, **dict(moved)))
    )
