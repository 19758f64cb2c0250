"""Where names stand beside the points of a chart, so that none covers another name or a point.

A chart is as wide as the window allows, and only the browser knows how wide; its height is fixed. So a place counts as free if
it is free at every one of some widths.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

# Of the plot, from a small window to a large one, in pixels.
WIDTHS = (420, 520, 640, 800, 1000)
# Of a letter on average, of a line, and of a point with some room around it, in pixels.
LETTER, LINE, POINT = 6.6, 16, 12
ASIDE = (11, 26)
UP = (0, 13, -13, 22, -22, 36, -36)


@dataclass(frozen=True)
class Place:
    """Where a name stands: ``right`` pixels to the right of its point and ``up`` above it, at the near end of its first line;
    it ends there instead of beginning where ``right`` is negative."""

    right: int
    up: int


CANDIDATES = sorted(
    (Place(side * aside, up) for aside, side, up in itertools.product(ASIDE, (1, -1), UP)),
    key=lambda place: abs(place.up) + abs(place.right),
)


def arrange(x: np.ndarray, y: np.ndarray, which: np.ndarray, names: list[str], height: float) -> list[Place | None]:
    """Find a place for the name of each of some points, the first ones first.

    Parameters
    ----------
    x, y
        (n,) where all points lie, as parts of the width and of the height of the plot.
    which
        (k,) the points that have names.
    names
        Their k names.
    height
        Of the plot in pixels.

    Returns
    -------
    list
        For each name its place; None where there is none that covers neither a name nor a point nor leaves the plot.
    """
    widths = np.array(WIDTHS)[:, None]
    points = _boxes(widths * x, np.broadcast_to(height * y, (len(WIDTHS), len(y))), -POINT / 2, POINT, POINT)
    taken = np.empty((len(WIDTHS), 0, 4))
    found: list[Place | None] = []
    for point, name in zip(which, names, strict=True):
        others = np.concatenate([np.delete(points, point, axis=1), taken], axis=1)
        long = LETTER * len(name)
        place, own = None, None
        for candidate in CANDIDATES:
            left = candidate.right if candidate.right > 0 else candidate.right - long
            box = _boxes(widths * x[point], np.full((len(WIDTHS), 1), height * y[point] + candidate.up), left, long, LINE)
            inside = (box[..., 0] >= 0).all() and (box[..., 2] <= widths).all()
            inside &= (box[..., 1] >= 0).all() and (box[..., 3] <= height).all()
            if inside and not _meet(box, others).any():
                place, own = candidate, box
                break
        found.append(place)
        if own is not None:
            taken = np.concatenate([taken, own], axis=1)
    return found


def _boxes(x: np.ndarray, y: np.ndarray, left: float, wide: float, high: float) -> np.ndarray:
    """(widths, n, 4): left, lower, right and upper ends of boxes that begin ``left`` of x and are centred on y."""
    return np.stack([x + left, y - high / 2, x + left + wide, y + high / 2], axis=-1)


def _meet(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(widths, n) bool, whether a (widths, 1, 4) box meets others."""
    return (
        (one[..., 0] < others[..., 2]) & (others[..., 0] < one[..., 2])
        & (one[..., 1] < others[..., 3]) & (others[..., 1] < one[..., 3])
    )
