"""The points in a polygon, against a loop over points and edges in fractions."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.ui.lasso import inside

SQUARE = [[10, 10], [30, 10], [30, 30], [10, 30]]


def naive(x, y, polygon) -> list[bool]:
    """For each point, how many edges the ray to its right crosses, odd or even."""
    found = []
    for px, py in zip(x, y, strict=True):
        crossed = 0
        for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            if (y1 <= py) != (y2 <= py):
                crossed += Fraction(int(py) - y1, y2 - y1) * (x2 - x1) + x1 > int(px)
        found.append(crossed % 2 == 1)
    return found


def arrays(points):
    return (np.array([p[i] for p in points], dtype=np.uint16) for i in (0, 1))


@pytest.mark.parametrize("largest", [6, 65535])
def test_equals_the_naive_loop_for_any_polygon(largest):
    """On a grid of few places nearly all points lie on corners and edges, and edges cross."""
    corner = st.tuples(st.integers(0, largest), st.integers(0, largest))

    @settings(max_examples=150)
    @given(st.lists(corner, min_size=1, max_size=40), st.lists(corner, min_size=3, max_size=12))
    def check(points, polygon):
        x, y = arrays(points)
        assert inside(x, y, polygon).tolist() == naive(x, y, polygon)

    check()


def test_boundary_belongs_to_the_side_that_has_the_area_right_of_it_or_above_it():
    points = {(10, 20): True, (30, 20): False, (20, 10): True, (20, 30): False, (10, 10): True, (30, 30): False}
    x, y = arrays(list(points))
    assert inside(x, y, SQUARE).tolist() == list(points.values())


def test_neighbours_share_no_point_and_leave_none_out():
    x, y = (part.ravel().astype(np.uint16) for part in np.meshgrid(np.arange(41), np.arange(41)))
    other = [[30, 10], [40, 40], [30, 30]]
    together = [[10, 10], [30, 10], [40, 40], [30, 30], [10, 30]]
    parts = inside(x, y, SQUARE).astype(int) + inside(x, y, other)
    assert parts.tolist() == inside(x, y, together).astype(int).tolist()


def test_what_is_enclosed_twice_is_outside():
    star = [[50, 95], [22, 8], [96, 62], [4, 62], [78, 8]]
    x, y = arrays([(50, 50), (50, 80)])
    assert inside(x, y, star).tolist() == [False, True]


def test_direction_and_start_do_not_matter():
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 100, (2, 500)).astype(np.uint16)
    polygon = draw.integers(0, 100, (9, 2)).tolist()
    first = inside(x, y, polygon)
    assert (first == inside(x, y, polygon[::-1])).all()
    assert (first == inside(x, y, polygon[4:] + polygon[:4])).all()


@pytest.mark.parametrize("polygon", [[], [[1, 2], [3, 4]], [[1, 2, 3]] * 4, [1, 2, 3]])
def test_what_is_no_polygon_is_refused(polygon):
    with pytest.raises(ValueError, match="three corners"):
        inside(np.zeros(1, np.uint16), np.zeros(1, np.uint16), polygon)


def test_a_million_points():
    """Exact on a sample; the time is printed."""
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 65536, (2, 1_000_000)).astype(np.uint16)
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    radius = 20_000 + 4000 * draw.random(100)
    polygon = np.round(np.stack([32768 + radius * np.cos(angle), 32768 + radius * np.sin(angle)], axis=1)).astype(int).tolist()
    began = time.perf_counter()
    found = inside(x, y, polygon)
    print(f"\n{found.sum():,} of 1,000,000 points in a polygon of 100 corners: {time.perf_counter() - began:.3f} s")
    assert found[:3000].tolist() == naive(x[:3000], y[:3000], polygon)
