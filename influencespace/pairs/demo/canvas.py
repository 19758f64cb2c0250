"""A pen over a PIL image: shapes in scene units, from an origin and in a size of its own.

A scene is 128 units wide and high. It is drawn at twice the size and a little beyond its edges, then cut out and halved:
that smooths the outlines, and moving the cut by a few units gives the near-duplicates of a burst.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from influencespace.pairs.demo.palette import RGB

SIZE = 128
"""Width and height of a finished scene, in pixels and in units."""

MARGIN = 4
"""Units drawn beyond every edge, the furthest that a cut may move."""

OVERSAMPLING = 2

Point = tuple[float, float]


class Pen:
    """Draws shapes relative to an origin: x to the right, y downwards, ``unit`` pixels to a unit."""

    def __init__(self, draw: ImageDraw.ImageDraw, x: float, y: float, unit: float) -> None:
        self._draw, self._x, self._y, self._unit = draw, x, y, unit

    def at(self, x: float, y: float, size: float = 1.0) -> Pen:
        """A pen whose origin is at (x, y) of this one and whose units are ``size`` times as large."""
        return Pen(self._draw, *self._point((x, y)), self._unit * size)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: RGB) -> None:
        """A filled ellipse around (x, y)."""
        self._draw.ellipse(self._bounds(x - rx, y - ry, x + rx, y + ry), fill=fill)

    def disc(self, x: float, y: float, r: float, fill: RGB) -> None:
        """A filled circle around (x, y)."""
        self.ellipse(x, y, r, r, fill)

    def ring(self, x: float, y: float, r: float, fill: RGB, width: float) -> None:
        """A circle line around (x, y)."""
        self._draw.ellipse(self._bounds(x - r, y - r, x + r, y + r), outline=fill, width=self._width(width))

    def pie(self, x: float, y: float, rx: float, ry: float, start: float, end: float, fill: RGB) -> None:
        """A slice of an ellipse between two angles in degrees, clockwise from the right."""
        self._draw.pieslice(self._bounds(x - rx, y - ry, x + rx, y + ry), start, end, fill=fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: RGB, radius: float = 0) -> None:
        """A filled rectangle from its upper left to its lower right corner, rounded by ``radius``."""
        if radius:
            self._draw.rounded_rectangle(self._bounds(x0, y0, x1, y1), radius * self._unit, fill=fill)
        else:
            self._draw.rectangle(self._bounds(x0, y0, x1, y1), fill=fill)

    def polygon(self, points: Sequence[Point], fill: RGB) -> None:
        """A filled polygon."""
        self._draw.polygon([self._point(p) for p in points], fill=fill)

    def line(self, points: Sequence[Point], fill: RGB, width: float) -> None:
        """A line through the points with round ends and bends."""
        pixels = [self._point(p) for p in points]
        thick = self._width(width)
        self._draw.line(pixels, fill=fill, width=thick, joint="curve")
        if thick > 2:
            half = thick / 2 - 0.5
            for x, y in (pixels[0], pixels[-1]):
                self._draw.ellipse((x - half, y - half, x + half, y + half), fill=fill)

    def _point(self, point: Point) -> Point:
        return self._x + point[0] * self._unit, self._y + point[1] * self._unit

    def _bounds(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return *self._point((x0, y0)), *self._point((x1, y1))

    def _width(self, width: float) -> int:
        return max(1, round(width * self._unit))


class Canvas(Pen):
    """The image of one scene; its own origin is the upper left corner of the finished picture."""

    def __init__(self) -> None:
        side = (SIZE + 2 * MARGIN) * OVERSAMPLING
        self.image = Image.new("RGB", (side, side))
        corner = MARGIN * OVERSAMPLING
        super().__init__(ImageDraw.Draw(self.image), corner, corner, OVERSAMPLING)

    def gradient(self, top: RGB, bottom: RGB, until: float = SIZE) -> None:
        """Fills the picture from its upper edge down to ``until`` with colours from ``top`` to ``bottom``."""
        width, height = self.image.width, round((until + MARGIN) * OVERSAMPLING)
        share = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
        column = np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share
        self.image.paste(Image.fromarray(np.rint(column).astype(np.uint8)).resize((width, height)), (0, 0))

    def cut(self, shift: tuple[int, int] = (0, 0)) -> Image.Image:
        """The finished picture, ``(SIZE, SIZE)``, seen ``shift`` units (at most ``MARGIN``) to the right and below."""
        left, upper = ((MARGIN + s) * OVERSAMPLING for s in shift)
        side = SIZE * OVERSAMPLING
        return self.image.crop((left, upper, left + side, upper + side)).reduce(OVERSAMPLING)
