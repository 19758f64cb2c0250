"""Draws a scene: the place, then who and what is in it, then the weather."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from influencespace.pairs.demo import animals, things
from influencespace.pairs.demo.canvas import SIZE, Canvas, Pen
from influencespace.pairs.demo.palette import COLOURS, INK, METAL, WOOD, dark, light
from influencespace.pairs.demo.people import CHILD_SIZE, SEATED, STANDING, WALKING, Pose, draw_person
from influencespace.pairs.demo.places import GROUND, draw_place, draw_weather
from influencespace.pairs.demo.scenes import Scene


def draw(scene: Scene, shift: tuple[int, int] = (0, 0), brightness: float = 1.0) -> Image.Image:
    """A scene as an RGB image, ``(128, 128)``.

    ``shift`` moves the view by at most 4 pixels and ``brightness`` lights it (1: as it is): the same scene photographed
    again.
    """
    canvas, rng = Canvas(), np.random.default_rng(scene.layout)
    draw_place(canvas, scene, rng)
    TOPICS[scene.topic](canvas, scene, rng)
    draw_weather(canvas, scene.sky, rng)
    image = canvas.cut(shift)
    if scene.mirrored:
        image = ImageOps.mirror(image)
    return image if brightness == 1.0 else ImageEnhance.Brightness(image).enhance(brightness)


def _stand(canvas: Canvas, scene: Scene, x: float, rng: np.random.Generator) -> Pen:
    """A pen at the feet of the scene's person, as large as they are."""
    size = rng.uniform(1.14, 1.28) * (CHILD_SIZE if scene.person.kind == "child" else 1.0)
    return canvas.at(x + rng.uniform(-7, 7), GROUND + rng.uniform(-1, 5), size)


def _shadow(pen: Pen, half: float) -> None:
    pen.ellipse(0, 0.6, half, 2.4, (96, 100, 104))


def _cycling(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 62, rng)
    _shadow(pen, 24)
    things.draw_bike(pen, COLOURS[scene.colour])
    pose = Pose(hip=(-5, -30), neck=(1, -48), knees=((6, -24), (5, -18)), feet=((-2, -14), (3, -5)), seated=True)
    draw_person(pen, scene.person, pose, ((15, -34), (13, -33)))


def _dog_walking(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 44, rng)
    _shadow(pen, 12)
    hand = (12, -29)
    for i in range(scene.count):
        dog = pen.at(28 + 17 * i, 2 + 4 * (i % 2), 1.0)
        pen.line([hand, (38 + 17 * i, -12 + 4 * (i % 2))], INK, 0.8)
        animals.draw_dog(dog, COLOURS[scene.colour])
    draw_person(pen, scene.person, WALKING, ((8, -29), hand))


def _ball_games(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 52, rng)
    _shadow(pen, 12)
    if scene.person.wheelchair:
        draw_person(pen, scene.person, STANDING, ((15, -34), (12, -29)))
        things.draw_ball(pen.at(18, -33), COLOURS[scene.colour])
    else:
        kick = Pose(hip=(0, -25), neck=(-3, -43), knees=((-2, -13), (9, -16)), feet=((-4, -1), (16, -7)))
        draw_person(pen, scene.person, kick, ((8, -34), (-14, -34)))
        things.draw_ball(pen.at(26 + rng.uniform(0, 8), -8 - rng.uniform(0, 10)), COLOURS[scene.colour], r=7.5)


def _kite_flying(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 40, rng)
    _shadow(pen, 12)
    x, y = rng.uniform(34, 46), -rng.uniform(56, 66)
    pen.line([(16, -48), (x * 0.6, y * 0.82), (x, y + 6)], (250, 250, 250), 0.8)
    draw_person(pen, scene.person, STANDING, ((17, -46), (15, -48)))
    things.draw_kite(pen.at(x, y, 1.1), COLOURS[scene.colour])


def _umbrellas(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 60, rng)
    _shadow(pen, 12)
    draw_person(pen, scene.person, WALKING, ((13, -35), (-6, -26)))
    things.draw_umbrella(pen.at(13, -35), COLOURS[scene.colour])


def _skiing(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 58, rng)
    _shadow(pen, 18)
    things.draw_skis(pen, COLOURS[scene.colour])
    pen.line([(14, -28), (4, 0)], METAL, 1.4)
    crouched = Pose(hip=(-5, -21), neck=(3, -38), knees=((6, -15), (7, -13)), feet=((0, -2), (2, 1)))
    draw_person(pen, scene.person, crouched, ((16, -29), (13, -27)))
    pen.line([(12, -27), (-6, 2)], INK, 1.4)


def _cooking(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    # A child stands on a stool behind the hob, so that it is seen.
    low = 4 if scene.person.kind == "child" else 16
    x, size = 46 + rng.uniform(-8, 6), 1.3 * (CHILD_SIZE if scene.person.kind == "child" else 1.0)
    if scene.person.wheelchair:
        # Before the counter, not behind it: the wheelchair is to be seen.
        _counter(canvas, 74)
        things.draw_pot(canvas.at(x + 42, 74), COLOURS[scene.colour], scene.thing == "pan")
        pen = canvas.at(x, 118, size)
    else:
        pen = canvas.at(x, GROUND + low, size)
    draw_person(pen, scene.person, STANDING, ((19, -36), (17, -34)))
    pen.line([(18, -35), (30, -33)], WOOD, 1.6)
    if not scene.person.wheelchair:
        _counter(canvas, 88)
        things.draw_pot(canvas.at(x + 40, 88, 1.2), COLOURS[scene.colour], scene.thing == "pan")


def _counter(canvas: Canvas, y: float) -> None:
    canvas.box(-4, y, SIZE + 4, SIZE + 4, (176, 196, 196))
    canvas.box(-4, y, SIZE + 4, y + 4, (96, 84, 84))
    for x in (6, 38, 100):
        canvas.box(x, y + 9, x + 24, SIZE + 4, (200, 216, 214), 2)
        canvas.line([(x + 9, y + 14), (x + 15, y + 14)], METAL, 1.4)
    canvas.box(68, y + 8, 94, SIZE + 4, (70, 74, 84), 2)
    canvas.box(71, y + 16, 91, y + 34, (236, 160, 84), 2)


def _reading(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 58, rng)
    if not scene.person.wheelchair:
        seat = pen.at(0, 2)
        if scene.place == "living room":
            cloth = ((86, 124, 150), (186, 120, 96), (118, 140, 104))[int(rng.integers(3))]
            seat.box(-26, -36, 28, -6, dark(cloth, 0.12), 6)
            seat.box(-22, -17, 24, -4, light(cloth, 0.1), 4)
            seat.box(-31, -24, -21, 0, cloth, 4)
            seat.box(22, -24, 32, 0, cloth, 4)
        else:
            for x in (-24, 22):
                seat.line([(x, 0), (x, -30)], INK, 2.4)
            for y in (-15, -22, -29):
                seat.line([(-27, y), (26, y)], WOOD, 4)
    draw_person(pen, scene.person, SEATED, ((16, -33), (12, -30)))
    things.draw_book(pen.at(16, -34), COLOURS[scene.colour], scene.thing == "newspaper")


def _guitar(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 58, rng)
    _shadow(pen, 12)
    draw_person(pen, scene.person, STANDING, ((16, -38), (-3, -28)))
    things.draw_guitar(pen.at(1, -29, 1.15), COLOURS[scene.colour])
    if scene.place == "stage":
        pen.line([(25, 0), (22, -44)], INK, 1.4)
        pen.disc(21, -46, 2.6, METAL)


def _skateboarding(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    # Some are in mid-air.
    pen = _stand(canvas, scene, 62, rng)
    _shadow(pen, 16)
    pen = pen.at(0, -rng.uniform(8, 14) if rng.random() < 0.4 else 0)
    things.draw_skateboard(pen, COLOURS[scene.colour])
    bent = Pose(hip=(-2, -25), neck=(2, -43), knees=((-3, -15), (9, -18)), feet=((-9, -8), (9, -8)))
    draw_person(pen, scene.person, bent, ((19, -40), (-17, -37)))


def _rowing(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 60, rng).at(0, -3)
    pose = replace(SEATED, hip=(-6, -12), neck=(-6, -31), knees=((6, -17), (7, -16)), feet=((12, -10), (14, -10)))
    draw_person(pen, scene.person, pose, ((12, -26), (10, -24)))
    things.draw_boat(pen, COLOURS[scene.colour])
    pen.line([(4, -27), (11, -24), (30, 5)], WOOD, 2)
    pen.line([(29, 3), (34, 10)], WOOD, 4.4)


def _balloons(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = _stand(canvas, scene, 52, rng)
    _shadow(pen, 12)
    hand = (11, -40)
    spots = ((17, -60), (31, -55), (3, -65), (23, -71), (38, -67))
    for x, y in spots[: scene.count]:
        pen.line([hand, (x, y)], (250, 250, 250), 0.7)
    draw_person(pen, scene.person, STANDING, ((10, -38), hand))
    for x, y in reversed(spots[: scene.count]):
        things.draw_balloon(pen.at(x, y), COLOURS[scene.colour])


def _row(canvas: Canvas, count: int, y: float, width: float, size: float, rng: np.random.Generator) -> list[Pen]:
    """Pens for ``count`` like things of about ``width`` units, side by side over the ground at ``y``, in any order."""
    size *= min(1.0, 114 / (width * size * count))
    step = width * size
    start = 64 - step * (count - 1) / 2 + rng.uniform(-6, 6)
    pens = [canvas.at(start + i * step, y + rng.uniform(-4, 4), size * rng.uniform(0.94, 1.06)) for i in range(count)]
    return [pens[i] for i in rng.permutation(count)]


def _cats(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    y = GROUND + 2
    if scene.place == "kitchen":
        _counter(canvas, 92)
        y = 94
    for pen in _row(canvas, scene.count, y, 38, 1.6 if scene.count == 1 else 1.35, rng):
        pen.ellipse(0, 1, 14, 2.6, dark(WOOD, 0.35))
        animals.draw_cat(pen, COLOURS[scene.colour])


def _ducks(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    for pen in _row(canvas, scene.count, GROUND - 4, 30, 1.9, rng):
        animals.draw_duck(pen, COLOURS[scene.colour])


def _farm_animals(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    drawn = {"sheep": animals.draw_sheep, "cow": animals.draw_cow, "horse": animals.draw_horse}[scene.thing]
    for pen in _row(canvas, scene.count, GROUND - 1, 46, 1.5, rng):
        pen.ellipse(0, 0.4, 16, 2.2, (98, 140, 74))
        drawn(pen, COLOURS[scene.colour])


def _traffic(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    pen = canvas.at(64 + rng.uniform(-9, 9), GROUND + rng.uniform(0, 6), rng.uniform(1.15, 1.35))
    pen.ellipse(0, 0.6, 38, 2.6, (84, 88, 96))
    things.draw_vehicle(pen, scene.thing, COLOURS[scene.colour])


def _sailing(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    for pen in _row(canvas, scene.count, 106, 48, 1.45, rng):
        things.draw_sailboat(pen, COLOURS[scene.colour])


def _fruit(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    canvas.box(-4, 96, SIZE + 4, SIZE + 4, (186, 130, 86))
    canvas.box(-4, 96, SIZE + 4, 99, (214, 160, 112))
    plate = 13 + 9.5 * scene.count
    canvas.ellipse(64, 108, plate + 6, 9, (206, 214, 222))
    canvas.ellipse(64, 107, plate + 3, 7.4, (250, 250, 248))
    for pen in _row(canvas, scene.count, 107, 19, 1.35, rng):
        things.draw_fruit(pen, scene.thing, COLOURS[scene.colour])


def _flowers(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    colour = COLOURS[scene.colour]
    if scene.place == "garden":
        for pen in _row(canvas, scene.count, 117, 22, 1.5, rng):
            things.draw_flower(pen, scene.thing, colour, stem=rng.uniform(24, 32))
        return
    canvas.box(14, 102, 114, 108, (150, 100, 66), 2)
    for x in (22, 103):
        canvas.box(x, 108, x + 4, SIZE + 4, (130, 84, 56))
    for i in range(scene.count):
        lean = i - (scene.count - 1) / 2
        things.draw_flower(canvas.at(64 + lean * 18, 84, 1.3), scene.thing, colour, stem=26 - 4 * abs(lean))
        canvas.line([(64 + lean * 18, 86), (64 + lean * 3, 94)], (78, 144, 78), 2.2)
    vase = (((92, 150, 176), (226, 226, 216), (206, 140, 108)))[int(rng.integers(3))]
    canvas.polygon([(50, 84), (78, 84), (73, 103), (55, 103)], vase)
    canvas.polygon([(53, 86), (59, 86), (60, 101), (57, 101)], light(vase, 0.4))


def _flying(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    drawn = things.draw_plane if scene.thing == "plane" else things.draw_hot_air_balloon
    middle = 40 if scene.thing == "plane" else 64
    for pen in _row(canvas, scene.count, middle, 50, 1.2, rng):
        drawn(pen.at(0, rng.uniform(-8, 8)), COLOURS[scene.colour])


TOPICS: dict[str, Callable[[Canvas, Scene, np.random.Generator], None]] = {
    "cycling": _cycling, "dog walking": _dog_walking, "ball games": _ball_games, "kite flying": _kite_flying,
    "umbrellas": _umbrellas, "skiing": _skiing, "cooking": _cooking, "reading": _reading, "guitar": _guitar,
    "skateboarding": _skateboarding, "rowing": _rowing, "balloons": _balloons, "cats": _cats, "ducks": _ducks,
    "farm animals": _farm_animals, "traffic": _traffic, "sailing": _sailing, "fruit": _fruit, "flowers": _flowers,
    "flying": _flying,
}
