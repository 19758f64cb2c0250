"""Damage planted in the demo's training pairs, of the kinds that pairs from the web have, and the truth about it.

Mismatched captions sit in a few topics and, everywhere else, mostly with one group; boilerplate stands where a caption
should be; bursts show one scene again and again; some images are blurred. What was planted is exact: shares are of all
pairs and are rounded to whole pairs, and every pair has at most one kind of damage.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from influencespace.pairs.demo.captions import caption
from influencespace.pairs.demo.scenes import TOPICS, Scene, sample_scene

DAMAGES = ("none", "mismatch", "boilerplate", "near_duplicate", "blurred")
HARMFUL = ("mismatch", "boilerplate")
"""The damages that teach a model something wrong."""

PLANTING = 101
"""Keeps the random numbers of the planting apart from those of the scenes."""


@dataclass(frozen=True)
class Faults:
    """How much of which damage is planted."""

    mismatched_topics: dict[str, float] = field(
        default_factory=lambda: {"farm animals": 1.0, "skateboarding": 0.7, "fruit": 0.7, "traffic": 0.4}
    )
    """Share of each topic's pairs whose caption is of another topic."""
    wronged: str = "woman"
    """The person group that gets most mismatched captions in all other topics."""
    wronged_rate: float = 0.3
    """Share of that group's pairs, in the other topics, with a mismatched caption."""
    boilerplate: float = 0.045
    near_duplicate: float = 0.05
    blurred: float = 0.04


@dataclass(frozen=True)
class Planted:
    """What was planted, aligned with the pairs: ``damage[i]`` is one of :data:`DAMAGES`.

    ``original[i]`` is the pair that a near-duplicate repeats, and ``i`` itself for all others.
    """

    damage: list[str]
    original: list[int]


def plant(scenes: list[Scene], seed: int, faults: Faults) -> Planted:
    """Decides by lot which pairs are damaged, and how."""
    rng = np.random.default_rng([seed, PLANTING])
    count = len(scenes)
    damage, original = ["none"] * count, list(range(count))

    def strike(among: list[int], number: int, kind: str) -> list[int]:
        whole = [i for i in among if damage[i] == "none"]
        struck = [whole[k] for k in rng.permutation(len(whole))[:number]]
        for i in struck:
            damage[i] = kind
        return struck

    for topic, rate in faults.mismatched_topics.items():
        among = [i for i, scene in enumerate(scenes) if scene.topic == topic]
        strike(among, round(rate * len(among)), "mismatch")
    wronged = [
        i for i, scene in enumerate(scenes)
        if scene.groups["person"] == faults.wronged and scene.topic not in faults.mismatched_topics
    ]
    strike(wronged, round(faults.wronged_rate * len(wronged)), "mismatch")
    # Who uses a wheelchair is seen rarely enough: a burst takes none of these scenes away.
    common = [i for i, scene in enumerate(scenes) if scene.groups["mobility"] != "wheelchair"]
    repeats = strike(common, round(faults.near_duplicate * count), "near_duplicate")
    strike(list(range(count)), round(faults.boilerplate * count), "boilerplate")
    strike(list(range(count)), round(faults.blurred * count), "blurred")
    sources = [i for i in common if damage[i] == "none"]
    for burst in _bursts(repeats, rng):
        source = sources.pop(int(rng.integers(len(sources))))
        for i in burst:
            original[i] = source
    return Planted(damage, original)


def mismatched_caption(scene: Scene, rng: np.random.Generator) -> str:
    """The caption of a scene of another topic that nobody drew."""
    others = [topic for topic in TOPICS if topic != scene.topic]
    return caption(sample_scene(rng, others[int(rng.integers(len(others)))]), rng)


def boilerplate_caption(rng: np.random.Generator) -> str:
    """A text of the kind that stands where nobody wrote a caption."""
    number = int(rng.integers(1000, 10000))
    texts = (
        f"IMG_{number}.jpg", f"DSC0{number}.JPG", f"Screenshot {number}", f"image {number % 97}", f"photo_{number}_large",
        "Image may contain: outdoor", "Image may contain: one or more people", "Image may contain: sky, outdoor",
        "untitled", "Untitled-1", "No photo description available.", "click to enlarge", "thumbnail", "stock photo",
        "Royalty free stock image", "Download wallpaper HD 1920x1080", "logo", "header image", "Photo by admin",
    )
    return texts[int(rng.integers(len(texts)))]


def retouched_caption(text: str, rng: np.random.Generator) -> str:
    """Nearly the same caption, as the pictures of one burst have."""
    turns = (
        text, text.rstrip(".") + ".", text[0].lower() + text[1:], text + f" ({int(rng.integers(2, 9))})",
        text.rstrip(".") + " again", "the same: " + text,
    )
    return turns[int(rng.integers(len(turns)))]


def _bursts(repeats: list[int], rng: np.random.Generator) -> list[list[int]]:
    """The repeats cut into bursts: with its original, most show a scene 5 to 10 times."""
    bursts, start = [], 0
    while start < len(repeats):
        size = int(rng.integers(4, 10))
        bursts.append(repeats[start : start + size])
        start += size
    return bursts
