"""What pages import takes a second or two the first time: it is done when the server starts, not when the first visitor waits.

While Python looks for unreachable objects no page can run. What is imported is 300,000 objects that never go, which take a
quarter of a second: they are set apart. What sessions hold grows with their number, and Streamlit would look through it after
every run of every page: this is switched off (``runner.postScriptGC``) and done now and then instead.
"""

from __future__ import annotations

import gc
import importlib
import time

# These bring all others with them.
MODULES = ("cluster_list", "curate_panels", "pair_map", "search", "selection_panels", "statistics_panels", "train_panels")
# Seconds between one look for unreachable objects and the next, and how many times as long as a look takes at least.
PAUSE, SPARED = 5.0, 50


def warm() -> None:
    """Import what pages need, and spare the garbage collector all that is there then."""
    for name in MODULES:
        importlib.import_module(f"influencespace.ui.{name}")
    gc.collect()
    gc.freeze()


def tidy() -> None:
    """Look for unreachable objects for ever, which takes a fiftieth of the time at most; for a thread of its own."""
    took = 0.0
    while True:
        time.sleep(max(PAUSE, SPARED * took))
        began = time.perf_counter()
        gc.collect()
        took = time.perf_counter() - began
