"""Drawn places: sky, ground and what always belongs to them, behind everything that happens there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from influencespace.pairs.demo.canvas import SIZE, Canvas
from influencespace.pairs.demo.extras import draw_extra
from influencespace.pairs.demo.palette import METAL, RGB, WOOD, dark, light, mix
from influencespace.pairs.demo.scenes import Scene

GROUND = 112
"""Where the feet of those in front stand, in units from the top."""

LEFT, RIGHT = -4, SIZE + 4

Lit = Callable[[RGB], RGB]
"""How a colour looks in the light of a scene."""

Spot = tuple[float, float]

SKIES: dict[str, tuple[RGB, RGB]] = {
    "sunny": ((96, 172, 232), (206, 234, 248)),
    "cloudy": ((166, 182, 198), (222, 228, 234)),
    "sunset": ((122, 98, 164), (252, 190, 124)),
    "night": ((20, 28, 66), (66, 82, 136)),
    "rain": ((112, 126, 146), (178, 188, 200)),
    "snowfall": ((158, 174, 196), (226, 232, 242)),
}

TINTS: dict[str, tuple[RGB, float]] = {
    "sunny": ((255, 250, 225), 0.04),
    "cloudy": ((150, 160, 172), 0.16),
    "sunset": ((226, 128, 92), 0.24),
    "night": ((22, 30, 72), 0.52),
    "rain": ((92, 108, 130), 0.30),
    "snowfall": ((196, 208, 226), 0.25),
    "inside": ((255, 244, 224), 0.0),
}
"""The light that a sky throws on the ground below it."""


def draw_place(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """Draws the place of a scene and the extra thing that stands there."""
    if scene.sky != "inside":
        _sky(canvas, scene.sky, rng)
    tint, share = TINTS[scene.sky]
    extra_at = PLACES[scene.place](canvas, lambda colour: mix(colour, tint, share), rng)
    if scene.extra is not None:
        draw_extra(canvas, scene.extra, *extra_at, rng)


def draw_weather(canvas: Canvas, sky: str, rng: np.random.Generator) -> None:
    """Draws what falls from the sky, in front of everything."""
    if sky == "rain":
        for x, y in rng.uniform(-4, SIZE, (42, 2)):
            canvas.line([(x, y), (x - 1.6, y + 6)], (214, 226, 240), 0.6)
    elif sky == "snowfall":
        for x, y in rng.uniform(-4, SIZE, (58, 2)):
            canvas.disc(x, y, 1.1, (255, 255, 255))


def _sky(canvas: Canvas, sky: str, rng: np.random.Generator) -> None:
    top, bottom = SKIES[sky]
    canvas.gradient(top, bottom, until=104)
    x = rng.uniform(18, 110)
    if sky == "sunny":
        canvas.disc(x, rng.uniform(14, 22), 8, (255, 226, 120))
    elif sky == "sunset":
        canvas.disc(x, 58, 11, (255, 222, 142))
    elif sky == "night":
        canvas.disc(x, 18, 7, (246, 240, 212))
        canvas.disc(x + 3.4, 16.4, 6, mix(top, bottom, 0.2))
        for star_x, star_y in rng.uniform((0, 0), (SIZE, 52), (16, 2)):
            canvas.disc(star_x, star_y, 0.7, (240, 240, 230))
    clouds = {"sunny": 2, "cloudy": 5, "sunset": 2, "night": 0, "rain": 6, "snowfall": 3}[sky]
    white = mix((255, 255, 255), top, {"sunny": 0.05, "cloudy": 0.3, "rain": 0.55}.get(sky, 0.35))
    for _ in range(clouds):
        cloud = canvas.at(rng.uniform(0, SIZE), rng.uniform(8, 34), rng.uniform(0.7, 1.2))
        for dx, dy, r in ((-8, 1, 5), (-2, -2, 7), (6, 0, 6), (12, 2, 4)):
            cloud.ellipse(dx, dy, r * 1.3, r * 0.8, white)


def _hills(canvas: Canvas, colour: RGB, height: float, rng: np.random.Generator) -> None:
    for x in (rng.uniform(0, 40), rng.uniform(60, 128)):
        canvas.ellipse(x, 92, rng.uniform(44, 66), height, colour)


def _ground(canvas: Canvas, y: float, colour: RGB) -> None:
    canvas.box(LEFT, y, RIGHT, RIGHT, colour)


def _street(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    walls = ((224, 150, 120), (236, 206, 150), (166, 190, 206), (206, 170, 190), (178, 196, 160), (214, 120, 104))
    x = rng.uniform(-24, -8)
    while x < RIGHT:
        width, top = rng.uniform(26, 40), rng.uniform(26, 52)
        wall = lit(walls[int(rng.integers(len(walls)))])
        canvas.box(x, top, x + width - 1, 96, wall)
        canvas.polygon([(x - 2, top), (x + width / 2, top - 10), (x + width + 1, top)], dark(wall, 0.35))
        for row in np.arange(top + 6, 84, 15):
            for column in (0.26, 0.68):
                left = x + column * width - 3
                canvas.box(left, row, left + 7, row + 8, lit((250, 232, 170)) if rng.random() < 0.3 else dark(wall, 0.45))
        x += width
    _ground(canvas, 94, lit((190, 188, 184)))
    _ground(canvas, 103, lit((112, 116, 126)))
    for left in range(-2, SIZE, 26):
        canvas.box(left, 120, left + 14, 121.8, lit((236, 232, 214)))
    return _side(rng), 99


def _park(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    _hills(canvas, lit((112, 172, 118)), 34, rng)
    for x in rng.uniform(0, SIZE, 6):
        canvas.ellipse(x, 84, 11, 10, lit((72, 138, 86)))
    _ground(canvas, 86, lit((134, 192, 108)))
    canvas.ellipse(64, 116, 84, 11, lit((226, 206, 164)))
    return _side(rng), 98


def _beach(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    canvas.box(LEFT, 66, RIGHT, 100, lit((58, 146, 190)))
    canvas.box(LEFT, 82, RIGHT, 100, lit((94, 184, 206)))
    canvas.line([(LEFT, 89), (40, 91), (84, 89), (RIGHT, 91)], lit((240, 250, 250)), 2.6)
    _ground(canvas, 91, lit((244, 220, 168)))
    for x, y in rng.uniform((0, 95), (SIZE, SIZE), (14, 2)):
        canvas.disc(x, y, 0.8, lit((222, 192, 138)))
    return _side(rng), 102


def _snow(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    for _ in range(3):
        x, top, half = rng.uniform(0, SIZE), rng.uniform(24, 46), rng.uniform(36, 52)
        canvas.polygon([(x - half, 94), (x, top), (x + half, 94)], lit((132, 150, 182)))
        canvas.polygon([(x - half * 0.3, top + 21), (x, top), (x + half * 0.3, top + 21), (x, top + 15)], (250, 252, 255))
    for x in rng.uniform(0, SIZE, 7):
        canvas.polygon([(x - 6, 92), (x, 74), (x + 6, 92)], lit((56, 104, 92)))
    canvas.ellipse(rng.uniform(20, 108), 104, 90, 17, lit((232, 240, 250)))
    _ground(canvas, 100, lit((246, 250, 255)))
    return _side(rng), 101


def _meadow(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    _hills(canvas, lit((150, 192, 120)), 30, rng)
    _hills(canvas, lit((128, 180, 104)), 20, rng)
    _ground(canvas, 84, lit((148, 200, 96)))
    for x, y in rng.uniform((0, 92), (SIZE, SIZE), (20, 2)):
        canvas.disc(x, y, 1.0, lit(((250, 236, 130), (250, 250, 250), (240, 150, 170))[int(rng.integers(3))]))
    return _side(rng), 92


def _garden(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    for x in range(LEFT, RIGHT, 9):
        canvas.box(x, 60, x + 7, 92, lit((240, 234, 222)), 2)
    canvas.box(LEFT, 70, RIGHT, 73, lit((216, 208, 194)))
    _ground(canvas, 88, lit((122, 182, 98)))
    canvas.ellipse(64, 118, 92, 15, lit((128, 92, 68)))
    return _side(rng), 92


def _lake(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    _hills(canvas, lit((104, 150, 122)), 38, rng)
    _ground(canvas, 74, lit((126, 178, 106)))
    _water(canvas, 82, lit((82, 162, 192)), rng)
    return _side(rng), 80


def _sea(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    _water(canvas, 66, lit((40, 118, 172)), rng)
    x = _side(rng)
    canvas.ellipse(x, 69, 20, 5, lit((206, 184, 140)))
    canvas.box(x - 22, 69, x + 22, 75, lit((40, 118, 172)))
    return x, 67


def _water(canvas: Canvas, y: float, colour: RGB, rng: np.random.Generator) -> None:
    _ground(canvas, y, colour)
    _ground(canvas, (y + SIZE) / 2, dark(colour, 0.08))
    for left, row in rng.uniform((0, y + 4), (SIZE, SIZE), (22, 2)):
        canvas.line([(left, row), (left + 7, row)], light(colour, 0.32), 0.9)


def _kitchen(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    wall = ((232, 226, 206), (206, 224, 222), (238, 214, 196))[int(rng.integers(3))]
    canvas.gradient(light(wall), wall)
    for x in range(LEFT, RIGHT, 12):
        canvas.box(x, 64, x + 11, 74, light(wall, 0.5))
        canvas.box(x, 75, x + 11, 85, light(wall, 0.5))
    window = rng.uniform(40, 70)
    canvas.box(window, 14, window + 30, 44, (250, 250, 246), 2)
    canvas.box(window + 2, 16, window + 28, 42, (160, 208, 236))
    canvas.box(window + 14, 16, window + 16, 42, (250, 250, 246))
    _ground(canvas, 86, (188, 150, 116))
    return _side(rng), 86


def _living_room(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    wall = ((188, 206, 196), (232, 204, 176), (196, 200, 222), (224, 196, 196))[int(rng.integers(4))]
    canvas.gradient(light(wall), wall)
    canvas.box(LEFT, 90, RIGHT, 93, light(wall, 0.6))
    _ground(canvas, 93, WOOD)
    for y in (102, 113, 124):
        canvas.box(LEFT, y, RIGHT, y + 0.8, dark(WOOD, 0.15))
    rug = ((196, 92, 84), (88, 124, 160), (220, 180, 110), (120, 146, 112))[int(rng.integers(4))]
    canvas.ellipse(64, 113, 52, 9, rug)
    canvas.ellipse(64, 113, 46, 7, light(rug, 0.2))
    return _side(rng), 96


def _stage(canvas: Canvas, lit: Lit, rng: np.random.Generator) -> Spot:
    canvas.gradient((58, 30, 68), (120, 44, 76))
    for x in range(LEFT, RIGHT, 14):
        canvas.box(x, LEFT, x + 6, 96, (134, 40, 62))
    beam = rng.uniform(46, 82)
    canvas.polygon([(beam - 6, LEFT), (beam + 6, LEFT), (96, 108), (32, 108)], (208, 120, 106))
    _ground(canvas, 96, (126, 84, 60))
    canvas.ellipse(64, 112, 46, 9, (226, 186, 130))
    for x in (8, 106):
        canvas.box(x, 82, x + 14, 110, (40, 40, 50), 2)
        canvas.disc(x + 7, 100, 5, METAL)
        canvas.disc(x + 7, 89, 3, METAL)
    return 0, 0


def _side(rng: np.random.Generator) -> float:
    """Left or right of the middle, where an extra does not hide behind what happens."""
    return float(rng.uniform(12, 22) if rng.random() < 0.5 else rng.uniform(106, 116))


PLACES: dict[str, Callable[[Canvas, Lit, np.random.Generator], Spot]] = {
    "street": _street, "park": _park, "beach": _beach, "snow": _snow, "meadow": _meadow, "garden": _garden,
    "lake": _lake, "sea": _sea, "kitchen": _kitchen, "living room": _living_room, "stage": _stage,
}
"""Each draws a place in its light and says where an extra may stand."""
