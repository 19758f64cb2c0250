"""Where a workspace stands on the road from pairs to training, and what a page says while something is not there."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from influencespace import jobs
from influencespace.errors import WorkspaceError
from influencespace.ui import once, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.workspace import MADE_BY, NEEDS, Artifact, Workspace

# What stands on a page for each artifact: the plural, and what making it is called.
WORDS = {
    "pairs": ("pairs", "Bring pairs in"), "features": ("features", "Describe photos and captions"),
    "proxy": ("agreement scores", "Compare captions with photos"), "clusters": ("clusters", "Find the clusters"),
    "scores": ("influence scores", "Compute the influence"), "plan": ("plan", "Make the plan"),
    "effects": ("predictions", "Predict what removing would do"), "training": ("results of training", "Train"),
    "ablations": ("ablations", "Vary the settings"),
}


def fitting(workspace: Workspace, name: str) -> Artifact | None:
    """The artifact if it was made from what is there now, so that its rows belong to the rows of the others.

    A plan that is stale only because a decision has changed since still fits.
    """
    return once.of(("fitting", str(workspace.path)), lambda: _fitting(workspace))[name]


def _fitting(workspace: Workspace) -> dict[str, Artifact | None]:
    fits: dict[str, Artifact | None] = {}
    for step in NEEDS:  # in the order of the road: each after what it needs
        fits[step] = _if_fitting(workspace, step, fits)
    return fits


def _if_fitting(workspace: Workspace, name: str, before: dict[str, Artifact | None]) -> Artifact | None:
    """The artifact if it was made from those ``before`` it, as far as they fit."""
    try:
        found = workspace.find(name)
    except WorkspaceError:
        return None  # damaged; need() says so where a page cannot do without it
    made = {need: before[need] for need in NEEDS[name]}
    same = found is not None and all(
        one is not None and one.digest == found.record["inputs"].get(need) for need, one in made.items()
    )
    return found if same else None


def need(workspace: Workspace, name: str) -> Artifact | None:
    """The artifact that a page is about; where it is missing or outdated, a sentence with one button instead."""
    found = fitting(workspace, name)
    if found is not None:
        return found
    words, action = WORDS[name]
    verb = "is" if name == "plan" else "are"
    damaged = _damaged(workspace, name)
    if _coming(workspace, name):
        _say(f"The {words} {verb} on the way and will show here.")
    elif damaged is not None and workspace.recorded(damaged):
        found = workspace.damage(damaged)
        why = f": {escaped(found.why)}" if found else ""
        bring_up_to_date(
            workspace, damaged, f"The {WORDS[damaged][0]} of this workspace are damaged on disk{why}. "
            "They can be made again with the settings that they were made with.",
            "Read the pairs again" if damaged == "pairs" else "Make again",
        )
    elif damaged == "pairs":
        _say("The pairs of this workspace are damaged on disk. Bring them into a new one, on the page Data.")
    elif damaged is not None:
        bring_up_to_date(
            workspace, damaged, f"The {WORDS[damaged][0]} of this workspace are damaged on disk, and with them the settings they "
            "were made with. They can be made anew with the usual settings.", WORDS[damaged][1],
        )
    elif workspace.find("pairs") is None:
        with _say("There are no pairs in this workspace yet."):
            st.button("Open the demo", type="primary", icon=":material/play_arrow:", on_click=_open_demo)
    elif workspace.find(name) is not None:
        bring_up_to_date(workspace, name, f"The {words} {verb} out of date: something before has changed.")
    else:
        bring_up_to_date(workspace, name, f"The {words} {verb} not there yet.", action)
    return None


def bring_up_to_date(workspace: Workspace, name: str, why: str, action: str = "Bring up to date") -> None:
    """A sentence, and a button that makes an artifact, and before it whatever it needs, with the options of before."""
    with _say(why):
        st.button(
            action, type="primary", icon=":material/play_arrow:", key=f"make_{name}", on_click=_make,
            args=(workspace, name),
        )


def _coming(workspace: Workspace, name: str) -> bool:
    """Whether a job that runs or waits makes the artifact; the demo's makes all that pages ask for."""
    commands = {command for job in jobs.jobs(workspace) if job.unfinished for command, _ in job.commands}
    return workspaces.DEMO in commands or any(name in _made_on_the_way(made) for made in NEEDS if MADE_BY[made] in commands)


def _made_on_the_way(name: str) -> set[str]:
    return {name}.union(*(_made_on_the_way(before) for before in NEEDS[name]))


def _damaged(workspace: Workspace, name: str) -> str | None:
    """The first artifact on the way to this one, or itself, that is damaged."""
    return next((before for before in NEEDS if before in _made_on_the_way(name) and workspace.damage(before)), None)


def _say(sentence: str) -> DeltaGenerator:
    box = st.container(border=True, horizontal_alignment="center", gap="medium")
    box.markdown(sentence, text_alignment="center")
    return box


@guarded()
def _make(workspace: Workspace, name: str) -> None:
    made = workspace.recorded(name)
    options = None if name == "plan" else made["options"] if made else {}
    jobs.submit(workspace, [(MADE_BY[name], options)], WORDS[name][1])


@guarded()
def _open_demo() -> None:
    workspaces.go_to(workspaces.start_demo())
