"""What a demo scene holds: its topic, place, sky, person and things, drawn by lot before anything is drawn on paper.

Every scene follows from ``(seed, split, index)`` alone, so that a collection is the same on every machine and the splits
never share a scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from influencespace.pairs.demo.palette import BRIGHT, HAIRS, SKINS

Choice = TypeVar("Choice")

KINDS = ("woman", "man", "child")
KIND_SHARES = (0.37, 0.37, 0.26)


@dataclass(frozen=True)
class Person:
    """A drawn person; ``skin`` and ``hair`` index the palette, ``top``, ``bottom`` and ``hat`` name its colours."""

    kind: str
    girl: bool
    skin: int
    hair: int
    hair_style: str
    top: str
    bottom: str
    dress: bool
    hat: str | None
    wheelchair: bool


@dataclass(frozen=True)
class Scene:
    """Everything that is visible in one scene; ``layout`` seeds where the incidental things stand."""

    topic: str
    place: str
    sky: str
    thing: str
    colour: str
    count: int
    person: Person | None
    extra: str | None
    mirrored: bool
    layout: int

    @property
    def groups(self) -> dict[str, str]:
        """The group attributes of the pair: ``person`` and ``mobility``."""
        if self.person is None:
            return {"person": "no_person", "mobility": "no_person"}
        mobility = "wheelchair" if self.person.wheelchair else "no_wheelchair"
        return {"person": self.person.kind, "mobility": mobility}


@dataclass(frozen=True)
class Topic:
    """What the scenes of a topic may hold. ``skies`` is empty where the place decides."""

    things: tuple[str, ...]
    places: tuple[str, ...]
    colours: tuple[str, ...] = BRIGHT
    counts: tuple[int, ...] = (1,)
    skies: tuple[str, ...] = ()
    people: bool = True
    wheelchair: bool = False


TOPICS: dict[str, Topic] = {
    "cycling": Topic(("bike",), ("street", "park", "beach")),
    "dog walking": Topic(
        ("dog",), ("park", "street", "beach", "snow"), ("brown", "black", "white", "grey", "orange"), (1, 1, 2, 3),
        wheelchair=True,
    ),
    "ball games": Topic(("ball",), ("park", "beach", "street"), wheelchair=True),
    "kite flying": Topic(("kite",), ("meadow", "beach", "park"), skies=("sunny", "cloudy", "sunset"), wheelchair=True),
    "umbrellas": Topic(("umbrella",), ("street", "park"), skies=("rain", "rain", "snowfall"), wheelchair=True),
    "skiing": Topic(("skis",), ("snow",)),
    "cooking": Topic(("pot", "pan"), ("kitchen",), wheelchair=True),
    "reading": Topic(("book", "newspaper"), ("living room", "park"), wheelchair=True),
    "guitar": Topic(
        ("guitar",), ("stage", "living room", "park"), ("red", "brown", "black", "white", "blue", "orange"),
        wheelchair=True,
    ),
    "skateboarding": Topic(("skateboard",), ("street", "park")),
    "rowing": Topic(("boat",), ("lake", "sea")),
    "balloons": Topic(("balloon",), ("park", "street", "living room"), counts=(1, 2, 3, 4, 5), wheelchair=True),
    "cats": Topic(
        ("cat",), ("living room", "kitchen"), ("black", "white", "orange", "grey", "brown"), (1, 1, 2), people=False,
    ),
    "ducks": Topic(("duck",), ("lake",), ("white", "yellow", "brown"), (1, 2, 3, 4, 5), people=False),
    "farm animals": Topic(
        ("sheep", "cow", "horse"), ("meadow",), ("white", "black", "brown", "grey"), (1, 2, 3), people=False,
    ),
    "traffic": Topic(("car", "bus", "truck"), ("street", "snow"), people=False),
    "sailing": Topic(("sailboat",), ("sea", "lake"), counts=(1, 2, 3), people=False),
    "fruit": Topic(("apple", "pear", "orange", "lemon"), ("kitchen",), counts=(1, 2, 3, 4, 5), people=False),
    "flowers": Topic(
        ("tulip", "daisy", "rose"), ("living room", "garden"), ("red", "yellow", "pink", "white", "purple", "orange"),
        (1, 2, 3, 4, 5), people=False,
    ),
    "flying": Topic(
        ("hot-air balloon", "plane"), ("meadow", "sea", "snow"), counts=(1, 1, 2, 3), people=False,
        skies=("sunny", "cloudy", "sunset"),
    ),
}


@dataclass(frozen=True)
class Split:
    """A collection of scenes: the number in its seeds, its topics, and how many of its people use a wheelchair."""

    number: int
    wheelchair_share: float
    topics: tuple[str, ...] = tuple(TOPICS)


UNFAMILIAR = ("umbrellas", "rowing", "cats", "flowers")
"""Topics that the packaged encoder has never seen, so that there is something to learn from the pairs."""

SPLITS = {
    "train": Split(0, wheelchair_share=0.03),
    "heldout": Split(1, wheelchair_share=0.10),
    "encoder": Split(2, wheelchair_share=0.03, topics=tuple(name for name in TOPICS if name not in UNFAMILIAR)),
}
"""To curate, to judge by, and to train the packaged encoder on; wheelchairs are rarest where a model learns."""

FRUIT_COLOURS = {
    "apple": ("red", "green", "yellow"), "pear": ("green", "yellow"), "orange": ("orange",), "lemon": ("yellow",),
}

INDOORS = ("kitchen", "living room", "stage")
OUTDOOR_SKIES = ("sunny", "sunny", "cloudy", "sunset", "night", "rain")

EXTRAS: dict[str, tuple[str, ...]] = {
    "street": ("tree", "street lamp", "bench"),
    "park": ("tree", "bench", "fountain"),
    "beach": ("palm tree", "parasol", "lighthouse"),
    "snow": ("pine tree", "snowman", "cabin"),
    "meadow": ("tree", "windmill", "cabin"),
    "garden": ("tree", "bench", "fountain"),
    "lake": ("pine tree", "cabin", "tree"),
    "sea": ("lighthouse", "palm tree"),
    "kitchen": ("clock", "plant", "fridge"),
    "living room": ("plant", "floor lamp", "painting"),
    "stage": (),
}
"""What may stand at the side of a place."""

HAIR_STYLES = {
    "woman": ("long", "long", "bun", "ponytail", "bob"),
    "man": ("short", "short", "beard", "curly"),
    "girl": ("pigtails", "pigtails", "ponytail"),
    "boy": ("short", "curly"),
}


def sample_scenes(name: str, count: int, seed: int) -> list[Scene]:
    """``count`` scenes of the split ``name``.

    Its topics come up equally often. Its share of people who use a wheelchair is rounded to whole scenes, all in topics
    that can be drawn so.
    """
    split = SPLITS[name]
    rng = np.random.default_rng([seed, split.number])
    topics = [split.topics[i % len(split.topics)] for i in rng.permutation(count)]
    people = [i for i, name in enumerate(topics) if TOPICS[name].people]
    able = [i for i in people if TOPICS[topics[i]].wheelchair]
    users = set(rng.permutation(able)[: round(split.wheelchair_share * len(people))].tolist())
    return [sample_scene(np.random.default_rng([seed, split.number, i]), topics[i], i in users) for i in range(count)]


def sample_scene(rng: np.random.Generator, name: str, wheelchair: bool = False) -> Scene:
    """One scene of the topic ``name``; ``wheelchair`` says whether its person, if any, uses one."""
    topic = TOPICS[name]
    thing, place = pick(rng, topic.things), pick(rng, topic.places)
    extras = EXTRAS[place]
    return Scene(
        topic=name,
        place=place,
        sky="inside" if place in INDOORS else pick(rng, topic.skies or _skies(place)),
        thing=thing,
        colour=pick(rng, FRUIT_COLOURS.get(thing, topic.colours)),
        count=pick(rng, topic.counts),
        person=_sample_person(rng, name, wheelchair) if topic.people else None,
        extra=pick(rng, extras) if extras and rng.random() < 0.6 else None,
        mirrored=bool(rng.random() < 0.5),
        layout=int(rng.integers(2**31)),
    )


def _skies(place: str) -> tuple[str, ...]:
    if place == "snow":
        return ("sunny", "cloudy", "sunset", "snowfall", "snowfall")
    return OUTDOOR_SKIES


def _sample_person(rng: np.random.Generator, topic: str, wheelchair: bool) -> Person:
    kind = str(rng.choice(KINDS, p=KIND_SHARES))
    girl = bool(rng.random() < 0.5)
    look = ("girl" if girl else "boy") if kind == "child" else kind
    hair = pick(rng, HAIR_STYLES[look])
    top = pick(rng, BRIGHT)
    dress = look in ("woman", "girl") and topic not in ("skiing", "cycling", "rowing") and bool(rng.random() < 0.5)
    hatted = rng.random() < (0.9 if topic == "skiing" else 0.25)
    return Person(
        kind=kind,
        girl=girl,
        skin=int(rng.integers(len(SKINS))),
        # Grey hair, the last of the palette, is not for children.
        hair=int(rng.integers(len(HAIRS) - (kind == "child"))),
        hair_style=hair,
        top=top,
        bottom=pick(rng, [c for c in ("blue", "black", "brown", "grey", "green") if c != top]),
        dress=dress,
        hat=pick(rng, [c for c in BRIGHT if c != top]) if hatted else None,
        wheelchair=wheelchair,
    )


def pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """One of the choices, all equally likely."""
    return choices[int(rng.integers(len(choices)))]
