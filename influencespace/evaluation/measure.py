"""From trained arms to what evaluation keeps of them: ranks and decisions, but no embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from influencespace.errors import TrainingError
from influencespace.metrics.fairness import Matching, match
from influencespace.metrics.zeroshot import classified
from influencespace.training.probes import PHRASES, Phrases
from influencespace.training.runs import ArmRun, Judged

# The matching whose false pairs come from all other photos, whatever their group.
ANY = ""


@dataclass(frozen=True)
class RunMeasures:
    """One arm trained with one seed, measured on the p photos and m captions of the test split.

    Attributes
    ----------
    arm, seed
        As in :class:`~influencespace.training.runs.ArmRun`.
    image_to_text, text_to_image
        (p,) and (m,) int, rank of the right answer, 0 = first.
    photo
        (m,) int, the photo of each caption.
    matching
        The decisions of image-text matching by attribute, within whose groups false pairs were drawn; under ``""``
        those with false pairs from anywhere.
    pairs, pairs_given
        How many training pairs had a weight above 0, and how many there were. Means of two runs once pooled.
    weight
        Mean weight of the pairs with a weight above 0.
    training_seconds, scoring_seconds
        Measured; None for the training of an arm that trains nothing.
    curve
        One dict an epoch: ``epoch, loss, recall`` and, but for runs of earlier versions, ``seconds`` of training so far.
    joules
        Energy of the training alone; None where the device does not report it.
    steps
        Optimizer steps; 0 where they were not counted.
    neutral
        (queries, p) float32, similarity of each test photo to each neutral query; None where it was not asked.
    zero_shot
        (p,) bool, the photo was classified right; None where it was not asked.
    damaged
        For each damage of photos or captions the ranks under it, as ``image_to_text`` and ``text_to_image``.
    """

    arm: str
    seed: int
    image_to_text: np.ndarray
    text_to_image: np.ndarray
    photo: np.ndarray
    matching: dict[str, Matching]
    pairs: float
    pairs_given: float
    weight: float
    training_seconds: float | None
    scoring_seconds: float
    curve: list[dict] = field(default_factory=list)
    joules: float | None = None
    steps: float = 0
    neutral: np.ndarray | None = None
    zero_shot: np.ndarray | None = None
    damaged: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """All runs on one test split, and all that is needed to compare them.

    Attributes
    ----------
    runs
        One for each arm and seed.
    photos
        (p,) of str, the content digest of each test photo.
    groups
        For each attribute the value of each test photo, (p,) of str.
    compared
        For each attribute the values that are compared with one another.
    missing
        For each arm that could not be had, why.
    phrases
        The neutral queries, the classes, and the class of each test photo; None in results of earlier versions.
    unmeasured
        What could not be measured of any arm (``neutral, zero_shot, robustness``) and why.
    keeps_best
        Whether trainings end with the best of their epochs, and not with the last.
    """

    runs: list[RunMeasures]
    photos: np.ndarray
    groups: dict[str, np.ndarray]
    compared: dict[str, list[str]]
    missing: dict[str, str] = field(default_factory=dict)
    phrases: Phrases | None = None
    unmeasured: dict[str, str] = field(default_factory=dict)
    keeps_best: bool = False


def measure_run(
    run: ArmRun, groups_test: Mapping[str, np.ndarray], groups_validation: Mapping[str, np.ndarray], seed: int = 0,
    phrases: Phrases | None = None,
) -> RunMeasures:
    """Rank and match the test split by what an arm has trained, and take what it answered to further questions.

    Parameters
    ----------
    run
        The trained arm.
    groups_test, groups_validation
        For each attribute the value of each photo of the split, (p,) of str.
    seed
        Draws the false pairs of matching; the same for all runs, so that all decide about the same pairs.
    phrases
        What the question about phrases was made of; needed where it was asked.
    """
    image_to_text, text_to_image = run.test.ranks()
    matching = {
        attribute: match(
            run.validation, run.test, _values(groups_validation, attribute, run.validation),
            _values(groups_test, attribute, run.test), seed,
        )
        for attribute in (ANY, *groups_test)
    }
    kept = run.weights[run.weights > 0]
    return RunMeasures(
        run.arm, run.seed, image_to_text, text_to_image, run.test.photo, matching, len(kept), len(run.weights),
        float(kept.mean()) if len(kept) else 0.0, run.training_seconds, run.scoring_seconds, run.curve, run.joules, run.steps,
        *_of_phrases(run, phrases), {name: judged.ranks() for name, judged in run.probes.items() if name != PHRASES},
    )


def _of_phrases(run: ArmRun, phrases: Phrases | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Similarities of the test photos to neutral queries, and whether each was classified right; None where not asked."""
    if phrases is None or PHRASES not in run.probes:
        return None, None
    queries, photos = len(phrases.queries), np.arange(len(phrases.labels))
    # A phrase at a time: of all of them with all photos the vectors would take gigabytes.
    asked = range(len(phrases.captions))
    found = np.stack([run.probes[PHRASES].similarity(photos, np.full(len(photos), phrase)) for phrase in asked])
    right = classified(found[queries:].T, phrases.codes) if phrases.classes else None
    return (found[:queries].astype(np.float32) if queries else None), right


def pool(halves: list[Measured]) -> Measured:
    """Join measurements on disjoint test splits, such as the two halves of held-out data, each once the test split.

    Runs of the same arm and seed become one run over the photos of all splits; every photo keeps the rank that it had
    among the photos of its own split. Numbers of pairs, weights and times are averaged. Curves are left behind.

    Raises
    ------
    TrainingError
        If a photo is in two splits, or the splits differ in their attributes.
    """
    photos = np.concatenate([half.photos for half in halves])
    if len(np.unique(photos)) < len(photos):
        raise TrainingError("These results share test photos, so they cannot be pooled; test on disjoint photos.")
    if any(half.groups.keys() != halves[0].groups.keys() for half in halves):
        raise TrainingError("These results differ in their group attributes, so they cannot be pooled.")
    groups = {name: np.concatenate([half.groups[name] for half in halves]) for name in halves[0].groups}
    compared = {
        name: list(dict.fromkeys(value for half in halves for value in half.compared.get(name, []))) for name in groups
    }
    by_name = [{(run.arm, run.seed): run for run in half.runs} for half in halves]
    shared = [name for name in by_name[0] if all(name in runs for runs in by_name)]
    arms = {arm for arm, _ in shared}
    missing = {arm: why for half in halves for arm, why in half.missing.items() if arm not in arms}
    for arm, _ in {name: None for runs in by_name for name in runs}:
        if arm not in arms:
            missing.setdefault(arm, "it was not measured with the same seeds in all of the pooled results")
    phrases = _joined_phrases(halves)
    joined = [_join([runs[name] for runs in by_name], phrases is not None) for name in shared]
    unmeasured = {what: why for half in halves for what, why in half.unmeasured.items()}
    return Measured(joined, photos, groups, compared, missing, phrases, unmeasured)


def _join(runs: list[RunMeasures], alike: bool) -> RunMeasures:
    """One run over the photos of all; answers about phrases only where all were asked ``alike``."""
    starts = np.cumsum([0] + [len(run.image_to_text) for run in runs])
    trained = [run.training_seconds for run in runs if run.training_seconds is not None]
    return RunMeasures(
        runs[0].arm,
        runs[0].seed,
        np.concatenate([run.image_to_text for run in runs]),
        np.concatenate([run.text_to_image for run in runs]),
        np.concatenate([run.photo + start for run, start in zip(runs, starts, strict=False)]),
        {
            name: Matching(*(np.concatenate([getattr(run.matching[name], part) for run in runs])
                             for part in ("positive", "negative", "drawn")))
            for name in runs[0].matching
        },
        *(float(np.mean([getattr(run, name) for run in runs])) for name in ("pairs", "pairs_given", "weight")),
        float(np.mean(trained)) if len(trained) == len(runs) else None,
        float(np.mean([run.scoring_seconds for run in runs])),
        joules=None if any(run.joules is None for run in runs) else float(np.mean([run.joules for run in runs])),
        steps=float(np.mean([run.steps for run in runs])),
        neutral=_whole([run.neutral for run in runs]) if alike else None,
        zero_shot=_whole([run.zero_shot for run in runs]) if alike else None,
        damaged={
            name: tuple(np.concatenate(sides) for sides in zip(*(run.damaged[name] for run in runs), strict=True))
            for name in runs[0].damaged if all(name in run.damaged for run in runs)
        },
    )


def _joined_phrases(halves: list[Measured]) -> Phrases | None:
    """The phrases of all halves, where all were asked alike."""
    found = [half.phrases for half in halves]
    if any(one is None or (one.queries, one.classes) != (found[0].queries, found[0].classes) for one in found):
        return None
    return Phrases(found[0].queries, found[0].classes, np.concatenate([one.labels for one in found]))


def _whole(parts: list[np.ndarray | None]) -> np.ndarray | None:
    """The parts as one along their last axis, the photos; None where one lacks."""
    return None if any(part is None for part in parts) else np.concatenate(parts, axis=-1)


def _values(groups: Mapping[str, np.ndarray], attribute: str, judged: Judged) -> np.ndarray:
    return np.full(judged.photo.max(initial=-1) + 1, ANY) if attribute == ANY else np.asarray(groups[attribute])
