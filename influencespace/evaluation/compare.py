"""Arms beside each other: the proposal's metrics, gaps between groups, and paired differences, each with its interval.

What comes out is plain JSON (``results.json``; ``docs/formats.md`` says what is in it). Recalls, gaps in recall and their
differences are in points of percent; rates of matching are in [0, 1]. What is not defined is null.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from influencespace.evaluation.answers import Answers, answers, skew_of_chance
from influencespace.evaluation.efficiency import Efficiency, efficiency
from influencespace.evaluation.figures import DECIDES, RECALLS, ArmFigures, arm_figures, compared_groups, resample
from influencespace.evaluation.measure import Measured
from influencespace.metrics.fairness import OPPORTUNITY, PARITY
from influencespace.metrics.gaps import GroupDifference, group_difference, lowest, spread, worst
from influencespace.metrics.intervals import DRAWS, Interval, Rate
from influencespace.metrics.recall import BOTH
from influencespace.metrics.zeroshot import UNLABELLED

FORMAT = 2
BASELINE = "full"
# What every arm is compared against, where it was run.
AGAINST = (BASELINE, "random", "start")
# An arm is "not worse" when the lower end of its paired interval is above this, in points.
MARGIN = -2.0
UNDEFINED = Interval(np.nan, np.nan, np.nan)


def compare(measured: Measured, *, draws: int = DRAWS, seed: int = 0) -> dict:
    """All arms with intervals, and their paired differences.

    Parameters
    ----------
    measured
        The runs of every arm; all arms with the same seeds, or once where no seed matters.
    draws, seed
        Of the two-way bootstrap over photos and seeds.

    Returns
    -------
    dict
        ``format, decides, photos, captions, seeds, arms, differences, missing, unmeasured, neutral, zero_shot``.
    """
    resampled = resample(measured, draws, seed)
    figures = arm_figures(measured, draws, seed, resampled)
    found = {arm: answers(runs, measured, resampled) for arm, runs in resampled.runs.items()}
    full = resampled.runs.get(BASELINE)
    costs = {arm: efficiency(runs, full, resampled, measured.keeps_best) for arm, runs in resampled.runs.items()}
    return {
        "format": FORMAT,
        "decides": DECIDES,
        "photos": len(measured.photos),
        "captions": len(measured.runs[0].photo),
        "seeds": sorted({run.seed for run in measured.runs}),
        "arms": [_arm(arm, figures.get(BASELINE), measured, found[name], costs[name]) for name, arm in figures.items()],
        "differences": [
            entry
            for other in AGAINST if other in figures
            for name, arm in figures.items() if name != other
            for entry in _differences(arm, figures[other], measured, found[name], found[other])
        ],
        "missing": measured.missing,
        "unmeasured": measured.unmeasured,
        "neutral": _neutral(measured, list(found.values())),
        "zero_shot": _classes(measured, list(found.values())),
    }


def verdict(difference: dict) -> str:
    """``above``, ``below``, ``not worse`` or ``undecided``: what the interval of a paired difference in points allows."""
    if difference["low"] is None:
        return "undecided"
    if difference["low"] > 0:
        return "above"
    if difference["high"] < 0:
        return "below"
    return "not worse" if difference["low"] > MARGIN else "undecided"


def _arm(
    arm: ArmFigures, baseline: ArmFigures | None, measured: Measured, answered: Answers, cost: Efficiency
) -> dict:
    recall = {m: {d: rate.interval(100).json() for d, rate in arm.recall[m].items()} for m in RECALLS}
    return {
        "arm": arm.arm,
        "pairs": _whole(arm.pairs),
        "reduction": arm.reduction,
        "weight": arm.weight,
        "recall": recall,
        "median_rank": {direction: rate.interval().json() for direction, rate in arm.median.items()},
        "seconds": {
            "training": None if arm.training is None else arm.training.point,
            "scoring": arm.scoring.point,
            "total": None if arm.total is None else arm.total.point,
        },
        "gaps": {attribute: _gap(arm, attribute, measured) for attribute in measured.groups},
        "matching": {
            "accuracy": arm.accuracy.interval().json(),
            **{p: {name: _parity(arm, p, name).json() for name in measured.groups} for p in (PARITY, OPPORTUNITY)},
        },
        "worst_group": {attribute: worst(_compared(arm, attribute, measured), 100) for attribute in measured.groups},
        "proposal": _proposal(arm, baseline, measured),
        **answered.json(),
        **cost.json(),
    }


def _neutral(measured: Measured, found: list[Answers]) -> dict | None:
    """The neutral queries, and what random rankings would come to; null where none was asked of any arm."""
    attributes = [name for name in measured.groups if any(name in one.ndkl for one in found)]
    if not attributes:
        return None
    return {"queries": measured.phrases.queries, "chance": {name: skew_of_chance(measured, name) for name in attributes}}


def _classes(measured: Measured, found: list[Answers]) -> dict | None:
    """The classes, and how many test photos have one; null where no arm was asked."""
    if all(one.top1 is None for one in found):
        return None
    return {
        "classes": measured.phrases.classes, "photos": int(np.count_nonzero(measured.phrases.labels != UNLABELLED)),
    }


def _compared(arm: ArmFigures, attribute: str, measured: Measured) -> dict[str, Rate]:
    return {group: arm.groups[attribute][group] for group in compared_groups(measured, attribute)}


def _gap(arm: ArmFigures, attribute: str, measured: Measured) -> dict:
    values, compared = measured.groups[attribute], compared_groups(measured, attribute)
    rates = arm.groups[attribute]
    return {
        "gap": group_difference({group: rates[group] for group in compared}, 100).json(),
        "groups": {
            group: rate.interval(100).json()
            | {"photos": int(np.count_nonzero(values == group)), "compared": group in compared}
            for group, rate in rates.items()
        },
    }


def _parity(arm: ArmFigures, metric: str, attribute: str) -> GroupDifference:
    difference = group_difference(arm.rates[metric][attribute])
    point = arm.parity[attribute][metric]
    return replace(difference, interval=replace(difference.interval, mean=point))


def _proposal(arm: ArmFigures, baseline: ArmFigures | None, measured: Measured) -> dict:
    """The four metrics of the proposal, against the model trained on all data."""
    if baseline is None:
        accuracy = dict.fromkeys(RECALLS, UNDEFINED)
        efficiency = {"without_scoring": UNDEFINED, "with_scoring": UNDEFINED}
    else:
        accuracy = {m: (arm.recall[m][BOTH] / baseline.recall[m][BOTH]).interval(100) for m in RECALLS}
        efficiency = {
            "without_scoring": _ratio(baseline.training, arm.training),
            "with_scoring": _ratio(baseline.total, arm.total),
        }
    return {
        "data_volume_reduction": arm.reduction,
        "model_accuracy": {m: interval.json() for m, interval in accuracy.items()},
        "bias_mitigation": {
            word: {name: _mitigation(arm, baseline, metric, name).json() for name in measured.groups}
            for word, metric in (("demographic_parity", PARITY), ("equal_opportunity", OPPORTUNITY))
        },
        "training_efficiency": {word: interval.json() for word, interval in efficiency.items()},
    }


def _mitigation(arm: ArmFigures, baseline: ArmFigures | None, metric: str, attribute: str) -> Interval:
    if baseline is None or len(arm.rates[metric][attribute]) < 2:
        return UNDEFINED
    change = spread(baseline.rates[metric][attribute]) - spread(arm.rates[metric][attribute])
    point = baseline.parity[attribute][metric] - arm.parity[attribute][metric]
    return replace(change.interval(), mean=point)


def _differences(
    arm: ArmFigures, other: ArmFigures, measured: Measured, answered: Answers, of_other: Answers
) -> list[dict]:
    names = {"arm": arm.arm, "against": other.arm}
    entries = [
        names | {"metric": m} | (arm.recall[m][BOTH] - other.recall[m][BOTH]).interval(100).json() for m in RECALLS
    ]
    entries.append(names | {"metric": "median rank"} | (arm.median[BOTH] - other.median[BOTH]).interval().json())
    entries += [names | entry for entry in answered.differences(of_other)]
    if other.arm != BASELINE:
        return entries
    for attribute in measured.groups:
        compared = compared_groups(measured, attribute)
        for group in compared:
            change = arm.groups[attribute][group] - other.groups[attribute][group]
            entries.append(names | {"metric": "group", "attribute": attribute, "group": group} | change.interval(100).json())
        if len(compared) > 1:
            own, others = (lowest(_compared(one, attribute, measured)) for one in (arm, other))
            entries.append(names | {"metric": "worst group", "attribute": attribute} | (own - others).interval(100).json())
        gap = group_difference({g: other.groups[attribute][g] for g in compared})
        if gap.why is None:
            # Between the two groups that lie farthest apart with all data, so that the change has a sign that stays.
            high, low = gap.highest, gap.lowest
            change = _between(arm, attribute, high, low) - _between(other, attribute, high, low)
            direction = {"attribute": attribute, "highest": high, "lowest": low}
            entries.append(names | {"metric": "gap"} | direction | change.interval(100).json())
    return entries


def _between(arm: ArmFigures, attribute: str, highest: str, lowest: str) -> Rate:
    return arm.groups[attribute][highest] - arm.groups[attribute][lowest]


def _ratio(numerator: Rate | None, denominator: Rate | None) -> Interval:
    return UNDEFINED if numerator is None or denominator is None else (numerator / denominator).interval()


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else number
