"""What is settled when the server starts: who reaches it, and what its visitors reach; and that pages come up at once."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st

from influencespace.jobs import roots
from influencespace.ui import login, warming, workspaces

BESIDE = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Say it if the app is open to others; import what pages need in a thread, while the server already answers."""
    settle_roots()
    if login.open_to_others():
        print(login.OPEN, flush=True)
    threading.Thread(target=_prepare, daemon=True).start()
    yield


def _prepare() -> None:
    try:
        warming.warm()
    finally:  # nobody else collects garbage
        warming.tidy()


def settle_roots() -> None:
    """Let visitors name places below the workspaces' folder, and below those that ``INFLUENCESPACE_ROOTS`` names.

    Where it names none, an app for this machine alone takes the home of its user and the folder it was started in; one that
    others reach takes nothing more, and no address of Ray but those in ``INFLUENCESPACE_RAY``.
    """
    own = [str(workspaces.folder(BESIDE))]
    given = os.environ.get(roots.VARIABLE)
    if given is not None:
        own.append(given)
    elif login.only_here():
        own += [str(Path.home()), os.getcwd()]
    os.environ[roots.VARIABLE] = os.pathsep.join(own)
    if not login.only_here():
        os.environ.setdefault(roots.CLUSTERS, "")
