"""Drawn animals, all looking to the right."""

from __future__ import annotations

from influencespace.pairs.demo.canvas import Pen
from influencespace.pairs.demo.palette import INK, RGB, dark, light, mix


def draw_dog(pen: Pen, colour: RGB) -> None:
    """A dog on its four legs, about 20 units high."""
    far = dark(colour, 0.25)
    for x, shade in ((-8, far), (5, far), (-5, colour), (8, colour)):
        pen.line([(x, -7), (x, -1)], shade, 3)
    pen.line([(-9, -11), (-14, -18)], colour, 2.8)
    pen.line([(-7, -10), (7, -10)], colour, 8.4)
    pen.line([(7, -11), (11, -17)], colour, 5.4)
    pen.disc(12, -18, 5, colour)
    pen.line([(13, -17), (18, -16)], light(colour, 0.1), 4.2)
    pen.line([(9.6, -21), (7.8, -15)], dark(colour, 0.4), 3.2)
    _eye(pen, 13.4, -19.4, colour)
    pen.disc(19.6, -16.8, 1.3, INK)
    pen.line([(8, -14), (11, -12.6)], (216, 60, 60), 1.8)


def draw_cat(pen: Pen, colour: RGB) -> None:
    """A cat that sits, about 34 units high, its face to us."""
    pen.line([(-9, -2), (-17, -4), (-18, -13)], colour, 4)
    pen.ellipse(0, -9, 11, 11, colour)
    pen.ellipse(2, -7, 5.4, 7.6, light(colour, 0.22))
    pen.polygon([(-7, -24), (-7, -37), (1, -30)], colour)
    pen.polygon([(9, -24), (9, -37), (1, -30)], colour)
    pen.disc(1, -24, 8.6, colour)
    for x in (-2.4, 4.4):
        pen.ellipse(x, -25, 1.8, 2.1, (246, 226, 120) if sum(colour) < 400 else (96, 160, 96))
        pen.ellipse(x, -25, 0.8, 1.9, INK)
    pen.polygon([(-0.4, -21.6), (2.4, -21.6), (1, -20)], (226, 130, 130))
    for side in (-1, 1):
        pen.line([(1 + side * 4, -20.4), (1 + side * 12, -21.6)], mix(colour, (128, 128, 128), 0.6), 0.7)
        pen.line([(1 + side * 4, -1), (1 + side * 4.5, -1)], light(colour, 0.12), 5)


def draw_duck(pen: Pen, colour: RGB) -> None:
    """A duck that swims, about 18 units high, its waterline below the origin."""
    pen.polygon([(-13, -9), (-6, -10), (-6, -1)], dark(colour, 0.12))
    pen.pie(0, -6, 11, 8, 0, 180, colour)
    pen.ellipse(-1, -5.4, 10, 4, colour)
    pen.ellipse(-2, -4.4, 6, 3.2, dark(colour, 0.16))
    pen.line([(7, -5), (7.4, -13)], colour, 4.6)
    pen.disc(8, -15, 4.6, colour)
    pen.polygon([(11.4, -17), (17, -14), (11.4, -13)], (242, 146, 54))
    _eye(pen, 9.4, -16, colour)
    pen.line([(-12, 2.4), (12, 2.4)], (226, 242, 248), 1)


def draw_sheep(pen: Pen, colour: RGB) -> None:
    """A sheep, about 24 units high."""
    face = (70, 62, 62) if sum(colour) > 300 else (206, 190, 176)
    for x in (-8, -3, 4, 8):
        pen.line([(x, -6), (x, 0)], face, 2.4)
    shade = dark(colour, 0.14)
    for x, y in ((-9, -10), (9, -10), (-6, -16), (6, -16), (0, -18), (0, -9)):
        pen.disc(x, y, 6, shade)
    for x, y in ((-8, -12), (8, -12), (-4, -16), (4, -16), (0, -12)):
        pen.disc(x, y, 5.4, colour)
    pen.ellipse(15, -17, 4.4, 5.4, face)
    pen.line([(11, -20), (8.6, -18)], face, 2.4)
    pen.disc(14, -21.6, 3.4, colour)
    _eye(pen, 16.4, -18, face)


def draw_cow(pen: Pen, colour: RGB) -> None:
    """A cow with patches, about 30 units high."""
    patch = (250, 246, 240) if sum(colour) < 640 else (70, 62, 66)
    for x, shade in ((-11, dark(colour)), (9, dark(colour)), (-14, colour), (12, colour)):
        pen.line([(x, -10), (x, -1)], shade, 3.8)
    pen.box(-17, -25, 15, -8, colour, 6)
    pen.ellipse(-8, -19, 5, 4.4, patch)
    pen.ellipse(4, -13, 5, 3.4, patch)
    pen.ellipse(6, -9, 4, 3, (238, 160, 160))
    pen.line([(-17, -21), (-20, -10)], dark(colour), 1.8)
    pen.line([(13, -22), (18, -26)], colour, 7)
    pen.box(15, -32, 26, -20, colour, 4)
    pen.box(20, -25, 28, -19, (238, 176, 168), 3)
    for x in (17, 22):
        pen.line([(x, -31), (x + 1, -35)], (236, 224, 190), 1.8)
    _eye(pen, 21, -28, colour)


def draw_horse(pen: Pen, colour: RGB) -> None:
    """A horse, about 40 units high."""
    mane = (54, 42, 40) if sum(colour) > 200 else (150, 140, 134)
    for x, shade in ((-10, dark(colour)), (8, dark(colour)), (-13, colour), (11, colour)):
        pen.line([(x, -14), (x, -1)], shade, 3.6)
        pen.box(x - 2, -2, x + 2, 0, INK)
    pen.line([(-15, -22), (-20, -18), (-20, -6)], mane, 3.2)
    pen.line([(-11, -19), (10, -19)], colour, 12)
    pen.line([(11, -21), (18, -36)], colour, 7.4)
    pen.line([(8, -26), (15, -40)], mane, 3.6)
    pen.line([(18, -37), (26, -31)], colour, 6.4)
    pen.polygon([(15, -40), (17, -45), (19, -40)], colour)
    _eye(pen, 20.6, -37, colour)


def _eye(pen: Pen, x: float, y: float, around: RGB) -> None:
    pen.disc(x, y, 1.1, INK if sum(around) > 260 else (250, 248, 240))
