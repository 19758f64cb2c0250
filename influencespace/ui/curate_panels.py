"""The panels of the curate page: how much, what follows from it, and the curator's own decisions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.curation.decisions import WORDS
from influencespace.curation.options import PlanOptions
from influencespace.curation.stage import plan_subset
from influencespace.options import describe, restore
from influencespace.shell.results import found_faults
from influencespace.ui import cluster_panels
from influencespace.ui.guard import guarded
from influencespace.workspace import Artifact, Workspace

SLIDERS = {"reduction": ("Reduction ratio", 0.01, "percent"), "cap": ("Up-weight cap", 0.5, "%.1f ×"),
           "fairness": ("Fairness weight", 0.1, "%.1f")}
# What stands for no decision: it is left to the plan.
UNDECIDED = ""
COLUMNS = ("decision", "name", "pairs", "share", "overall.mean", "disposition", "weight", "kept", "reason")


def options(plan: Artifact) -> PlanOptions:
    """The plan's options as the sliders say; the others are those that it was made with."""
    fields = {field["name"]: field for field in describe(PlanOptions)}
    values = {name: value for name, value in plan.record["options"].items() if name in fields}
    for name, (label, step, form) in SLIDERS.items():
        field = fields[name]
        values[name] = st.slider(
            label, float(field["minimum"] or 0), float(field["maximum"]), float(values.get(name, field["default"])), step,
            format=form, key=f"curate_{name}", help=field["help"],
        )
    return restore(PlanOptions, values)


def follow(workspace: Workspace, wanted: PlanOptions) -> None:
    """Make the plan anew if the sliders or a decision ask for another one; it takes well under a second."""
    if workspace.is_current("plan", wanted):
        return
    if jobs.active(workspace) is not None:
        st.info("The plan follows when what is being computed is done or cancelled.", icon=":material/hourglass_top:")
        return
    with guarded(), workspace.lock():
        plan_subset(workspace, wanted)


def figures(plan: Artifact, pairs: pd.DataFrame) -> None:
    """Exact counts of what the plan keeps, prunes and up-weights, and what else there is to know of it."""
    weight = pairs["weight"].to_numpy()
    kept, more = int((weight > 0).sum()), int((pairs["disposition"] == "up-weight").sum())
    count = max(len(weight), 1)
    quiet = {"delta_color": "off", "delta_arrow": "off"}
    with st.grid(3, min_column_width=100):
        st.metric("Kept", f"{kept:,}", f"of {len(weight):,} pairs", **quiet)
        st.metric("Pruned", f"{len(weight) - kept:,}", f"{100 * (1 - kept / count):.1f} % of the pairs", **quiet)
        st.metric("Up-weighted", f"{more:,}", f"weights up to {weight.max(initial=0):.2g} ×", **quiet)
    for note in plan.facts.get("notes", []):
        st.caption(note)


def truth(workspace: Workspace, plan: Artifact) -> None:
    """In the demo, where it is known what was planted: how much of it the plan prunes."""
    found = _found(str(workspace.path), plan.digest)
    if not found:
        return
    rows = pd.DataFrame([
        {"kind": kind.replace("none", "undamaged pairs").replace("_", " "), **counts}
        | {"part": 100 * counts["pruned"] / max(counts["planted"], 1)} for kind, counts in found.items()
    ])
    st.dataframe(
        rows, hide_index=True, height="content", alt="What was planted in the demo, and how much of it the plan prunes",
        column_config={
            "kind": st.column_config.TextColumn("Planted in the demo", width=150),
            "planted": st.column_config.NumberColumn("Pairs"), "pruned": st.column_config.NumberColumn("Pruned"),
            "part": st.column_config.ProgressColumn("Part", format="%.0f %%", min_value=0, max_value=100),
        },
    )


@st.cache_data(show_spinner=False, max_entries=8)
def _found(path: str, digest: str) -> dict | None:
    return found_faults(Workspace(path))


def decisions(workspace: Workspace, clusters: Artifact, topics: dict[int, str]) -> None:
    """The clusters with their dispositions and reasons, and a column for the curator's own decision."""
    rows = cluster_panels.summary(workspace, clusters)
    decided = {name: str(word) for name, word in workspace.decisions().get("clusters", {}).items()}
    rows.insert(0, "decision", [decided.get(name, UNDECIDED) for name in rows["cluster"]])
    weights = sorted(set(decided.values()) - set(WORDS))  # given from the shell
    # Fixed places, so that an edit stays with its cluster when the plan that follows reorders nothing.
    rows = rows.sort_values(["topic", "stratum"]).reset_index(drop=True)
    shown = [column for column in COLUMNS if column in rows]
    st.data_editor(
        rows[shown], hide_index=True, key="curate_editor", height=420, placeholder="", on_change=_decide,
        args=(workspace, list(rows["cluster"])), disabled=[column for column in shown if column != "decision"],
        alt="Clusters with their dispositions, and the curator's decisions",
        column_config={
            "decision": st.column_config.SelectboxColumn(
                "Decision", options=[UNDECIDED, *WORDS, *weights], width=110, pinned=True,
                help="Your word wins over the plan's. Empty: the plan decides.",
            ),
            "name": st.column_config.TextColumn("Cluster", width="large"),
            "pairs": st.column_config.NumberColumn("Pairs", format="localized"),
            "share": st.column_config.NumberColumn("Share", format="%.1f %%"),
            "overall.mean": st.column_config.NumberColumn(
                "Influence", format="%+.2e", help="Mean selection score of its pairs. It orders; its size means nothing.",
            ),
            "disposition": "Plan", "kept": st.column_config.NumberColumn("Kept", format="localized"),
            "weight": st.column_config.NumberColumn("Weight", format="%.2f ×"),
            "reason": st.column_config.TextColumn("Why", width="large"),
        },
    )
    _decide_topic(workspace, topics)
    if any(workspace.decisions().values()):
        st.button("Take back all decisions", icon=":material/undo:", on_click=_take_back, args=(workspace,))


def _decide_topic(workspace: Workspace, topics: dict[int, str]) -> None:
    decided = workspace.decisions().get("topics", {})
    with st.form("curate_topics", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        topic = st.selectbox(
            "A whole topic", list(topics), width=340,
            format_func=lambda t: topics[t] + (f" ({decided[str(t)]})" if str(t) in decided else ""),
        )
        word = st.selectbox(
            "You decide", [UNDECIDED, *WORDS], format_func=lambda word: word or "leave it to the plan", width=200
        )
        if st.form_submit_button("Apply"):
            _keep(workspace, "topics", {str(topic): word})
            st.rerun()


@guarded()
def _decide(workspace: Workspace, names: list[str]) -> None:
    edits = st.session_state["curate_editor"]["edited_rows"]
    _keep(workspace, "clusters", {names[int(row)]: edit["decision"] or UNDECIDED for row, edit in edits.items()})


@guarded()
def _take_back(workspace: Workspace) -> None:
    workspace.decide({})


def _keep(workspace: Workspace, level: str, words: dict[str, str]) -> None:
    """Write the curator's words down; an empty one takes a decision back."""
    decided = workspace.decisions()
    level_words = {**decided.get(level, {}), **words}
    workspace.decide({**decided, level: {name: word for name, word in level_words.items() if word}})
