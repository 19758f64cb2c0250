"""What pages import takes a second or two the first time: it is done when the server starts, not when the first visitor waits."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import AsyncIterator

import streamlit as st

# These bring all others with them.
MODULES = ("cluster_list", "curate_panels", "pair_map", "search", "selection_panels", "statistics_panels", "train_panels")


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Import what pages need in a thread, while the server already answers."""
    threading.Thread(target=_import, daemon=True).start()
    yield


def _import() -> None:
    for name in MODULES:
        importlib.import_module(f"influencespace.ui.{name}")
