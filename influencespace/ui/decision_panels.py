"""Triage: what the curator decides about the selected topic, cluster or pairs, by button or by key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import streamlit as st

from influencespace.curation import decisions as edit
from influencespace.curation import sets
from influencespace.curation.decisions import CLUSTERS, HEAVIEST, LOCK, SETS, TOPICS
from influencespace.errors import PlanError
from influencespace.ui import history_panels, planning, reading, selection, wording
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.ui.selection import CLUSTER, TOPIC, Selection
from influencespace.workspace import Workspace

LEVELS = {TOPIC: TOPICS, CLUSTER: CLUSTERS}
# The decision, its icon, key and help.
BUTTONS = {
    "Keep": ("keep", ":material/check:", "K", "Stays whatever the ratio; weighted as the plan does."),
    "Prune": ("prune", ":material/block:", "P", "Goes whatever the ratio."),
    "Up-weight": ("up-weight", ":material/arrow_upward:", "U", "Stays, at the weight of the cap."),
    "Lock": (LOCK, ":material/lock:", "F", "Frozen: stays as it is now, pruned or weighted, whatever the sliders do."),
}
WEIGHT = 2.0


def triage(workspace: Workspace, chosen: Selection, *, step: Callable[[int], None], view: Callable[[], None]) -> None:
    """One line: the decisions that can be taken on what is selected.

    Parameters
    ----------
    workspace
        The workspace.
    chosen
        What is selected.
    step
        Selects the next (1) or the previous (-1) row of the table.
    view
        Draws how the table is turned and ordered, at the end of the line.
    """
    nothing = chosen.index is None or len(chosen) == 0
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="triage"):
        st.button("", icon=":material/keyboard_arrow_up:", shortcut="H", help="The row before.", key="triage_before",
                  on_click=step, args=(-1,))
        st.button("", icon=":material/keyboard_arrow_down:", shortcut="J", help="The next row.", key="triage_next",
                  on_click=step, args=(1,))
        for label, (decision, icon, key, help) in BUTTONS.items():
            st.button(label, icon=icon, shortcut=key, help=help, disabled=nothing, key=f"triage_{decision}", on_click=_decide,
                      args=(workspace, chosen, decision))
        with st.popover("Weight", icon=":material/fitness_center:", disabled=nothing):
            _weight(workspace, chosen)
        st.button("Take back", icon=":material/close:", shortcut="X", help="Leave it to the plan again.", disabled=nothing,
                  key="triage_back", on_click=_take_back, args=(workspace, chosen))
        st.space("stretch")
        view()


def words(decision: str | float) -> str:
    """A decision for a person."""
    return decision if isinstance(decision, str) else f"weight {decision:g} ×"


def sentence(workspace: Workspace, chosen: Selection) -> str:
    """What is selected and what was decided about it, in Markdown."""
    if chosen.index is None:
        return ":gray[Choose a row of the table, a point of the map, or draw around some points, to decide about them.]"
    if len(chosen) == 0:
        return f":gray[{chosen.why_empty}]"
    said = planning.shown(workspace).decisions.get(LEVELS.get(chosen.choice.kind, ""), {}).get(chosen.choice.value)
    return f"**{len(chosen):,} pairs** {escaped(chosen.words)}" + ("" if said is None else f" :blue-badge[you: {words(said)}]")


def _weight(workspace: Workspace, chosen: Selection) -> None:
    with st.form("triage_weight", border=False):
        st.number_input("Weight of each of these pairs, ×", 0.1, HEAVIEST, WEIGHT, 0.5, key="triage_number",
                        help="A pair that stays has weight 1 without a decision of yours or of the plan.")
        if st.form_submit_button("Give them this weight", disabled=chosen.index is None):
            _decide(workspace, chosen, float(st.session_state["triage_number"]))
            st.rerun()


def yours(workspace: Workspace) -> None:
    """Everything that was decided by hand, to take back, in a popover."""
    decided = planning.shown(workspace).decisions
    count = sum(len(level) for level in decided.values())
    with st.popover(f"Yours: {count:,}", icon=":material/gavel:", help="All your decisions, to look through and to take back."):
        if not count:
            st.caption("You have not decided anything yet. Select something and press a button, or its key.")
            return
        topics, clusters = reading.names(workspace.artifact("clusters"))
        names = {TOPICS: {str(topic): name for topic, name in topics.items()}, CLUSTERS: clusters}
        rows = [
            (level, key, f"{level[:-1]} {wording.cluster(names.get(level, {}).get(key, key))}", decision)
            for level, given in decided.items() if level != SETS for key, decision in given.items()
        ] + [(SETS, entry["set"], entry["name"], entry["decision"]) for entry in decided.get(SETS, [])]
        options = {f"{name}: {words(decision)}": (level, key, name) for level, key, name, decision in rows}
        picked = st.multiselect(
            "Take back", list(options), key="decided_picked", placeholder="Choose from your decisions", width=520,
        )
        with st.container(horizontal=True):
            if st.button("Take these back", disabled=not picked, key="decided_some"):
                _take_back_of(workspace, [options[name] for name in picked])
                st.rerun()
            if st.button("Take all back", key="decided_all"):
                _record(workspace, "Take back all decisions", lambda _: {})
                st.rerun()


def _take_back_of(workspace: Workspace, picked: list[tuple[str, str, str]]) -> None:
    def without(decided: dict) -> dict:
        for level, key, name in picked:
            decided = edit.with_set(decided, key, name, None) if level == SETS else edit.with_decision(decided, level, key, None)
        return decided

    _record(workspace, f"Take back {len(picked)} decisions" if len(picked) > 1 else f"Take back: {picked[0][2]}", without)


@guarded()
def _decide(workspace: Workspace, chosen: Selection, decision: str | float) -> None:
    """Record a decision: on a topic or cluster by its name, on other pairs, and to lock, as a stored set."""
    chosen = _present(workspace, chosen)
    level, name = LEVELS.get(chosen.choice.kind), f"{len(chosen):,} pairs {chosen.words}"
    if level is not None and decision != LOCK:
        change = partial(edit.with_decision, level=level, name=chosen.choice.value, decision=decision)
    else:
        weights = planning.plan(workspace).weights[np.sort(chosen.index)] if decision == LOCK else None
        digest = sets.save(workspace, _ids(workspace, chosen), weights)
        change = partial(edit.with_set, digest=digest, name=name, decision=decision)
    _record(workspace, f"{words(decision).capitalize()}: {name}", change)


@guarded()
def _take_back(workspace: Workspace, chosen: Selection) -> None:
    """Take back what was decided about the selected topic, cluster, or just these pairs."""
    chosen = _present(workspace, chosen)
    level = LEVELS.get(chosen.choice.kind)
    ids = _ids(workspace, chosen) if planning.shown(workspace).decisions.get(SETS) else None

    def without(before: dict) -> dict:
        decided = before if level is None else edit.with_decision(before, level, chosen.choice.value, None)
        for entry in decided.get(SETS, []) if ids is not None else []:
            stored = sets.load(workspace, entry["set"])
            if stored is not None and stored.ids.equals(ids):
                decided = edit.with_set(decided, entry["set"], entry["name"], None)
        if decided == before:
            raise PlanError("There is no decision on just these pairs to take back; “Yours” lists all decisions.")
        return decided

    _record(workspace, f"Take back: {len(chosen):,} pairs {chosen.words}", without)


def _present(workspace: Workspace, drawn: Selection) -> Selection:
    """What is selected now: a quick hand goes to the next row and decides before the buttons know of it."""
    now = selection.chosen(workspace)
    if now == drawn.choice or now.kind not in LEVELS:
        return drawn
    return selection.resolve(workspace, reading.training(workspace), now)


def _ids(workspace: Workspace, chosen: Selection) -> pa.Array:
    """The ids of the selected pairs, in the order of the table."""
    ids = reading.training(workspace).text("id").take(np.sort(chosen.index))
    return ids.combine_chunks().cast(pa.string())


@guarded()
def _record(workspace: Workspace, what: str, change: Callable[[dict], dict]) -> None:
    history_panels.step(workspace, lambda: planning.decide(workspace, what, decisions=change))
