"""From trained arms to what evaluation keeps of them: ranks and decisions, but no embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from influencespace.errors import TrainingError
from influencespace.metrics.fairness import Matching, match
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
        One dict an epoch: ``epoch, loss, recall``.
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
    """

    runs: list[RunMeasures]
    photos: np.ndarray
    groups: dict[str, np.ndarray]
    compared: dict[str, list[str]]
    missing: dict[str, str] = field(default_factory=dict)


def measure_run(
    run: ArmRun, groups_test: Mapping[str, np.ndarray], groups_validation: Mapping[str, np.ndarray], seed: int = 0
) -> RunMeasures:
    """Rank and match the test split in the space that an arm has trained.

    Parameters
    ----------
    run
        The trained arm.
    groups_test, groups_validation
        For each attribute the value of each photo of the split, (p,) of str.
    seed
        Draws the false pairs of matching; the same for all runs, so that all decide about the same pairs.
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
        float(kept.mean()) if len(kept) else 0.0, run.training_seconds, run.scoring_seconds, run.curve,
    )


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
    return Measured([_join([runs[name] for runs in by_name]) for name in shared], photos, groups, compared, missing)


def _join(runs: list[RunMeasures]) -> RunMeasures:
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
    )


def _values(groups: Mapping[str, np.ndarray], attribute: str, judged: Judged) -> np.ndarray:
    return np.full(judged.photo.max(initial=-1) + 1, ANY) if attribute == ANY else np.asarray(groups[attribute])
