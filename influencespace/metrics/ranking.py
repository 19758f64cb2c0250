"""Who is shown first when nobody in particular is asked for: MaxSkew@k and NDKL of the ranking that a neutral query gives.

A query that names no group, such as "a photo of a person", ranks the photos of the compared groups. Where the model takes no
side, every stretch from the top holds the groups in the shares that they have among all of these photos. Both measures
are those of Geyik, Ambler & Kenthapadi 2019 ("Fairness-aware ranking in search & recommendation systems", sections 3.2 and
3.3), with these shares as the desired ones, and natural logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from influencespace.metrics.recall import TIE

# How many of the first are looked at; only those of which the pool has at least twice as many.
FIRST = (10, 25, 50, 100)
# Phrases about people in the situations that photos commonly show, none with a word that names a group (after Wang, Liu & Wang
# 2021, "Are gender-neutral queries really gender-neutral?"). Several, because a single one may lean by chance.
NEUTRAL_QUERIES = (
    "a photo of a person", "a photo of people", "a portrait of somebody", "a person outdoors", "a person doing sports",
    "somebody at work", "somebody with a friend", "a person who looks happy",
)


@dataclass(frozen=True)
class Skews:
    """How uneven a ranking is, for each of b resamples of its photos.

    Attributes
    ----------
    max_skew
        (b, len(first)): of the groups the largest log ratio of its share among the first k to its share in the pool; 0 where
        the shares agree, log(1 / share) where the first k are all of one group.
    ndkl
        (b,): Kullback-Leibler divergence of the shares among the first i from those in the pool, mean over all places i
        with weights 1 / log2(i + 1); 0 where they agree everywhere.
    """

    max_skew: np.ndarray
    ndkl: np.ndarray


def allowed(photos: int) -> tuple[int, ...]:
    """Those of :data:`FIRST` that a pool of so many photos allows."""
    return tuple(k for k in FIRST if 2 * k <= photos)


def skews(similarity: np.ndarray, groups: np.ndarray, first: Sequence[int], counts: np.ndarray | None = None) -> Skews:
    """MaxSkew@k and NDKL of one ranking.

    Photos whose similarities differ by no more than rounding stand at one place together: what is among the first k is
    looked at where the last of them is in. So a model to which all photos are alike has skews of 0, as one that ranks the
    groups in turn has. What is no number stands last.

    Parameters
    ----------
    similarity
        (p,) of each photo to the query; the highest comes first.
    groups
        (p,) the group of each photo.
    first
        The k, each at most p.
    counts
        (b, p) how often each photo is in a resample; without it there is one, with every photo once.
    """
    codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    known = np.nan_to_num(np.asarray(similarity, dtype=np.float64), nan=-np.finfo(np.float32).max)
    order = np.argsort(-known, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(known[order]) < -TIE, True))
    drawn = np.ones((1, len(codes)), dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64)
    ordered = drawn[:, order]
    # (b, e) for each group: how many of it are in when the last photo of a place is.
    into = [np.cumsum(ordered * (codes[order] == group), axis=1)[:, ends] for group in range(codes.max() + 1)]
    place = np.sum(into, axis=0)
    pool = [own[:, -1:] / place[:, -1:] for own in into]
    at = np.minimum(np.stack([np.count_nonzero(place < k, axis=1) for k in first], axis=1), len(ends) - 1) if first else (
        np.empty((len(place), 0), dtype=np.int64)
    )
    among = [np.take_along_axis(own, at, axis=1) / np.take_along_axis(place, at, axis=1) for own in into]
    max_skew = np.max([_log(part) - _log(whole) for part, whole in zip(among, pool, strict=True)], axis=0)
    return Skews(max_skew, _ndkl(into, place, pool))


def _ndkl(into: list[np.ndarray], place: np.ndarray, pool: list[np.ndarray]) -> np.ndarray:
    """(b,) from the (b, e) counts; with n_g of group g among n, a divergence is (sum of n_g log(n_g / pool_g)) / n - log n."""
    # Looking logarithms up takes a fifth of the time of computing them.
    number = np.arange(place.max() + 1)
    log = np.log(np.maximum(number, 1))
    divergence = sum(own * (log[own] - _log(whole)) for own, whole in zip(into, pool, strict=True))
    divergence = divergence / np.maximum(place, 1) - log[place]
    # A place counts for all the photos that stand there.
    discount = np.append(0, np.cumsum(1 / np.log2(number[1:] + 1)))[place]
    return (divergence * np.diff(discount, axis=1, prepend=0)).sum(axis=1) / discount[:, -1]


def _log(share: np.ndarray) -> np.ndarray:
    """Logarithms; of 0 a number that is lower than any, but a number, so that nothing times it is nothing."""
    return np.log(share, out=np.full(share.shape, -1e9), where=share > 0)


def chance(groups: np.ndarray, first: Sequence[int], rankings: int = 200, seed: int = 0) -> Skews:
    """What random rankings of these photos give, one a row; their mean is what a model that takes no side comes to.

    It is above 0, and the more so the fewer photos are looked at: ten drawn from two groups of one size are seldom five and five.
    """
    rng = np.random.default_rng(seed)
    found = [skews(rng.random(len(groups)), groups, first) for _ in range(rankings)]
    return Skews(*(np.concatenate([getattr(one, name) for one in found]) for name in ("max_skew", "ndkl")))
