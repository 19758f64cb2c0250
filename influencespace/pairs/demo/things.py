"""Drawn things without legs: vehicles, boats, fruit, flowers, what people hold."""

from __future__ import annotations

from influencespace.pairs.demo.canvas import Pen
from influencespace.pairs.demo.palette import INK, METAL, RGB, WOOD, dark, light

GLASS: RGB = (196, 226, 240)


def draw_bike(pen: Pen, colour: RGB) -> None:
    """A bike that drives to the right, its wheels on the ground on both sides of the origin."""
    for x in (-16, 17):
        pen.ring(x, -11, 11, INK, 2)
        pen.disc(x, -11, 1.6, METAL)
    pen.line([(-16, -11), (-5, -25), (12, -26), (0, -11), (-16, -11)], colour, 2.6)
    pen.line([(-5, -25), (0, -11)], colour, 2.6)
    pen.line([(17, -11), (11, -32), (15, -34)], colour, 2.6)
    pen.line([(-9, -28), (-2, -28)], INK, 3)


def draw_ball(pen: Pen, colour: RGB, r: float = 6.5) -> None:
    """A ball around the origin."""
    pen.disc(0, 0, r, colour)
    pen.pie(0, 0, r, r, 20, 120, dark(colour, 0.18))
    pen.disc(-r * 0.3, -r * 0.35, r * 0.28, light(colour, 0.7))


def draw_kite(pen: Pen, colour: RGB) -> None:
    """A kite around the origin."""
    pen.line([(0, 15), (-4, 20), (1, 25), (-4, 30)], dark(colour, 0.1), 1.2)
    pen.polygon([(0, -15), (11, -2), (0, 15), (-11, -2)], colour)
    pen.polygon([(0, -15), (11, -2), (0, -2)], light(colour, 0.4))
    pen.polygon([(0, 15), (-11, -2), (0, -2)], dark(colour, 0.2))


def draw_umbrella(pen: Pen, colour: RGB) -> None:
    """An open umbrella; the hand holds it at the origin."""
    pen.line([(0, 2), (0, -34)], INK, 1.6)
    pen.pie(0, -22, 25, 19, 180, 360, colour)
    pen.pie(0, -22, 10, 19, 180, 360, light(colour, 0.25))
    for x in (-17.5, 0, 17.5):
        pen.pie(x, -21.6, 7.4, 3.4, 180, 360, dark(colour, 0.3))


def draw_skis(pen: Pen, colour: RGB) -> None:
    """A pair of skis on the ground below the origin, pointing to the right."""
    pen.line([(-19, 1), (20, 1), (25, -3)], dark(colour, 0.25), 2.4)
    pen.line([(-17, 4), (22, 4), (27, 0)], colour, 2.6)


def draw_pot(pen: Pen, colour: RGB, pan: bool) -> None:
    """A pot, or a pan, on a hob at the origin."""
    if pan:
        pen.line([(8, -5), (24, -8)], INK, 2.6)
        pen.box(-13, -7, 11, 0, colour, 3)
        pen.box(-13, -7, 11, -5.4, dark(colour, 0.25))
    else:
        pen.line([(-15, -10), (15, -10)], dark(colour, 0.3), 3)
        pen.box(-12, -16, 12, 0, colour, 3)
        pen.box(-12, -16, 12, -13.4, light(colour, 0.35))
    for x in (-6, 1, 7):
        pen.line([(x, -21), (x + 2, -25), (x, -29), (x + 2, -33)], (250, 250, 250), 1.3)


def draw_book(pen: Pen, colour: RGB, newspaper: bool) -> None:
    """An open book, or a larger newspaper of which only a coloured masthead shows, around the origin."""
    w, h = (11, 9) if newspaper else (8, 6.5)
    pen.polygon([(-w, -h), (0, -h + 2), (w, -h), (w, h), (0, h + 2), (-w, h)], (244, 240, 228) if newspaper else colour)
    if newspaper:
        pen.polygon([(-w, -h), (0, -h + 2), (w, -h), (w, -h + 5), (0, -h + 7), (-w, -h + 5)], colour)
        for y in (0, 3, 6):
            pen.line([(-w + 2, y - 1), (-2, y + 0.4)], METAL, 0.7)
            pen.line([(2, y + 0.4), (w - 2, y - 1)], METAL, 0.7)
    else:
        pen.polygon([(-w + 1, -h - 1), (0, -h + 1), (w - 1, -h - 1), (w - 1, -h + 2), (0, -h + 4), (-w + 1, -h + 2)],
                    (252, 250, 242))
        pen.line([(0, -h + 2), (0, h + 2)], dark(colour, 0.35), 1.2)


def draw_guitar(pen: Pen, colour: RGB) -> None:
    """A guitar held across the body, its sound hole at the origin, its neck up to the right."""
    pen.line([(0, 0), (23, -12)], dark(WOOD, 0.45), 2.8)
    pen.line([(22, -11.6), (27, -14)], INK, 4)
    pen.disc(-5, 3, 8.2, colour)
    pen.disc(3, -2, 6.4, colour)
    pen.disc(0, 0, 2.6, INK)


def draw_skateboard(pen: Pen, colour: RGB) -> None:
    """A skateboard on the ground below the origin."""
    for x in (-9, 10):
        pen.disc(x, -2, 2.4, INK)
    pen.line([(-17, -7), (-13, -5), (14, -5), (18, -7)], colour, 2.8)


def draw_boat(pen: Pen, colour: RGB) -> None:
    """A rowing boat on the water, its waterline below the origin."""
    pen.polygon([(-28, -12), (31, -14), (22, 2), (-21, 2)], colour)
    pen.polygon([(-28, -12), (31, -14), (29, -10), (-26, -8)], light(colour, 0.4))


def draw_balloon(pen: Pen, colour: RGB) -> None:
    """A toy balloon whose knot is at the origin."""
    pen.polygon([(-2, 1.5), (2, 1.5), (0, -2)], dark(colour, 0.2))
    pen.ellipse(0, -10, 8, 10, colour)
    pen.ellipse(-2.6, -13, 2, 3, light(colour, 0.6))


def draw_vehicle(pen: Pen, kind: str, colour: RGB) -> None:
    """A car, bus or truck that drives to the right, its wheels on the ground."""
    if kind == "car":
        pen.polygon([(-16, -20), (-9, -32), (11, -32), (20, -20)], colour)
        pen.polygon([(-12, -20), (-7, -29), (0, -29), (0, -20)], GLASS)
        pen.polygon([(3, -20), (3, -29), (10, -29), (16, -20)], GLASS)
        pen.box(-30, -21, 32, -6, colour, 6)
        wheels = (-18, 19)
    elif kind == "bus":
        pen.box(-40, -46, 40, -6, colour, 6)
        for x in (-35, -20, -5, 10):
            pen.box(x, -40, x + 12, -26, GLASS, 2)
        pen.box(26, -40, 40, -24, GLASS, 2)
        pen.box(-40, -20, 40, -17, light(colour, 0.5))
        wheels = (-24, 24)
    else:
        pen.box(-42, -44, 14, -8, colour, 2)
        for x in (-28, -14, 0):
            pen.box(x, -41, x + 1, -11, dark(colour, 0.2))
        pen.box(15, -33, 40, -8, dark(colour, 0.28), 4)
        pen.box(26, -29, 39, -19, GLASS, 2)
        wheels = (-28, -12, 28)
    for x in wheels:
        pen.disc(x, -6, 7, INK)
        pen.disc(x, -6, 3, (206, 210, 216))
    pen.box(28 if kind == "car" else 37, -16, 33 if kind == "car" else 41, -11, (255, 238, 160), 1)


def draw_sailboat(pen: Pen, colour: RGB) -> None:
    """A sailing boat on the water, its waterline below the origin."""
    pen.line([(0, -6), (0, -52)], dark(WOOD, 0.3), 1.8)
    pen.polygon([(2, -52), (2, -11), (25, -11)], colour)
    pen.polygon([(-2, -46), (-2, -11), (-16, -11)], light(colour, 0.3))
    pen.polygon([(-22, -8), (26, -8), (18, 3), (-15, 3)], (136, 84, 56))
    pen.line([(-22, -8), (26, -8)], (244, 236, 220), 2)


def draw_fruit(pen: Pen, kind: str, colour: RGB) -> None:
    """An apple, pear, orange or lemon that lies on the origin."""
    if kind == "lemon":
        pen.ellipse(0, -7, 10, 7, colour)
        pen.disc(10, -7, 2, colour)
        pen.disc(-10, -7, 2, colour)
    elif kind == "pear":
        pen.disc(0, -8, 8.4, colour)
        pen.polygon([(-7, -12), (-3, -22), (3, -22), (7, -12)], colour)
        pen.disc(0, -21, 3.4, colour)
    elif kind == "apple":
        pen.disc(-2.6, -8.4, 7.6, colour)
        pen.disc(2.6, -8.4, 7.6, colour)
    else:
        pen.disc(0, -8.6, 9, colour)
        pen.disc(3, -15, 0.9, dark(colour, 0.35))
    pen.ellipse(-3.4, -11, 1.6, 2.4, light(colour, 0.5))
    if kind != "lemon":
        top = -24 if kind == "pear" else -16
        pen.line([(0, top), (1, top - 4)], dark(WOOD, 0.4), 1.4)
        pen.ellipse(4, top - 3, 3.4, 1.6, (84, 160, 84))


def draw_flower(pen: Pen, kind: str, colour: RGB, stem: float) -> None:
    """A tulip, daisy or rose whose stem of ``stem`` units starts at the origin."""
    pen.line([(0, 0), (0, -stem)], (78, 144, 78), 1.8)
    pen.ellipse(4, -stem * 0.42, 5, 2, (88, 158, 88))
    if kind == "tulip":
        head = pen.at(0, -stem)
        head.polygon([(-7, -8), (-3, -3), (0, -9), (3, -3), (7, -8), (6.6, 0), (-6.6, 0)], colour)
        head.pie(0, -1, 6.8, 6.4, 0, 180, colour)
    elif kind == "daisy":
        for x, y in ((6, 0), (3, 5.2), (-3, 5.2), (-6, 0), (-3, -5.2), (3, -5.2)):
            pen.disc(x, -stem + y, 3.5, colour)
        pen.disc(0, -stem, 3.4, (250, 204, 70) if colour[2] > 120 or colour[1] < 160 else (150, 92, 52))
    else:
        pen.disc(0, -stem, 7.4, colour)
        pen.ring(0, -stem, 5, dark(colour, 0.25), 1.2)
        pen.ring(0.8, -stem, 2.4, dark(colour, 0.25), 1.2)


def draw_hot_air_balloon(pen: Pen, colour: RGB) -> None:
    """A hot-air balloon whose basket hangs below the origin."""
    for x in (-1, 1):
        pen.line([(x * 12, -13), (x * 3.6, 0)], INK, 0.9)
    pen.polygon([(-18, -20), (18, -20), (5, -6), (-5, -6)], colour)
    pen.disc(0, -28, 20, colour)
    pen.ellipse(0, -28, 8, 20, light(colour, 0.45))
    pen.polygon([(-7.4, -20), (7.4, -20), (2.4, -6), (-2.4, -6)], light(colour, 0.45))
    pen.box(-5, 0, 5, 7, WOOD, 1)


def draw_plane(pen: Pen, colour: RGB) -> None:
    """A plane around the origin that flies to the right."""
    pen.polygon([(-27, -17), (-20, -17), (-12, -2), (-24, -2)], dark(colour, 0.2))
    pen.polygon([(-2, -3), (6, -3), (-6, -17), (-12, -17)], dark(colour, 0.35))
    pen.box(-28, -6, 26, 6, colour, 6)
    pen.polygon([(-4, 2), (8, 2), (-8, 18), (-15, 18)], dark(colour, 0.2))
    for x in range(-14, 16, 6):
        pen.disc(x, -1.4, 1.5, GLASS)
    pen.pie(19, -1, 6, 5, 270, 360, GLASS)
