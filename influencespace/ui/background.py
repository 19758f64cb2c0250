"""Work that is too long for a page's script: done in a thread, waited for a moment, then looked for again.

It serves looking things up, seconds at most. What makes an artifact is a job (:mod:`influencespace.jobs`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import streamlit as st

from influencespace.progress import Progress
from influencespace.ui.guard import guarded
from influencespace.ui.kept import size

# A page waits so long for what may be done at once, rather than show a bar that blinks; and hardly for what stands aside.
PATIENCE, LITTLE = 0.4, 0.05
LOOKS_EVERY = 0.3
# Of results so many are kept, and no more bytes of them; a selection of a million pairs has 8 MB.
KEPT, LARGEST, THREADS = 24, 64 << 20, 2
_kept: OrderedDict[str, Work] = OrderedDict()
_lock = threading.Lock()
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="background")


class Work:
    """Something that is being worked out; its progress is ``done`` of ``total`` steps of ``what``."""

    def __init__(self, function: Callable[[Progress], Any]) -> None:
        self.done, self.total, self.what = 0, 0, ""
        self.future: Future = _pool.submit(function, self._report)

    @property
    def finished(self) -> bool:
        """Whether it came to an end, good or bad."""
        return self.future.done()

    def _report(self, done: int, total: int, what: str) -> None:
        self.done, self.total, self.what = done, total, what


def start(key: str, function: Callable[[Progress], Any]) -> Work:
    """Begin with something, unless it has been begun before under that key; the latest results are kept."""
    with _lock:
        found = _kept.get(key)
        if found is None or (found.finished and found.future.exception() is not None):
            found = _kept[key] = Work(function)
        _kept.move_to_end(key)
        while len(_kept) > KEPT or (len(_kept) > 1 and sum(map(_size, _kept.values())) > LARGEST):
            _kept.popitem(last=False)
        return found


def _size(work: Work) -> int:
    return size(work.future.result()) if work.finished and work.future.exception() is None else 0


def result(key: str, function: Callable[[Progress], Any], words: str, *, patience: float = PATIENCE) -> Any:
    """What the function gives, called once for each key with a progress to tell.

    While it is not there, a bar stands in its place and the page runs again when it is.

    Parameters
    ----------
    key
        Identifies the result.
    function
        ``function(progress)``; it runs in another thread and must not draw.
    words
        What is being done, for a person.
    patience
        How long to wait for it, in seconds.

    Returns
    -------
    object or None
        None while it is not there.

    Raises
    ------
    Exception
        Whatever the function raised; the next call tries again.
    """
    work = start(key, function)
    wait([work.future], timeout=patience)
    if work.finished:
        return work.future.result()
    _watch(work, words)
    return None


@st.fragment(run_every=LOOKS_EVERY)
def _watch(work: Work, words: str) -> None:
    with guarded():
        if work.finished:
            st.rerun()
        part = min(work.done / work.total, 1.0) if work.total else 0.0
        st.progress(part, text=f"{words} · {work.what}" if work.what else words)
