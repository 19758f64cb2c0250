"""Work on many items by threads, some items ahead of who asks, that never waits for ever.

A photo on a network disk that has gone away, or a file that keeps its decoder busy for ever, hangs the thread that reads it.
Such a thread cannot be ended; it is left where it is, the others go on, and what it was to bring is given up. Its end is not
waited for when the process ends (the threads are daemons), as that of a ``ThreadPoolExecutor`` would be.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, NoReturn, TypeVar

from influencespace.errors import InfluenceSpaceError

A, B = TypeVar("A"), TypeVar("B")
# Seconds for one item, which takes milliseconds as a rule and on a slow network disk a second or two.
PATIENCE = 120.0


class StuckError(InfluenceSpaceError):
    """What reads photos does not come back."""


def given_up(item: object) -> NoReturn:
    """Stop because of an item that never came.

    Raises
    ------
    StuckError
        Always.
    """
    raise StuckError(
        f"A photo was not read within {PATIENCE:.0f} seconds: its disk does not answer, or its file keeps the decoder busy for "
        "ever. Put the photos on a disk that answers and start again; what was finished is kept."
    )


def ahead(
    function: Callable[[A], B], items: Iterable[A], workers: int, depth: int, *, late: Callable[[A], B] = given_up,
    patience: float | None = None,
) -> Iterator[B]:
    """The function of each item, in order, computed by threads up to ``depth`` items ahead of who asks.

    Parameters
    ----------
    late
        Gives what stands for an item that was not done ``patience`` seconds after it was begun, or raises an error.
    patience
        By default ``PATIENCE``.

    Raises
    ------
    StuckError
        If every thread hangs, so that nothing more is begun.
    """
    patience = PATIENCE if patience is None else patience
    tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
    for number in range(workers):
        threading.Thread(target=_work, args=(function, tasks), name=f"ahead-{number}", daemon=True).start()
    waiting: deque[_Task] = deque()
    try:
        for item in items:
            waiting.append(_Task(item))
            tasks.put(waiting[-1])
            if len(waiting) > depth:
                yield waiting.popleft().outcome(late, patience)
        while waiting:
            yield waiting.popleft().outcome(late, patience)
    finally:
        for task in waiting:
            task.future.cancel()
        for _ in range(workers):
            tasks.put(None)


class _Task:
    """One item, and what comes of it."""

    def __init__(self, item: Any) -> None:
        self.item, self.future = item, Future()
        self.begun = threading.Event()
        self.since = 0.0

    def outcome(self, late: Callable, patience: float) -> Any:
        # Those before it are done or given up, so that a thread would have begun it if one were left.
        if not self.begun.wait(patience):
            raise StuckError(
                f"Nothing has been read for {patience:.0f} seconds: every thread that reads photos hangs. Is their disk still "
                "there? What was finished is kept; start again when it is back."
            )
        try:
            return self.future.result(max(0.0, self.since + patience - time.monotonic()))
        except NotYet:
            if self.future.done():
                raise  # the function's own
            return late(self.item)


def _work(function: Callable, tasks: queue.SimpleQueue) -> None:
    while (task := tasks.get()) is not None:
        if not task.future.set_running_or_notify_cancel():
            continue
        task.since = time.monotonic()
        task.begun.set()
        try:
            found = function(task.item)
        except BaseException as error:
            task.future.set_exception(error)
        else:
            task.future.set_result(found)
