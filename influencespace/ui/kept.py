"""What was made last, shared by all visitors: as much of it as fits into so many bytes, and made once however many ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import is_dataclass
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

T = TypeVar("T")


class Kept(Generic[T]):
    """Results by key. What was asked for last stays however large it is; of the others, the latest that fit beside it.

    Parameters
    ----------
    most
        Bytes in all, as :func:`size` counts them.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._found: OrderedDict[str, Future] = OrderedDict()
        self._sizes: dict[str, int] = {}  # of what is there
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._found and self._found[key].done()

    def of(self, key: str, make: Callable[[], T]) -> T:
        """The result of that key. Who asks while it is being made waits for it; an error goes to all of them, and is not kept."""
        with self._lock:
            found, mine = self._found.get(key), key not in self._found
            if mine:
                found = self._found[key] = Future()
            self._found.move_to_end(key)
        if mine:
            try:
                made = make()
                self._make_room(key, size(made))
                found.set_result(made)
            except BaseException as error:
                with self._lock:
                    self._found.pop(key, None)
                found.set_exception(error)
        return found.result()

    @property
    def bytes(self) -> int:
        """How much is kept."""
        with self._lock:
            return sum(self._sizes.values())

    def _make_room(self, key: str, bytes: int) -> None:
        """Forget what was asked for longest ago, as much of it as there must not be beside the newest result."""
        with self._lock:
            self._sizes[key] = bytes
            for old in [old for old in self._found if old in self._sizes and old != key]:
                if sum(self._sizes.values()) <= self.most:
                    return
                del self._found[old], self._sizes[old]


def size(value: object) -> int:
    """The bytes of the arrays and tables in a result, be they its fields, its items or itself."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage(index=False, deep=True).sum())
    if isinstance(value, tuple | list):
        return sum(map(size, value))
    return sum(map(size, vars(value).values())) if is_dataclass(value) else 0
