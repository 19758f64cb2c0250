"""Shrinkage along the hierarchy: a pair's score leans on its cluster's, a cluster's on all pairs'.

The influence of a single pair is noisy; its cluster's mean is not, and a score pulled toward it beats the raw one.
Cluster means are shrunk by empirical Bayes (James-Stein form; Efron & Morris 1975): by how much the means differ beyond
what the spread inside the clusters explains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# How far a pair's score is pulled to its cluster's. The spread inside a cluster cannot tell noise from difference, so
# this share was chosen by the recall of models trained on subsets (docs/results.md), not estimated.
TO_CLUSTER = 0.5


@dataclass(frozen=True)
class ClusterMeans:
    """Means of a score over clusters, for each target.

    Attributes
    ----------
    labels
        (c,) the clusters, sorted by first appearance in ``np.unique``.
    member
        (n,) index into ``labels`` of each pair.
    pairs
        (c,) how many pairs each has.
    mean, error
        (c, targets) plain mean, and its standard error from the spread inside the cluster.
    shrunk
        (c, targets) mean shrunk toward the mean of all pairs.
    """

    labels: np.ndarray
    member: np.ndarray
    pairs: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    shrunk: np.ndarray


def cluster_means(scores: np.ndarray, clusters: np.ndarray) -> ClusterMeans:
    """Means of (n, targets) scores over the clusters named by (n,) labels.

    A cluster of one pair has no spread of its own; it borrows the mean variance inside all clusters.
    """
    labels, member = np.unique(clusters, return_inverse=True)
    pairs = np.bincount(member)
    mean = _sums(scores, member, len(labels)) / pairs[:, None]
    inside = _sums(np.square(scores - mean[member]), member, len(labels))
    pooled = inside.sum(0) / max(len(scores) - len(labels), 1)
    variance = np.where(pairs[:, None] > 1, inside / np.maximum(pairs - 1, 1)[:, None], pooled) / pairs[:, None]
    grand = scores.mean(0)
    between = np.maximum(np.square(mean - grand).mean(0) - variance.mean(0), 0)
    with np.errstate(invalid="ignore"):
        trust = np.where(between + variance > 0, between / (between + variance), 1.0)
    return ClusterMeans(labels, member, pairs, mean, np.sqrt(variance), grand + trust * (mean - grand))


def shrink(scores: np.ndarray, means: ClusterMeans) -> np.ndarray:
    """(n, targets): each pair's score pulled toward its cluster's."""
    return (1 - TO_CLUSTER) * scores + TO_CLUSTER * means.shrunk[means.member]


def _sums(values: np.ndarray, member: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.bincount(member, column, minlength=count) for column in values.T], axis=1)
