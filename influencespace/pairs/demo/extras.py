"""Drawn things that stand at the side of a place: trees, benches, lamps and the like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from influencespace.pairs.demo.canvas import Pen
from influencespace.pairs.demo.palette import INK, LEAF, METAL, WOOD, dark, light


def draw_extra(pen: Pen, name: str, x: float, y: float, rng: np.random.Generator) -> None:
    """Draws an extra that stands (or hangs above) the point (x, y)."""
    EXTRAS[name](pen.at(x, y, rng.uniform(0.92, 1.12)), rng)


def _tree(pen: Pen, rng: np.random.Generator) -> None:
    crown = (LEAF, (110, 170, 80), (226, 150, 70))[int(rng.integers(3))]
    pen.line([(0, 0), (0, -26)], dark(WOOD), 5)
    for x, y, r in ((-9, -32, 11), (9, -32, 11), (0, -42, 13)):
        pen.disc(x, y, r, crown)
    pen.disc(-4, -42, 6, light(crown, 0.18))


def _pine_tree(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0, 0), (0, -10)], dark(WOOD), 4)
    for y, half in ((-8, 15), (-22, 12), (-35, 9)):
        pen.polygon([(-half, y), (0, y - 22), (half, y)], (48, 112, 88))


def _palm_tree(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0, 0), (2, -22), (6, -44)], WOOD, 4)
    for x, y in ((-12, -44), (-8, -54), (8, -60), (22, -54), (24, -42)):
        pen.line([(6, -44), ((6 + x) / 2, (y - 50) / 2), (x, y)], (66, 146, 84), 4.4)


def _street_lamp(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0, 0), (0, -56), (7, -60)], INK, 2.4)
    pen.box(4, -61, 13, -56, (255, 232, 150), 2)


def _bench(pen: Pen, rng: np.random.Generator) -> None:
    for x in (-11, 11):
        pen.line([(x, 0), (x, -18)], INK, 2)
    pen.line([(-14, -8), (14, -8)], WOOD, 3.4)
    pen.line([(-14, -16), (14, -16)], WOOD, 3.4)


def _fountain(pen: Pen, rng: np.random.Generator) -> None:
    pen.ellipse(0, -3, 16, 5, METAL)
    pen.ellipse(0, -5, 14, 3.4, (150, 210, 232))
    pen.line([(0, -6), (0, -20)], METAL, 3)
    for side in (-1, 1):
        pen.line([(0, -24), (side * 5, -27), (side * 9, -8)], (206, 236, 246), 1.8)


def _parasol(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0, 0), (0, -34)], (240, 236, 228), 2)
    for start, colour in ((180, (226, 86, 82)), (216, (252, 246, 236)), (252, (226, 86, 82)), (288, (252, 246, 236)),
                          (324, (226, 86, 82))):
        pen.pie(0, -30, 18, 15, start, start + 36, colour)


def _lighthouse(pen: Pen, rng: np.random.Generator) -> None:
    for step in range(4):
        colour = (222, 76, 72) if step % 2 else (250, 248, 242)
        low, high = 7 - step, 6 - step
        pen.polygon([(-low, -step * 9), (low, -step * 9), (high, -step * 9 - 9), (-high, -step * 9 - 9)], colour)
    pen.box(-4, -42, 4, -36, (255, 232, 150))
    pen.polygon([(-5.5, -42), (0, -48), (5.5, -42)], (190, 60, 60))


def _snowman(pen: Pen, rng: np.random.Generator) -> None:
    snow = (252, 254, 255)
    for y, r in ((-8, 9.5), (-22, 7), (-33, 5)):
        pen.disc(0, y, r + 0.7, (196, 208, 226))
        pen.disc(0, y, r, snow)
    pen.polygon([(0, -33.5), (8, -32), (0, -31.5)], (240, 140, 60))
    pen.disc(1.8, -35.2, 0.9, INK)
    pen.disc(-2, -35.2, 0.9, INK)
    pen.line([(-5.5, -37.5), (5.5, -37.5)], INK, 1.8)
    pen.box(-3.6, -45, 3.6, -38, INK)


def _cabin(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(-14, -18, 14, 0, (150, 96, 66))
    pen.polygon([(-18, -17), (0, -33), (18, -17)], (112, 62, 56))
    pen.box(-9, -12, -1, 0, (92, 58, 46))
    pen.box(4, -13, 10, -7, (255, 228, 150))


def _windmill(pen: Pen, rng: np.random.Generator) -> None:
    pen.polygon([(-8, 0), (8, 0), (5, -34), (-5, -34)], (240, 230, 212))
    pen.polygon([(-6, -34), (0, -42), (6, -34)], (176, 84, 66))
    for x, y in ((16, -16), (-16, 16), (16, 16), (-16, -16)):
        pen.line([(0, -35), (x, -35 + y)], dark(WOOD), 2.4)


def _clock(pen: Pen, rng: np.random.Generator) -> None:
    face = pen.at(0, -56)
    face.disc(0, 0, 9, (200, 84, 76))
    face.disc(0, 0, 7, (252, 250, 244))
    face.line([(0, -5), (0, 0), (3.6, 1.6)], INK, 1.2)


def _plant(pen: Pen, rng: np.random.Generator) -> None:
    for x, y in ((-9, -34), (-12, -24), (0, -40), (9, -34), (12, -24)):
        pen.line([(0, -12), (x * 0.6, y + 6), (x, y)], (74, 146, 90), 4.4)
    pen.polygon([(-8, -14), (8, -14), (6, 0), (-6, 0)], (204, 116, 82))


def _fridge(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(-13, -62, 13, 4, (228, 236, 238), 3)
    pen.box(-13, -38, 13, -36.6, METAL)
    pen.line([(-9, -52), (-9, -43)], METAL, 1.6)
    pen.line([(-9, -31), (-9, -18)], METAL, 1.6)


def _floor_lamp(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0, -2), (0, -50)], INK, 2)
    pen.ellipse(0, -1, 8, 2.2, INK)
    pen.polygon([(-6, -62), (6, -62), (11, -46), (-11, -46)], (255, 222, 140))


def _painting(pen: Pen, rng: np.random.Generator) -> None:
    pen.box(-14, -76, 14, -52, dark(WOOD, 0.1), 1)
    pen.box(-12, -74, 12, -54, (170, 208, 226))
    pen.polygon([(-12, -54), (-3, -67), (4, -58), (8, -62), (12, -54)], (92, 138, 104))


EXTRAS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "tree": _tree, "pine tree": _pine_tree, "palm tree": _palm_tree, "street lamp": _street_lamp, "bench": _bench,
    "fountain": _fountain, "parasol": _parasol, "lighthouse": _lighthouse, "snowman": _snowman, "cabin": _cabin,
    "windmill": _windmill, "clock": _clock, "plant": _plant, "fridge": _fridge, "floor lamp": _floor_lamp,
    "painting": _painting,
}
