"""What pages import takes a second or two the first time: it is done when the server starts, not when the first visitor waits.

After every run of a page Streamlit has Python look for unreachable objects. What is imported is 300,000 objects that never go,
and looking through them took a quarter of a second in which no other visitor's page could run: they are set apart.
"""

from __future__ import annotations

import gc
import importlib

# These bring all others with them.
MODULES = ("cluster_list", "curate_panels", "pair_map", "search", "selection_panels", "statistics_panels", "train_panels")


def warm() -> None:
    """Import what pages need, and spare the garbage collector all that is there then."""
    for name in MODULES:
        importlib.import_module(f"influencespace.ui.{name}")
    gc.collect()
    gc.freeze()
