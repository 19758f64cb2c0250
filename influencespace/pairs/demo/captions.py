"""Captions of demo scenes: the same scene can be worded in many ways, and says more or less of what is seen.

Every caption names the person (if any) and the things; colours, clothes, place, weather and what stands aside come and
go, as in captions that people write.
"""

from __future__ import annotations

import numpy as np

from influencespace.pairs.demo.scenes import Person, Scene, pick

NOUNS: dict[str, tuple[str, ...]] = {
    "bike": ("bike", "bicycle"), "dog": ("dog",), "ball": ("ball",), "kite": ("kite",), "umbrella": ("umbrella",),
    "skis": ("skis",), "pot": ("pot",), "pan": ("pan", "frying pan"), "book": ("book",), "newspaper": ("newspaper",),
    "guitar": ("guitar",), "skateboard": ("skateboard",), "boat": ("boat", "rowing boat"), "balloon": ("balloon",),
    "cat": ("cat",), "duck": ("duck",), "sheep": ("sheep",), "cow": ("cow",), "horse": ("horse",), "car": ("car",),
    "bus": ("bus",), "truck": ("truck", "lorry"), "sailboat": ("sailboat", "sailing boat"), "apple": ("apple",),
    "pear": ("pear",), "orange": ("orange",), "lemon": ("lemon",), "tulip": ("tulip",), "daisy": ("daisy",),
    "rose": ("rose",), "hot-air balloon": ("hot-air balloon",), "plane": ("plane", "airplane"),
}
"""What a thing may be called."""

PEOPLE = {
    "woman": ("woman", "woman", "lady"), "man": ("man", "man", "guy"), "girl": ("girl", "little girl", "child"),
    "boy": ("boy", "little boy", "child"),
}

ACTIVITIES: dict[str, tuple[tuple[str, str], ...]] = {
    "cycling": (("riding", "rides"), ("cycling on", "cycles on"), ("on", "is out on")),
    "dog walking": (("walking", "walks"), ("out with", "goes out with"), ("taking a walk with", "takes a walk with")),
    "ball games": (("playing with", "plays with"), ("having fun with", "has fun with")),
    "kite flying": (("flying", "flies"), ("playing with", "plays with"), ("holding the string of", "lets up")),
    "umbrellas": (("holding", "holds"), ("under", "walks under"), ("carrying", "carries"), ("with", "shelters under")),
    "skiing": (("skiing on", "skis on"), ("going downhill on", "goes downhill on"), ("on", "races on")),
    "cooking": (("cooking with", "cooks with"), ("stirring", "stirs"), ("making dinner in", "makes dinner in")),
    "reading": (("reading", "reads"), ("looking at", "looks at"), ("sitting with", "sits with")),
    "guitar": (("playing", "plays"), ("making music on", "makes music on"), ("holding", "holds")),
    "skateboarding": (("riding", "rides"), ("on", "stands on"), ("doing tricks on", "does tricks on")),
    "rowing": (("rowing", "rows"), ("in", "is out in"), ("paddling", "paddles")),
    "balloons": (("holding", "holds"), ("with", "has"), ("carrying", "carries")),
}
"""What a person does with the things: after a noun, and as a verb."""

STATES: dict[str, tuple[str, ...]] = {
    "cats": ("sitting", "looking at the camera", "waiting"), "ducks": ("swimming", "floating"),
    "farm animals": ("standing", "grazing"), "traffic": ("driving", "parked"), "sailing": ("sailing", "gliding along"),
    "fruit": ("on a plate", "lying on a plate", "on a white plate"), "flowers": ("in bloom", "blooming"),
    "flying": ("in the sky", "flying", "up in the air"),
}
"""What things are doing where no person is."""

WHERE: dict[str, tuple[str, ...]] = {
    "street": ("on the street", "in the city", "in town", "on a city street"),
    "park": ("in the park", "in a green park"),
    "beach": ("on the beach", "at the beach", "by the sea"),
    "snow": ("in the snow", "in the mountains", "in snowy mountains"),
    "meadow": ("in a meadow", "in a field", "in the countryside"),
    "garden": ("in the garden", "in a garden"),
    "lake": ("on a lake", "on the lake"),
    "sea": ("on the sea", "on the ocean", "at sea"),
    "kitchen": ("in the kitchen", "in a kitchen"),
    "living room": ("in the living room", "at home"),
    "stage": ("on stage", "at a concert", "on a stage"),
}
WHERE_FLYING = {"sea": ("over the sea", "above the ocean"), "meadow": ("over a meadow", "above green fields"),
                "snow": ("over the mountains", "above the snow")}

WEATHER: dict[str, tuple[str, ...]] = {
    "sunny": ("on a sunny day", "in the sunshine", "under a blue sky"),
    "cloudy": ("on a cloudy day", "under a grey sky"),
    "sunset": ("at sunset", "in the evening light"),
    "night": ("at night", "under the moon", "after dark"),
    "rain": ("in the rain", "on a rainy day"),
    "snowfall": ("in falling snow", "while it snows"),
    "inside": (),
}

COUNTS = {2: ("two", "a pair of"), 3: ("three",), 4: ("four",), 5: ("five",)}
OPENERS = ("a photo of ", "a picture of ", "view of ", "illustration of ")


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One wording of a scene."""
    sentence = rng.random() < 0.35
    what = _things(scene, rng)
    if scene.person is None:
        state = pick(rng, STATES[scene.topic])
        main = f"{what} {'is' if scene.count == 1 else 'are'} {state}" if sentence else f"{what} {state}"
    else:
        doing, does = pick(rng, ACTIVITIES[scene.topic])
        main = f"{_who(scene.person, rng)} {does if sentence else doing} {what}"
    rest = _circumstances(scene, rng)
    if rest and sentence and rng.random() < 0.2:
        text = f"{rest[0]}, {' '.join([main, *rest[1:]])}"
    else:
        text = " ".join([main, *rest])
    if not sentence and rng.random() < 0.2:
        text = pick(rng, OPENERS) + text
    if rng.random() < 0.6:
        text = text[0].upper() + text[1:]
    return text + "." if sentence and rng.random() < 0.7 else text


def _who(person: Person, rng: np.random.Generator) -> str:
    look = ("girl" if person.girl else "boy") if person.kind == "child" else person.kind
    parts = [f"a {pick(rng, PEOPLE[look])}"]
    if person.wheelchair and rng.random() < 0.9:
        parts.append(pick(rng, ("in a wheelchair", "using a wheelchair")))
    worn = []
    if rng.random() < 0.6:
        worn.append(_article(f"{person.top} {'dress' if person.dress else pick(rng, ('shirt', 'top', 'sweater'))}"))
    if person.hat is not None and rng.random() < 0.6:
        worn.append(_article(f"{person.hat} {pick(rng, ('hat', 'cap'))}"))
    if worn:
        parts.append(pick(rng, ("wearing", "in")) + " " + " and ".join(worn))
    return " ".join(parts)


def _things(scene: Scene, rng: np.random.Generator) -> str:
    noun = pick(rng, NOUNS[scene.thing])
    # Oranges are orange; everything else is called by its colour, mostly.
    coloured = scene.thing != "orange" and rng.random() < 0.85
    name = f"{scene.colour} {noun}" if coloured else noun
    if scene.thing == "skis":
        return name
    if scene.count == 1:
        return _article(name)
    return f"{pick(rng, COUNTS[scene.count])} {_plural(name)}"


def _circumstances(scene: Scene, rng: np.random.Generator) -> list[str]:
    """Place, what stands aside and weather, each of them said or left out."""
    said = []
    where = WHERE_FLYING[scene.place] if scene.topic == "flying" else WHERE[scene.place]
    if rng.random() < 0.8:
        said.append(pick(rng, where))
    if scene.extra is not None and rng.random() < 0.6:
        said.append(f"{pick(rng, ('next to', 'near', 'beside'))} {_article(scene.extra)}")
    if WEATHER[scene.sky] and rng.random() < 0.55:
        said.append(pick(rng, WEATHER[scene.sky]))
    return said


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _plural(name: str) -> str:
    if name.endswith("sheep"):
        return name
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith("s") else "s")
