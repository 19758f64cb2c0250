"""What is done when the server starts: it says who can reach it, and imports what pages need.

That takes a second or two the first time, and is done now, not when the first visitor waits. After every run of a page
Streamlit has Python look for unreachable objects. What is imported is 300,000 objects that never go, and looking through them
took a quarter of a second in which no other visitor's page could run: they are set apart.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
from collections.abc import AsyncIterator

import streamlit as st

from influencespace.ui import login

# These bring all others with them.
MODULES = ("cluster_list", "curate_panels", "pair_map", "search", "selection_panels", "statistics_panels", "train_panels")


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Say it if the app is open to others; import what pages need in a thread, while the server already answers."""
    if login.open_to_others():
        print(login.OPEN, flush=True)
    threading.Thread(target=warm, daemon=True).start()
    yield


def warm() -> None:
    """Import what pages need, and spare the garbage collector all that is there then."""
    for name in MODULES:
        importlib.import_module(f"influencespace.ui.{name}")
    gc.collect()
    gc.freeze()
