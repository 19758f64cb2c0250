"""Intervals by the two-way bootstrap: over photos and over seeds, with the same draws for all arms.

A figure of a trained arm varies with the photos that it was tested on and with the seed that it was trained with.
Resampling both with replacement, independently of each other, takes in both (Owen 2007, "The pigeonhole bootstrap");
one set of draws for all arms makes differences between arms *paired*, which is what lets small differences show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
LEVEL = 95.0
# Draws that are multiplied out at a time; bounds the memory of the float copy of their counts.
_CHUNK = 250
# How many distinct values on either side of a median are looked at first; more where its draws go further.
_NARROW = 8


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % interval; all three are NaN where it is not defined."""

    mean: float
    low: float
    high: float

    def json(self) -> dict[str, float | None]:
        """``mean``, ``low`` and ``high``, null where they are no finite numbers."""
        return {key: value if math.isfinite(value) else None for key, value in vars(self).items()}


def percentile_interval(point: float, draws: np.ndarray) -> Interval:
    """The figure as measured, between the percentiles of its bootstrap draws.

    Draws that are not defined (NaN: no photo of the group was drawn) are left out.
    """
    draws = np.asarray(draws)[np.isfinite(draws)]
    if not len(draws) or not math.isfinite(point):
        return Interval(math.nan, math.nan, math.nan)
    low, high = np.percentile(draws, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Interval(float(point), float(low), float(high))


@dataclass(frozen=True)
class Rate:
    """A figure and what the bootstrap made of it; rates of one :class:`TwoWayBootstrap` may be combined draw by draw.

    Attributes
    ----------
    point
        The figure as measured.
    draws
        (draws,) the figure in each resample.
    """

    point: float
    draws: np.ndarray

    def __sub__(self, other: Rate) -> Rate:
        return Rate(self.point - other.point, self.draws - other.draws)

    def __truediv__(self, other: Rate) -> Rate:
        return Rate(_divide(self.point, other.point).item(), _divide(self.draws, other.draws))

    def interval(self, scale: float = 1.0) -> Interval:
        """The 95 % interval, times ``scale`` (100 for percent)."""
        return percentile_interval(scale * self.point, scale * self.draws)


class TwoWayBootstrap:
    """Resamples of seeds and photos, drawn once and used for every figure that is to be compared.

    Parameters
    ----------
    seeds, photos
        How many of each there are.
    draws
        How many resamples.
    seed
        Of the draws; the same numbers give the same resamples.

    Attributes
    ----------
    seed_counts, photo_counts
        (draws, seeds) and (draws, photos): how often each is in a resample; multinomial.
    """

    def __init__(self, seeds: int, photos: int, draws: int = DRAWS, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.seed_counts = _counts(rng, draws, seeds)
        self.photo_counts = _counts(rng, draws, photos)

    def rate(self, hits: np.ndarray, trials: np.ndarray | None = None, within: np.ndarray | None = None) -> Rate:
        """Hits divided by trials over all seeds and photos.

        Parameters
        ----------
        hits
            (seeds, photos) float: a score in [0, 1], or a number of hits where a photo has several trials.
        trials
            (photos,) or (seeds, photos) float: how many trials each photo has; None means one each.
        within
            (photos,) bool: the photos that count, such as a group's; resamples are of all photos all the same.
        """
        inside = slice(None) if within is None else np.flatnonzero(within)
        hits = np.asarray(hits, dtype=np.float64)[:, inside]
        trials = np.ones(hits.shape[1]) if trials is None else np.asarray(trials, dtype=np.float64)[..., inside]
        # A row of trials is the same for all seeds, and as many seeds are drawn every time as there are.
        total = self._sums(trials, inside) if trials.ndim == 2 else len(hits) * self._photo_sums(trials, inside)
        point = _divide(hits.sum(), np.broadcast_to(trials, hits.shape).sum()).item()
        return Rate(point, _divide(self._sums(hits, inside), total))

    def median(self, values: np.ndarray, photo: np.ndarray) -> Rate:
        """The median over all seeds and queries, each as often as its seed and its photo were drawn.

        Parameters
        ----------
        values
            (seeds, queries), such as ranks.
        photo
            (queries,) int, the photo of each query.
        """
        distinct, codes = np.unique(values, return_inverse=True)
        codes = codes.reshape(values.shape)
        total = self._photo_sums(np.bincount(photo, minlength=self.photo_counts.shape[1])[None], slice(None))
        half = len(values) * total / 2
        wide = _NARROW
        while True:
            # How many values are not above each of those around the median, which only a few of all need to be counted for.
            middle = np.searchsorted(distinct, np.median(values))
            low, high = max(0, middle - wide), min(len(distinct), middle + wide + 1)
            below = self._not_above(np.clip(codes - low, 0, high - low), high - low, photo)
            if (low == 0 or (below[:, :1] < half).all()) and (high == len(distinct) or (below[:, -1:] > half).all()):
                break
            wide *= 4
        # Where one half ends with a value, the median lies half-way to the next; in a resample without queries nowhere.
        ends = [np.minimum(low + np.count_nonzero(part, axis=1), len(distinct) - 1) for part in (below < half, below <= half)]
        draws = np.where(half[:, 0] > 0, (distinct[ends[0]] + distinct[ends[1]]) / 2, np.nan)
        return Rate(float(np.median(values)), draws)

    def _not_above(self, codes: np.ndarray, count: int, photo: np.ndarray) -> np.ndarray:
        """(draws, count): of (seeds, queries) codes, as often as seeds and photos were drawn, how many are 0, up to 1 ..."""
        photos = self.photo_counts.shape[1]
        found = np.zeros((len(self.photo_counts), count))
        for seed, row in enumerate(codes):
            each = np.bincount(photo * (count + 1) + row, minlength=photos * (count + 1)).reshape(photos, -1)[:, :count]
            sums = self._photo_sums(np.cumsum(each, axis=1).T.astype(np.float64), slice(None))
            found += self.seed_counts[:, seed, None] * sums
        return found

    def seed_mean(self, values: np.ndarray, counted: np.ndarray | None = None) -> Rate:
        """The mean of what has one value a seed, (seeds,), such as a time; ``counted`` (seeds,) bool leaves out the others."""
        counted = np.ones(len(values)) if counted is None else np.asarray(counted, dtype=np.float64)
        values = np.where(counted > 0, np.asarray(values, dtype=np.float64), 0)
        return Rate(_divide(values.sum(), counted.sum()).item(), _divide(self.seed_counts @ values, self.seed_counts @ counted))

    def mean_of_seeds(self, points: np.ndarray, draws: np.ndarray) -> Rate:
        """The mean over seeds of a figure that is no rate, from its value for each seed in resamples of photos.

        ``points`` is (seeds,), ``draws`` (seeds, b) for the first b resamples, which is how many the rate has. The draws
        are centred on the figure: a resample repeats photos, and a figure of unevenness, such as a skew, is larger in it for
        that alone.
        """
        drawn = np.einsum("bs,sb->b", self.seed_counts[: draws.shape[1]].astype(np.float64), draws) / len(points)
        point = float(np.mean(points))
        return Rate(point, drawn - drawn.mean() + point)

    def _sums(self, values: np.ndarray, inside: np.ndarray | slice) -> np.ndarray:
        """(draws,) sums of (seeds, photos) values, each as often as its seed and its photo were drawn."""
        return np.einsum("ds,ds->d", self.seed_counts.astype(np.float64), self._photo_sums(values, inside))

    def _photo_sums(self, values: np.ndarray, inside: np.ndarray | slice) -> np.ndarray:
        chunks = (self.photo_counts[start : start + _CHUNK, inside] for start in range(0, len(self.photo_counts), _CHUNK))
        return np.concatenate([counts.astype(np.float64) @ values.T for counts in chunks])


def _counts(rng: np.random.Generator, draws: int, size: int) -> np.ndarray:
    # Counting drawn positions is a multinomial draw, and an order of magnitude faster than drawing it as binomials.
    counts = np.empty((draws, size), dtype=np.uint16)
    for row in counts:
        row[:] = np.bincount(rng.integers(size, size=size), minlength=size)
    return counts


def _divide(numerator: np.ndarray | float, denominator: np.ndarray | float) -> np.ndarray:
    numerator, denominator = np.broadcast_arrays(np.float64(numerator), np.float64(denominator))
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)
