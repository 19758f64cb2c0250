"""The figures of one arm as rates: what was measured, and what each resample made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.evaluation.measure import ANY, Measured, RunMeasures
from influencespace.metrics.fairness import OPPORTUNITY, PARITY, parity_differences
from influencespace.metrics.gaps import comparable, group_rates
from influencespace.metrics.intervals import Rate, TwoWayBootstrap
from influencespace.metrics.recall import BOTH, DIRECTIONS, IMAGE_TO_TEXT, TEXT_TO_IMAGE, photo_scores

RECALLS = {"R@1": 1, "R@5": 5, "R@10": 10}
# The metric that decides; the others describe.
DECIDES = "R@10"


@dataclass(frozen=True)
class ArmFigures:
    """One arm, over all its seeds.

    Attributes
    ----------
    arm
        Its name.
    pairs, pairs_given, weight
        Means over the seeds.
    recall
        Metric -> direction -> rate in [0, 1].
    median
        Direction -> median place of the right answer, 1 = first; ``both`` is the mean of the two.
    groups
        Attribute -> group -> Recall@10 of both directions, for every group that has a photo.
    accuracy
        Balanced accuracy of image-text matching.
    rates
        Parity metric -> attribute -> compared group -> rate (match rate, true positive rate).
    parity
        Attribute -> parity metric -> difference between the compared groups, by fairlearn.
    training, total
        Seconds, without and with scoring; None for an arm that trains nothing.
    scoring
        Seconds.
    """

    arm: str
    pairs: float
    pairs_given: float
    weight: float
    recall: dict[str, dict[str, Rate]]
    median: dict[str, Rate]
    groups: dict[str, dict[str, Rate]]
    accuracy: Rate
    rates: dict[str, dict[str, dict[str, Rate]]]
    parity: dict[str, dict[str, float]]
    training: Rate | None
    scoring: Rate
    total: Rate | None

    @property
    def reduction(self) -> float:
        """Data volume reduction, (|D0| - |D1|) / |D0|, in percent."""
        return 100 * (self.pairs_given - self.pairs) / self.pairs_given


@dataclass(frozen=True)
class Resampled:
    """The runs of every arm, one a seed, in the order in which the arms were run, and resamples of seeds and photos.

    An arm that was run once (it trains nothing, so that no seed matters) stands for every seed.
    """

    runs: dict[str, list[RunMeasures]]
    bootstrap: TwoWayBootstrap


def resample(measured: Measured, draws: int, seed: int) -> Resampled:
    """Pair the runs by their seeds, and draw.

    Raises
    ------
    ValueError
        If two arms were run with different seeds, so that they cannot be paired.
    """
    runs: dict[str, dict[int, RunMeasures]] = {}
    for run in measured.runs:
        runs.setdefault(run.arm, {})[run.seed] = run
    seeds = max((sorted(arm) for arm in runs.values()), key=len, default=[])
    paired = {}
    for arm, by_seed in runs.items():
        if len(by_seed) > 1 and sorted(by_seed) != seeds:
            raise ValueError(f"arm {arm} was run with seeds {sorted(by_seed)}, others with {seeds}")
        once = next(iter(by_seed.values()))
        paired[arm] = [by_seed.get(s, once) for s in seeds]
    return Resampled(paired, TwoWayBootstrap(len(seeds), len(measured.photos), draws, seed))


def arm_figures(measured: Measured, draws: int, seed: int, resampled: Resampled | None = None) -> dict[str, ArmFigures]:
    """The figures of every arm from the same resamples; those that are given, where there are already.

    Raises
    ------
    ValueError
        As :func:`resample`.
    """
    found = resampled or resample(measured, draws, seed)
    return {arm: _figures(runs, measured, found.bootstrap) for arm, runs in found.runs.items()}


def compared_groups(measured: Measured, attribute: str) -> list[str]:
    """The groups of an attribute that are compared with one another: declared, and not too few photos."""
    return comparable(measured.groups[attribute], measured.compared.get(attribute, []))


def _figures(runs: list[RunMeasures], measured: Measured, bootstrap: TwoWayBootstrap) -> ArmFigures:
    scores = {
        metric: [photo_scores(run.image_to_text, run.text_to_image, run.photo, k) for run in runs]
        for metric, k in RECALLS.items()
    }
    stacked = {m: {d: np.stack([s[d] for s in scores[m]]) for d in DIRECTIONS} for m in RECALLS}
    groups, parity, rates = {}, {}, {PARITY: {}, OPPORTUNITY: {}}
    for attribute, values in measured.groups.items():
        groups[attribute] = group_rates(bootstrap, stacked[DECIDES][BOTH], values, sorted(set(values)))
        names = compared_groups(measured, attribute)
        matchings = [run.matching[attribute] for run in runs]
        parity[attribute] = parity_differences(matchings, runs[0].photo, values, names)
        drawn, positive, negative, _ = _by_photo(runs, attribute)
        rates[PARITY][attribute] = group_rates(bootstrap, positive + negative, values, names, 2 * drawn)
        rates[OPPORTUNITY][attribute] = group_rates(bootstrap, positive, values, names, drawn)
    drawn, _, _, correct = _by_photo(runs, ANY)
    scoring = np.array([run.scoring_seconds for run in runs])
    trained = all(run.training_seconds is not None for run in runs)
    training = np.array([run.training_seconds for run in runs]) if trained else None
    return ArmFigures(
        runs[0].arm,
        *(float(np.mean([getattr(run, name) for run in runs])) for name in ("pairs", "pairs_given", "weight")),
        {m: {d: bootstrap.rate(stacked[m][d]) for d in DIRECTIONS} for m in RECALLS}, _medians(runs, bootstrap),
        groups, bootstrap.rate(correct, drawn), rates, parity,
        bootstrap.seed_mean(training) if trained else None, bootstrap.seed_mean(scoring),
        bootstrap.seed_mean(training + scoring) if trained else None,
    )


def _medians(runs: list[RunMeasures], bootstrap: TwoWayBootstrap) -> dict[str, Rate]:
    """The median place of each direction, over all queries and seeds: a caption is a query, and so is a photo."""
    photos = np.arange(len(runs[0].image_to_text))
    forward = bootstrap.median(np.stack([run.image_to_text for run in runs]) + 1, photos)
    backward = bootstrap.median(np.stack([run.text_to_image for run in runs]) + 1, runs[0].photo)
    both = Rate((forward.point + backward.point) / 2, (forward.draws + backward.draws) / 2)
    return {BOTH: both, IMAGE_TO_TEXT: forward, TEXT_TO_IMAGE: backward}


def _by_photo(runs: list[RunMeasures], attribute: str) -> tuple[np.ndarray, ...]:
    """For each seed and photo: captions that take part, true and false pairs matched, right answers."""
    photos = len(runs[0].image_to_text)

    def count(values: np.ndarray, run: RunMeasures) -> np.ndarray:
        return np.bincount(run.photo, weights=values, minlength=photos)

    parts = [(run, run.matching[attribute]) for run in runs]
    drawn, positive, negative = (
        np.stack([count(getattr(matching, part), run) for run, matching in parts])
        for part in ("drawn", "positive", "negative")
    )
    correct = np.stack([count(matching.correct() * matching.drawn, run) for run, matching in parts])
    return drawn, positive, negative, correct
