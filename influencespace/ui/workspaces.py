"""Which workspace the pages are about.

``INFLUENCESPACE_WORKSPACE`` names a workspace, or a folder that holds workspaces; without it they lie in the folder
``workspaces`` beside ``app.py``. The page's address says which one is open (``?workspace=NAME``).
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import streamlit as st

from influencespace import jobs
from influencespace.errors import WorkspaceError
from influencespace.workspace import Workspace

DEMO = "demo"
_PATH, _NEXT = "workspace_path", "workspace_next"
_starting = threading.Lock()


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
    with st.sidebar:
        name = st.selectbox(
            "Workspace", listed, key="workspace", bind="query-params", help=f"The workspaces in {root}."
        )
    st.session_state[_PATH] = str(root / name)
    return Workspace(root / name)


def current() -> Workspace:
    """The open workspace, for the pages."""
    return Workspace(st.session_state[_PATH])


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
    if not name or name != Path(name).name or name.startswith("."):
        raise WorkspaceError(f"{name!r} cannot name a workspace; use letters, digits, dashes and dots.")
    path = Path(st.session_state["workspaces_folder"]) / name
    if path.exists():
        raise WorkspaceError(f"There is a workspace {name!r} already; choose another name.")
    return Workspace(path, create=True)


def go_to(workspace: Workspace) -> None:
    """Show that workspace from the next run on."""
    st.session_state[_NEXT] = workspace.name
