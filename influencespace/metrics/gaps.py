"""Figures of each group, and how far the groups lie apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from influencespace.metrics.intervals import Interval, Rate, TwoWayBootstrap

# A group with fewer photos than this is shown, but compared with no other.
FEWEST_PHOTOS = 10
TOO_FEW_GROUPS = "fewer than two of the compared groups have at least {photos} photos"


@dataclass(frozen=True)
class GroupDifference:
    """Maximum minus minimum of a rate over groups.

    Attributes
    ----------
    interval
        The difference; 0 without ends where there are not two groups to compare.
    highest, lowest
        The two groups that it lies between. The interval holds them fixed: it reaches below 0 where the resamples
        cannot tell which of the two is ahead, while a maximum that is taken anew in each resample never would.
    why
        Why nothing could be compared; None where it could.
    """

    interval: Interval
    highest: str | None
    lowest: str | None
    why: str | None

    def json(self) -> dict:
        """``mean, low, high, highest, lowest, why``."""
        return self.interval.json() | {"highest": self.highest, "lowest": self.lowest, "why": self.why}


def comparable(values: np.ndarray, compared: Iterable[str], fewest: int = FEWEST_PHOTOS) -> list[str]:
    """Those of the ``compared`` groups that at least ``fewest`` photos belong to; ``values`` is (p,), a photo's group."""
    return [group for group in compared if np.count_nonzero(values == group) >= fewest]


def group_rates(
    bootstrap: TwoWayBootstrap, hits: np.ndarray, values: np.ndarray, groups: Iterable[str],
    trials: np.ndarray | None = None,
) -> dict[str, Rate]:
    """The rate of each group, from resamples of all photos.

    Parameters
    ----------
    bootstrap
        The resamples.
    hits, trials
        As for :meth:`TwoWayBootstrap.rate`.
    values
        (photos,) the group of each photo.
    groups
        Which groups to give.
    """
    return {group: bootstrap.rate(hits, trials, values == group) for group in groups}


def group_difference(rates: dict[str, Rate], scale: float = 1.0, fewest: int = FEWEST_PHOTOS) -> GroupDifference:
    """Maximum minus minimum over ``rates``, times ``scale``; 0 and a word why for fewer than two groups."""
    if len(rates) < 2:
        nothing = Interval(0.0, np.nan, np.nan)
        return GroupDifference(nothing, None, None, TOO_FEW_GROUPS.format(photos=fewest))
    highest = max(rates, key=lambda group: rates[group].point)
    lowest = min(rates, key=lambda group: rates[group].point)
    return GroupDifference((rates[highest] - rates[lowest]).interval(scale), highest, lowest, None)


def worst(rates: dict[str, Rate], scale: float = 1.0, fewest: int = FEWEST_PHOTOS) -> dict:
    """The rate of the group that is served worst, times ``scale``: ``mean, low, high, group, why``.

    The interval is that of this one group, as in :func:`group_difference`; null, and a word why, where nothing is compared.
    """
    if len(rates) < 2:
        return Interval(np.nan, np.nan, np.nan).json() | {"group": None, "why": TOO_FEW_GROUPS.format(photos=fewest)}
    group = min(rates, key=lambda name: rates[name].point)
    return rates[group].interval(scale).json() | {"group": group, "why": None}


def lowest(rates: dict[str, Rate]) -> Rate:
    """The least of one or more groups, taken anew in each resample: for the change of the worst between two arms."""
    return Rate(min(rate.point for rate in rates.values()), np.stack([rate.draws for rate in rates.values()]).min(axis=0))


def spread(rates: dict[str, Rate]) -> Rate:
    """Maximum minus minimum over two or more groups, taken anew in each resample.

    For the change of a difference between two arms: this way the difference is biased upward, but on both sides alike.
    """
    points = [rate.point for rate in rates.values()]
    draws = np.stack([rate.draws for rate in rates.values()])
    return Rate(max(points) - min(points), draws.max(axis=0) - draws.min(axis=0))
