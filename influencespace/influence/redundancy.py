r"""Redundancy of clusters: how many of their pairs repeat others, and how alike their pairs are.

*Repeats* are near-duplicates beyond one a set. A set that lies in several clusters is shared out among them by pairs, so that the
counts of clusters add up to that of all.

*Likeness* is the mean cosine of two different pairs of a cluster, the mean of that of their photos and that of their captions,
in the features as the proxies see them: centred, so that it is about 0 for two pairs drawn from all, and 1 for pairs that are all
the same. For n unit vectors it needs no look at two of them together:

.. math:: \frac{|\sum_i u_i|^2 - \sum_i |u_i|^2}{n (n - 1)} .
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

CHUNK = 65_536


def repeats(sets: np.ndarray, member: np.ndarray, count: int) -> np.ndarray:
    """(count,) the share of each cluster's pairs that repeat others.

    Parameters
    ----------
    sets
        (n,) the same number for pairs that are near-duplicates of each other.
    member
        (n,) the cluster of each pair, numbered below ``count``.
    """
    of_pair, size = np.unique(sets, return_inverse=True, return_counts=True)[1:]
    repeated = np.bincount(member, 1 - 1 / size[of_pair], minlength=count)
    return repeated / np.maximum(np.bincount(member, minlength=count), 1)


def likeness(sides: Sequence[torch.Tensor], rows: np.ndarray, member: np.ndarray, count: int) -> np.ndarray:
    """(count,) how alike the pairs of each cluster are, in [-1, 1]; NaN for a cluster of fewer than two pairs.

    Parameters
    ----------
    sides
        Prepared features of all pairs, (all, k) each: unit vectors, or zeros.
    rows
        (n,) the pairs that are meant.
    member
        (n,) the cluster of each, numbered below ``count``.
    """
    pairs = np.bincount(member, minlength=count)
    ordered = np.where(pairs > 1, pairs * (pairs - 1.0), np.nan)
    return np.mean([_both_ways(side, rows, member, count) / ordered for side in sides], axis=0)


def _both_ways(side: torch.Tensor, rows: np.ndarray, member: np.ndarray, count: int) -> np.ndarray:
    """(count,) the sum of the cosines of all ordered couples of different pairs."""
    total = torch.zeros(count, side.shape[1], dtype=torch.float32, device=side.device)
    own = torch.zeros(count, dtype=torch.float32, device=side.device)
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        of = torch.as_tensor(member[part], device=side.device)
        vectors = side[torch.as_tensor(rows[part], device=side.device)].to(torch.float32)
        total.index_add_(0, of, vectors)
        own.index_add_(0, of, vectors.square().sum(1))
    return (total.square().sum(1) - own).cpu().numpy().astype(np.float64)
