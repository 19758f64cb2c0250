"""Stable orders of a million numbers in a few hundredths of a second."""

from __future__ import annotations

import numpy as np


def ascending(values: np.ndarray) -> np.ndarray:
    """(n,) the order of (n,) floats, equal ones in their own order.

    NumPy's stable sort of floats takes five times as long as its default; so only equal values are put in order afterwards.
    """
    order = np.argsort(values)
    ordered = values[order]
    equal = np.concatenate([[False], ordered[1:] == ordered[:-1], [False]])
    tied = np.flatnonzero(equal[1:] | equal[:-1])
    if len(tied):
        run = np.cumsum(~equal[:-1])[tied]
        order[tied] = order[tied][np.lexsort((order[tied], run))]
    return order


def grouped(codes: np.ndarray, count: int) -> np.ndarray:
    """(n,) the order of (n,) integers from 0 to ``count`` - 1, equal ones in their own order; up to 65,536 by a radix sort."""
    return np.argsort(codes.astype(np.uint16) if count <= 1 << 16 else codes, kind="stable")
