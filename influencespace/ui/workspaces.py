"""Which workspace the pages are about.

``INFLUENCESPACE_WORKSPACE`` names a workspace, or a folder that holds workspaces; without it they lie in the folder
``workspaces`` beside ``app.py``. The page's address says which one is open (``?workspace=NAME``).
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from influencespace import jobs
from influencespace.errors import InfluenceSpaceError, WorkspaceError
from influencespace.ui.markdown import escaped
from influencespace.workspace import NEEDS, Workspace

DEMO = "demo"
# What an address may say that belongs to a single workspace.
OF_ONE = ("version", "topic", "cluster")
_NAME = re.compile(r"\w[\w. -]{0,99}")
_PATH, _NEXT, _GONE = "workspace_path", "workspace_next", "workspace_gone"
# So long it is said that a workspace is gone.
READ_SECONDS = 20.0
_starting = threading.Lock()
# What is made last is what one can do; the artifacts in the order of the road.
_STANDS = {
    "pairs": "pairs are in", "features": "pairs are described", "proxy": "captions are judged", "clusters": "clusters are found",
    "scores": "influence is known", "plan": "ready to curate", "effects": "ready to curate", "verification": "ready to curate",
    "training": "trained", "ablations": "settings varied",
}


@dataclass(frozen=True)
class Entry:
    """A workspace in the list.

    Attributes
    ----------
    name, state
        Its name, and how far it is, for a person.
    pairs
        How many training pairs; None before they are in.
    changed
        When something was last made in it, in seconds since 1970; None where nothing was.
    """

    name: str
    state: str
    pairs: int | None
    changed: float | None


def folder(beside: Path) -> Path:
    """The folder that holds the workspaces; ``beside`` is the folder of ``app.py``."""
    named = os.environ.get("INFLUENCESPACE_WORKSPACE")
    if not named:
        return beside / "workspaces"
    path = Path(named).expanduser().absolute()
    return path.parent if (path / "workspace.json").exists() else path


def names(root: Path) -> list[str]:
    """The workspaces of the folder, or the one that the environment names."""
    named = os.environ.get("INFLUENCESPACE_WORKSPACE")
    if named and (Path(named).expanduser() / "workspace.json").exists():
        return [Path(named).name]
    return sorted(path.parent.name for path in root.glob("*/workspace.json"))


def choose(root: Path) -> Workspace:
    """The open workspace; with several, a box in the sidebar to choose from. Without any, the demo is made at once.

    Raises
    ------
    WorkspaceError
        If the workspace is damaged, or none can be made.
    """
    st.session_state["workspaces_folder"] = str(root)
    listed = names(root) or [start_demo(root).name]
    if _NEXT in st.session_state:
        st.session_state["workspace"] = st.session_state.pop(_NEXT)
    before = st.session_state.get("workspace", st.query_params.get("workspace"))
    if before is not None and before not in listed:
        # It was deleted, here or by another program, while it was open, or the address is an old one.
        st.session_state["workspace"] = listed[0]
        st.session_state[_GONE] = before, time.monotonic()
    with st.sidebar:
        name = st.selectbox(
            "Workspace", listed, key="workspace", bind="query-params", help=f"The workspaces in {root}."
        )
    gone, since = st.session_state.get(_GONE, (None, 0.0))
    # Elements may ask for a run at any moment; what was said stays long enough to be read.
    if gone is not None and time.monotonic() - since < READ_SECONDS:
        st.warning(
            f"There is no workspace “{escaped(gone)}” in {escaped(root)} any more. This is “{escaped(name)}”.",
            icon=":material/folder_off:",
        )
    if st.session_state.get(_PATH, str(root / name)) != str(root / name):
        for of_another in OF_ONE:
            st.query_params.pop(of_another, None)
    st.session_state[_PATH] = str(root / name)
    return Workspace(root / name)


def current() -> Workspace:
    """The open workspace, for the pages.

    Raises
    ------
    WorkspaceError
        If it was deleted meanwhile, or is damaged.
    """
    path = Path(st.session_state[_PATH])
    if not path.exists():
        raise WorkspaceError(f"The workspace {path.name} has been deleted. Load the page again to open another one.")
    return Workspace(path)


def entries(root: Path) -> Iterator[Entry]:
    """What there is to say of each workspace of the folder at once; a damaged one says so."""
    for name in names(root):
        try:
            yield _entry(Workspace(root / name))
        except InfluenceSpaceError:
            yield Entry(name, "damaged", None, None)


def size(root: Path, name: str) -> int:
    """The bytes that a workspace takes on disk; files that go while they are counted do not count."""
    total = 0
    for folder, _, files in os.walk(root / name):
        for file in files:
            try:
                total += os.lstat(os.path.join(folder, file)).st_size
            except OSError:
                continue
    return total


def in_bytes(count: float) -> str:
    """A number of bytes for a person."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def start_demo(root: Path | None = None) -> Workspace:
    """Open the demo: make its workspace and start the job that fills it, unless that was done before."""
    root = root or Path(st.session_state["workspaces_folder"])
    with _starting:
        workspace = Workspace(root / DEMO, create=True)
        if workspace.find("plan") is None and jobs.active(workspace) is None:
            jobs.submit(workspace, [(DEMO, {"seed": 0})], "Opening the demo")
    return workspace


def make(name: str) -> Workspace:
    """A new workspace of that name, which the pages show from their next run on.

    Raises
    ------
    WorkspaceError
        If the name cannot be a folder's, is taken, or the folder cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise WorkspaceError(f"{name!r} cannot name a workspace; use letters, digits, spaces, dashes and dots.")
    path = Path(st.session_state["workspaces_folder"]) / name
    if path.exists():
        raise WorkspaceError(f"There is a workspace {name!r} already; choose another name.")
    return Workspace(path, create=True)


def go_to(workspace: Workspace) -> None:
    """Show that workspace from the next run on."""
    go_to_name(workspace.name)


def go_to_name(name: str) -> None:
    """Show the workspace of that name from the next run on."""
    st.session_state[_NEXT] = name


def _entry(workspace: Workspace) -> Entry:
    made = {name: found for name in NEEDS if (found := workspace.find(name)) is not None}
    running = jobs.active(workspace) if workspace.jobs.exists() else None
    if running is not None:
        state = running.title.lower() if running.status == "running" else "waits for its turn"
    elif not made:
        state = "empty"
    else:
        last = list(made)[-1]
        state = _STANDS[last] if workspace.state(last) == "current" else f"{_STANDS[last]}, out of date"
    pairs = made["pairs"].facts["counts"].get("train", 0) if "pairs" in made else None
    changed = max((found.folder.stat().st_mtime for found in made.values()), default=None)
    return Entry(workspace.name, state, pairs, changed)
