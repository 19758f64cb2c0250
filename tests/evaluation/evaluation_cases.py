"""Small trained arms made up for the tests of evaluation: photos and captions as noisy copies of one vector each."""

import numpy as np

from influencespace.evaluation.measure import Measured, measure_run
from influencespace.metrics.ranking import NEUTRAL_QUERIES
from influencespace.training.probes import PHRASES, TYPOS, Phrases
from influencespace.training.runs import ArmRun, Embedded

PAIRS = 50
NOISE = {"influence": 0.7, "random": 0.9, "full": 0.85, "start": 1.2}


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def embedded(photos, noise, seed, captions=2, worse=None):
    """``worse`` is a (photos,) bool of those whose captions are three times as noisy."""
    truth = np.random.default_rng(photos).normal(size=(photos, 8))
    rng = np.random.default_rng(seed)
    photo = np.repeat(np.arange(photos), captions)
    scale = noise * np.where(np.zeros(photos, bool) if worse is None else worse, 3, 1)[photo, None]
    image = unit(truth + noise * rng.normal(size=truth.shape))
    return Embedded(image, unit(truth[photo] + scale * rng.normal(size=(len(photo), 8))), photo)


def run(arm, seed, photos=80, noise=None, worse=None, salt=0, asked=True):
    noise = NOISE[arm] if noise is None else noise
    weights = np.ones(PAIRS, dtype=np.float32)
    if arm in ("influence", "random"):
        weights[:10], weights[40:] = 0, 2
    trained = None if arm == "start" else 2.0 + seed
    scoring = 6.0 if arm == "influence" else 0.0
    draw = 1000 * seed + 10 * list(NOISE).index(arm) + salt
    curve = [{"epoch": epoch, "loss": 3.0 - epoch / 2, "recall": 30.0 + epoch, "seconds": epoch * (2.0 + seed) / 2}
             for epoch in (1, 2)]
    test, validation = embedded(photos, noise, draw, worse=worse), embedded(40, noise, draw + 5)
    probes = answers(test, photos, noise, draw) if asked else {}
    if trained is None:
        return ArmRun(arm, seed, weights, test, validation, None, scoring, probes=probes)
    joules = 10 * trained + (5 if arm == "full" else 0)
    return ArmRun(arm, seed, weights, test, validation, trained, scoring, curve, joules, 8, probes)


def phrases(photos):
    """Neutral queries, and three classes of which every fourth photo has none."""
    labels = np.array([("cat", "dog", "horse", "")[i % 4] for i in range(photos)], dtype=object)
    return Phrases(list(NEUTRAL_QUERIES), ["cat", "dog", "horse"], labels)


def answers(test, photos, noise, seed):
    """Queries that lean to photos of even number, prompts near the mean of their class's photos, and noisier splits."""
    rng, of = np.random.default_rng(seed + 7), phrases(photos)
    even = test.image[::2].mean(axis=0) + noise * rng.normal(size=(len(of.queries), 8))
    classes = np.stack([test.image[of.labels == name].mean(axis=0) for name in of.classes]) + 0.1 * rng.normal(size=(3, 8))
    asked = Embedded(test.image, unit(np.concatenate([even, classes])), np.full(len(of.captions), -1))
    blurred = Embedded(unit(test.image + 0.3 * rng.normal(size=test.image.shape)), test.text, test.photo)
    mistyped = Embedded(test.image, unit(test.text + 0.1 * rng.normal(size=test.text.shape)), test.photo)
    return {PHRASES: asked, "blur": blurred, TYPOS: mistyped}


def groups(photos, offset=0):
    """Two attributes: one of which every third photo has an unknown value, and one with a single value."""
    words = np.array([("female", "male", "unknown")[(i + offset) % 3] for i in range(photos)], dtype=object)
    return {"gender_words": words, "place": np.full(photos, "indoors", dtype=object)}


def measured(arms=("influence", "random", "full", "start"), seeds=3, photos=80, *, name="photo", salt=0, worse=None, asked=True):
    runs = [
        measure_run(
            run(arm, seed, photos, worse=worse, salt=salt, asked=asked), groups(photos), groups(40), phrases=phrases(photos)
        )
        for arm in arms for seed in range(1 if arm == "start" else seeds)
    ]
    digests = np.array([f"{name}{i}" for i in range(photos)], dtype=object)
    compared = {"gender_words": ["female", "male"], "place": ["indoors"]}
    missing = {"clip-score": "image and text features are not aligned."}
    unmeasured = {} if asked else {"neutral": "there is no encoder", "zero_shot": "no labels", "robustness": "not asked for"}
    return Measured(runs, digests, groups(photos), compared, missing, phrases(photos), unmeasured)


def arm(results, name):
    """The entry of an arm in a comparison."""
    return next(entry for entry in results["arms"] if entry["arm"] == name)
