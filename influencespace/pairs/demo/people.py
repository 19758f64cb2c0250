"""Drawn people: a pose of joints, dressed; and the wheelchair some of them use."""

from __future__ import annotations

from dataclasses import dataclass, replace

from influencespace.pairs.demo.canvas import Pen, Point
from influencespace.pairs.demo.palette import COLOURS, HAIRS, INK, METAL, RGB, SKINS, dark, light
from influencespace.pairs.demo.scenes import Person

CHILD_SIZE = 0.84
"""How tall a child is beside an adult of about 60 units."""

CHAIR_SEAT: RGB = (52, 84, 132)


@dataclass(frozen=True)
class Pose:
    """Where the joints are, in units from the ground below the person, who looks to the right.

    Two of each limb: the far one first, as it is drawn first.
    """

    hip: Point = (0, -25)
    neck: Point = (0, -43)
    knees: tuple[Point, Point] = ((1.5, -13), (3, -13))
    feet: tuple[Point, Point] = ((-3, -1), (4, -1))
    hands: tuple[Point, Point] = ((6, -27), (-6, -26))
    seated: bool = False


STANDING = Pose()
WALKING = Pose(knees=((-3, -13), (6, -14)), feet=((-9, -2), (9, -1)))
SEATED = Pose(hip=(-1, -18), neck=(-2, -37), knees=((11, -18), (12, -17)), feet=((11, -1), (13, -1)), seated=True)
IN_WHEELCHAIR = Pose(
    hip=(-3, -22), neck=(-3, -41), knees=((10, -22), (11, -21)), feet=((13, -6), (15, -6)), seated=True,
)


def draw_person(pen: Pen, person: Person, pose: Pose, hands: tuple[Point, Point] | None = None) -> None:
    """Draws a person, in the wheelchair when they use one (their legs then rest on it, whatever the pose).

    ``hands`` replaces the hands of the pose: it is what an activity is mostly seen by.
    """
    if person.wheelchair:
        pose = replace(IN_WHEELCHAIR, hands=pose.hands)
        _wheelchair_behind(pen)
    if hands is not None:
        pose = replace(pose, hands=hands)
    skin, top, bottom = SKINS[person.skin], COLOURS[person.top], COLOURS[person.bottom]
    _arm(pen, pose, 0, dark(top, 0.25), skin)
    for side, shade in ((0, 0.25), (1, 0.0)):
        _leg(pen, pose, side, dark(skin if person.dress else bottom, shade), bare=person.dress)
    if person.dress:
        _skirt(pen, pose, top)
    pen.line([(pose.neck[0], pose.neck[1] + 5), pose.hip], top, 11.5)
    pen.box(pose.neck[0] - 2, pose.neck[1] - 3, pose.neck[0] + 2, pose.neck[1] + 2, dark(skin, 0.12), 1)
    _head(pen.at(pose.neck[0] + 0.5, pose.neck[1] - 9, 1.2 if person.kind == "child" else 1.0), person, skin)
    _arm(pen, pose, 1, light(top, 0.12), skin)
    if person.wheelchair:
        _wheelchair_in_front(pen)


def _arm(pen: Pen, pose: Pose, side: int, sleeve: RGB, skin: RGB) -> None:
    shoulder = (pose.neck[0] + (2.5 if side == 0 else -2.5), pose.neck[1] + 4)
    hand = pose.hands[side]
    elbow = ((shoulder[0] + hand[0]) / 2 - 1.5, (shoulder[1] + hand[1]) / 2 + 2.5)
    pen.line([shoulder, elbow, hand], sleeve, 4.2)
    pen.disc(*hand, 2.5, skin)


def _leg(pen: Pen, pose: Pose, side: int, cloth: RGB, bare: bool) -> None:
    knee, foot = pose.knees[side], pose.feet[side]
    start = (pose.hip[0] + (1.5 if side == 0 else -1.5), pose.hip[1])
    pen.line([start, knee, foot], cloth, 4.2 if bare else 5.4)
    pen.ellipse(foot[0] + 1.5, foot[1] - 0.6, 3.8, 2.0, INK)


def _skirt(pen: Pen, pose: Pose, cloth: RGB) -> None:
    x, y = pose.hip
    if pose.seated:
        knee = pose.knees[1]
        pen.line([(x, y), knee], cloth, 9)
        pen.polygon([(knee[0] - 5, knee[1]), (knee[0] + 4, knee[1]), (knee[0] + 5, knee[1] + 7), (x, y + 6)], cloth)
    else:
        pen.polygon([(x - 5, y - 6), (x + 5, y - 6), (x + 9.5, y + 12), (x - 9.5, y + 12)], cloth)


def _head(pen: Pen, person: Person, skin: RGB) -> None:
    """A head around the pen's origin, looking a little to the right."""
    hair = HAIRS[person.hair]
    style = person.hair_style
    if style == "long":
        pen.box(-9, -6, 4, 14, hair, 5)
    elif style == "ponytail":
        pen.line([(-7, -3), (-12, 2), (-11, 10)], hair, 5)
    elif style == "bun":
        pen.disc(-4, -10, 4.2, hair)
    elif style == "pigtails":
        pen.disc(-10, 1, 3.8, hair)
        pen.disc(9, 1, 3.8, dark(hair))
    elif style == "bob":
        pen.box(-9, -6, 7, 7, hair, 5)
    elif style == "curly":
        for x, y in ((-7, -3), (-5, -7), (0, -9), (5, -7), (7, -3)):
            pen.disc(x, y, 4, hair)
    pen.disc(0, 0, 8, skin)
    if style == "beard":
        pen.pie(0.5, 0.5, 8, 8, 15, 165, hair)
        pen.ellipse(2, 1.2, 5, 2.4, skin)
    pen.pie(-0.6, -0.6, 8.6, 8.4, 172, 352, hair)
    pen.polygon([(-8.8, -1), (-3.5, -1), (-7, 5)], hair)
    for x in (1.2, 5.2):
        pen.ellipse(x, 1, 0.9, 1.2, INK)
    if style != "beard":
        pen.line([(1.6, 4.3), (3.2, 4.9), (5, 4.2)], dark(skin, 0.55), 0.8)
    if person.hat is not None:
        cap = COLOURS[person.hat]
        pen.pie(-0.4, -2.2, 8.8, 8.4, 180, 360, cap)
        pen.line([(-8, -2.6), (10.5, -2.6)], dark(cap, 0.2), 2.2)


def _wheelchair_behind(pen: Pen) -> None:
    pen.line([(-11, -42), (-10, -20), (10, -20), (13, -5), (18, -5)], METAL, 2)
    pen.line([(-11, -42), (-16, -43)], INK, 2.6)
    pen.box(-12, -38, -7, -18, CHAIR_SEAT, 2)
    pen.box(-11, -20, 9, -16, CHAIR_SEAT, 1.5)
    pen.ring(13, -4.5, 4.2, INK, 1.8)


def _wheelchair_in_front(pen: Pen) -> None:
    for dx, dy in ((0, 12), (10.4, 6), (10.4, -6)):
        pen.line([(-4 - dx, -13 - dy), (-4 + dx, -13 + dy)], METAL, 0.8)
    pen.ring(-4, -13, 13, INK, 2.4)
    pen.disc(-4, -13, 2.2, METAL)
