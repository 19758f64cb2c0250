"""Shrinkage along the hierarchy: a pair's score leans on its cluster's, a cluster's on the mean of all pairs.

How far is measured, not assumed. Influence is computed on two random halves of the validation photos; what both halves
agree on is there, the rest is the chance of which photos were looked at. The trust in the differences between clusters,
and in those between the pairs of a cluster, is the split-half reliability of each (Spearman 1910, Brown 1910): the
empirical-Bayes factor (Efron & Morris 1975) with the noise taken from the halves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.pairs.views import coded

# Halves of the validation share the proxies, so what both agree on may still be a fault of theirs. So a pair's difference
# from its cluster counts for at most this share. A quarter and the whole trained models no better, damaged and clean pairs
# taken together (docs/results.md).
WITHIN_CLUSTER = 0.5


@dataclass(frozen=True)
class ClusterMeans:
    """Means of a score over clusters, for each target.

    Attributes
    ----------
    labels
        (c,) the clusters, sorted.
    member
        (n,) index into ``labels`` of each pair.
    pairs
        (c,) how many pairs each has.
    mean
        (c, targets) plain mean.
    error
        (c, targets) standard error of the mean: from the spread of the pairs inside, and from which photos are in the
        validation.
    trust
        (targets,) in [0, 1], reliability of the differences between clusters.
    """

    labels: np.ndarray
    member: np.ndarray
    pairs: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    trust: np.ndarray


def cluster_means(halves: np.ndarray, clusters: np.ndarray) -> ClusterMeans:
    """Means over the clusters named by (n,) labels of (2, n, targets) scores, the parts of either validation half.

    The score is the sum of its two parts. A cluster of one pair has no spread of its own; it borrows the mean variance
    inside all clusters.
    """
    scores = halves.sum(0)
    labels, member = coded(clusters)
    pairs = np.bincount(member)
    parts = np.stack([_sums(half, member, len(labels)) / pairs[:, None] for half in halves])
    mean = parts.sum(0)
    inside = _sums(np.square(scores - mean[member]), member, len(labels))
    pooled = inside.sum(0) / max(len(scores) - len(labels), 1)
    variance = np.where(pairs[:, None] > 1, inside / np.maximum(pairs - 1, 1)[:, None], pooled) / pairs[:, None]
    by_chance = (parts[0] - parts[1]).var(0)
    return ClusterMeans(labels, member, pairs, mean, np.sqrt(variance + by_chance), reliability(parts, pairs))


def shrink(halves: np.ndarray, means: ClusterMeans) -> np.ndarray:
    """(n, targets): scores of the pairs, shrunk toward their clusters', and these toward the mean of all pairs."""
    scores = halves.sum(0)
    grand = scores.mean(0)
    of_cluster = means.mean[means.member]
    parts = np.stack([half - (_sums(half, means.member, len(means.labels)) / means.pairs[:, None])[means.member]
                      for half in halves])
    within = WITHIN_CLUSTER * reliability(parts, np.ones(len(scores)))
    return grand + means.trust * (of_cluster - grand) + within * (scores - of_cluster)


def benefit_shares(sums: np.ndarray) -> np.ndarray:
    """(c,) the share of each cluster in the positive influence, of (c,) sums over its pairs; zeros where nothing helps."""
    benefit = np.maximum(sums, 0)
    return benefit / benefit.sum() if benefit.sum() > 0 else np.zeros(len(benefit))


def reliability(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(targets,) in [0, 1]: the share of the variance of ``parts.sum(0)`` that both (2, rows, targets) parts agree on."""
    away = parts - np.average(parts, axis=1, weights=weights)[:, None]
    shared = 4 * np.average(away[0] * away[1], axis=0, weights=weights)
    total = np.average(np.square(away.sum(0)), axis=0, weights=weights)
    return np.clip(np.divide(shared, total, out=np.zeros_like(total), where=total > 0), 0, 1)


def _sums(values: np.ndarray, member: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.bincount(member, column, minlength=count) for column in values.T], axis=1)
