"""What trained arms answered beyond the splits, as rates: neutral queries, zero-shot classes, damaged photos and captions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.evaluation.figures import DECIDES, RECALLS, Resampled, compared_groups
from influencespace.evaluation.measure import Measured, RunMeasures
from influencespace.metrics.intervals import Interval, Rate
from influencespace.metrics.ranking import allowed, chance, skews
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.metrics.zeroshot import UNLABELLED, balanced

# Skews are computed in the first so many of the resamples: each takes the ranking of every query anew.
SKEW_DRAWS = 400
# All damages together: the mean of their recalls.
ALL = "all"


@dataclass(frozen=True)
class Answers:
    """One arm, over all its seeds; what was not asked of all its runs is empty or None.

    Attributes
    ----------
    ndkl
        Attribute -> NDKL of the rankings of its compared groups, mean over the neutral queries.
    max_skew
        Attribute -> k -> MaxSkew@k, mean over the neutral queries.
    top1, balanced
        Zero-shot accuracy over photos, and over classes.
    damaged
        Damage -> metric -> recall of both directions under it; :data:`ALL` is the mean over damages.
    drop
        Damage -> by how much Recall@10 falls under it, paired.
    """

    ndkl: dict[str, Rate]
    max_skew: dict[str, dict[int, Rate]]
    top1: Rate | None
    balanced: Rate | None
    damaged: dict[str, dict[str, Rate]]
    drop: dict[str, Rate]

    def json(self) -> dict:
        """``neutral``, ``zero_shot`` (null where not asked) and ``robustness``, each figure with its interval."""
        zero_shot = None if self.top1 is None else {
            "top1": self.top1.interval(100).json(), "balanced": self.balanced.interval(100).json(),
        }
        return {
            "neutral": {
                attribute: {
                    "ndkl": _unsigned(rate),
                    "max_skew": {str(k): _unsigned(own) for k, own in self.max_skew[attribute].items()},
                } for attribute, rate in self.ndkl.items()
            },
            "zero_shot": zero_shot,
            "robustness": {
                name: {
                    "recall": {metric: rate.interval(100).json() for metric, rate in own.items()},
                    "drop": self.drop[name].interval(100).json(),
                } for name, own in self.damaged.items()
            },
        }

    def differences(self, other: Answers) -> list[dict]:
        """Paired differences from another arm, as entries of the comparison without the names of the arms."""
        entries = []
        for attribute in (name for name in self.ndkl if name in other.ndkl):
            of = {"attribute": attribute}
            entries.append({"metric": "NDKL"} | of | (self.ndkl[attribute] - other.ndkl[attribute]).interval().json())
            entries += [
                {"metric": f"MaxSkew@{k}"} | of | (rate - other.max_skew[attribute][k]).interval().json()
                for k, rate in self.max_skew[attribute].items()
            ]
        if self.top1 is not None and other.top1 is not None:
            entries.append({"metric": "zero-shot"} | (self.top1 - other.top1).interval(100).json())
            entries.append({"metric": "zero-shot, balanced"} | (self.balanced - other.balanced).interval(100).json())
        return entries + [
            {"metric": "damaged", "damage": name} | (own[DECIDES] - other.damaged[name][DECIDES]).interval(100).json()
            for name, own in self.damaged.items() if name in other.damaged
        ]


def answers(runs: list[RunMeasures], measured: Measured, resampled: Resampled) -> Answers:
    """The figures of one arm from its runs, one a seed."""
    ndkl, max_skew = {}, {}
    for attribute in measured.groups if all(run.neutral is not None for run in runs) else ():
        pool = ranked_photos(measured, attribute)
        if pool is not None:
            ndkl[attribute], max_skew[attribute] = _neutral(runs, pool, measured.groups[attribute][pool], resampled)
    top1 = over_classes = None
    if measured.phrases is not None and all(run.zero_shot is not None for run in runs):
        right, labels = np.stack([run.zero_shot for run in runs]).astype(np.float64), measured.phrases.labels
        top1 = resampled.bootstrap.rate(right, within=labels != UNLABELLED)
        over_classes = balanced(resampled.bootstrap, right, labels)
    return Answers(ndkl, max_skew, top1, over_classes, *_damaged(runs, resampled))


def ranked_photos(measured: Measured, attribute: str) -> np.ndarray | None:
    """The test photos of the compared groups of an attribute, which neutral queries rank; None where there are not two."""
    groups = compared_groups(measured, attribute)
    return np.flatnonzero(np.isin(measured.groups[attribute], groups)) if len(groups) > 1 else None


def skew_of_chance(measured: Measured, attribute: str) -> dict:
    """NDKL and MaxSkew@k of random rankings, and how many photos are ranked."""
    pool = ranked_photos(measured, attribute)
    found = chance(measured.groups[attribute][pool], allowed(len(pool)))
    return {
        "photos": len(pool), "ndkl": float(found.ndkl.mean()),
        "max_skew": {str(k): float(mean) for k, mean in zip(allowed(len(pool)), found.max_skew.mean(axis=0), strict=True)},
    }


def _unsigned(rate: Rate) -> dict:
    """The interval of a figure that cannot be below 0, where the centred draws would reach."""
    found = rate.interval()
    return Interval(found.mean, max(found.low, 0.0), found.high).json()


def _neutral(
    runs: list[RunMeasures], pool: np.ndarray, groups: np.ndarray, resampled: Resampled
) -> tuple[Rate, dict[int, Rate]]:
    first, counts = allowed(len(pool)), resampled.bootstrap.photo_counts[:SKEW_DRAWS, pool]
    kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for run in runs:
        if id(run) not in kept:  # an arm that was run once stands for every seed
            kept[id(run)] = tuple(
                _mean_over_queries(run.neutral[:, pool], groups, first, weights) for weights in (None, counts)
            )
    # (seeds, 1 + len(first)) and (seeds, draws, 1 + len(first)): NDKL, then MaxSkew at every k.
    points, draws = (np.stack([kept[id(run)][part] for run in runs]) for part in (0, 1))
    rates = [
        resampled.bootstrap.mean_of_seeds(points[:, 0, i], draws[:, :, i]) for i in range(points.shape[2])
    ]
    return rates[0], dict(zip(first, rates[1:], strict=True))


def _mean_over_queries(
    similarity: np.ndarray, groups: np.ndarray, first: tuple[int, ...], counts: np.ndarray | None
) -> np.ndarray:
    found = [skews(query, groups, first, counts) for query in similarity]
    return np.mean([np.column_stack([one.ndkl, one.max_skew]) for one in found], axis=0)


def _damaged(runs: list[RunMeasures], resampled: Resampled) -> tuple[dict[str, dict[str, Rate]], dict[str, Rate]]:
    damages = [name for name in runs[0].damaged if all(name in run.damaged for run in runs)]
    if not damages:
        return {}, {}
    scores = {
        name: {
            metric: np.stack([photo_scores(*run.damaged[name], run.photo, k)[BOTH] for run in runs])
            for metric, k in RECALLS.items()
        } for name in damages
    }
    scores[ALL] = {metric: np.mean([scores[name][metric] for name in damages], axis=0) for metric in RECALLS}
    clean = np.stack([photo_scores(run.image_to_text, run.text_to_image, run.photo, RECALLS[DECIDES])[BOTH] for run in runs])
    rate = resampled.bootstrap.rate
    return (
        {name: {metric: rate(found) for metric, found in own.items()} for name, own in scores.items()},
        {name: rate(clean) - rate(own[DECIDES]) for name, own in scores.items()},
    )
