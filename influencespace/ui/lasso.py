"""Which points lie in a polygon: exact, so that what the curator drew and what is chosen are the same to the pair.

Points and corners are whole numbers, the same on the server as in the browser.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LARGEST = 65535


def fixed(values: np.ndarray) -> np.ndarray:
    """(n,) uint16, 1 to 65534, from (n,) places on one side of the map, 0 to 1.

    Corners of polygons go from 0 to ``LARGEST``, so that a box round all points holds all of them.
    """
    return (1 + np.round(np.clip(values, 0, 1) * (LARGEST - 2))).astype(np.uint16)


def inside(x: np.ndarray, y: np.ndarray, polygon: Sequence[Sequence[int]]) -> np.ndarray:
    """The points from which a ray to the right crosses the edges of a polygon an odd number of times (the even-odd rule).

    Edges may cross each other; what they enclose twice is outside. A point on the boundary is inside where the area lies to its
    right, or above it (greater y), so that of two polygons with a common edge each point of it belongs to one alone.

    Points are sorted by y once; an edge then looks only at those of its own span, and all arithmetic is in whole numbers.

    Parameters
    ----------
    x, y
        (n,) whole numbers, 0 to 65535.
    polygon
        At least three corners ``[x, y]``, whole numbers of the same kind; the last is joined to the first.

    Returns
    -------
    (n,) bool

    Raises
    ------
    ValueError
        If the polygon has fewer than three corners, or a corner is not two numbers.
    """
    corners = np.asarray(polygon, dtype=np.int64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(f"A polygon needs at least three corners of two numbers, not an array of shape {corners.shape}.")
    (left, low), (right, high) = corners.min(0), corners.max(0)
    near = np.flatnonzero((x >= left) & (x <= right) & (y >= low) & (y <= high))
    near = near[np.argsort(y[near], kind="stable")]  # a radix sort, for 16 bits
    px, py = x[near].astype(np.int64), y[near].astype(np.int64)
    odd = np.zeros(len(near), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        # From y1 to below y2: a corner between two edges then counts once, and a level edge never.
        span = slice(*np.searchsorted(py, [y1, y2]))
        odd[span] ^= (px[span] - x1) * (y2 - y1) < (py[span] - y1) * (x2 - x1)
    result = np.zeros(len(x), dtype=bool)
    result[near] = odd
    return result
