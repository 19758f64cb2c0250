"""The tree of clusters: topics, and within each topic strata of agreement.

Topics are semantic (k-means on image and text side by side). They are not homogeneous in quality, and dropping whole
topics is worse than dropping at random; so each is cut into strata by the cross-fitted agreement of its pairs, in which
quality shows. Strata are the clusters that get scores and dispositions.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from influencespace.clusters.options import ClusterOptions
from influencespace.errors import ClustersError

# A stratum of fewer pairs has a mean that says nothing.
SMALLEST = 8
LARGE = 50_000


def topic_space(image: np.ndarray, text: np.ndarray) -> np.ndarray:
    """(n, kx + ky) float32: prepared features of both sides next to each other, each of unit length."""
    return np.concatenate([image, text], axis=1).astype(np.float32)


def find_topics(space: np.ndarray, options: ClusterOptions) -> np.ndarray:
    """(n,) int: the topic of each pair, numbered by size (0 is the largest).

    Raises
    ------
    ClustersError
        If there are no pairs.
    """
    if len(space) == 0:
        raise ClustersError("There are no training pairs to cluster.")
    count = max(1, min(options.topics, len(space) // (SMALLEST * options.strata)))
    if count == 1:
        return np.zeros(len(space), dtype=np.int64)
    method = KMeans if len(space) <= LARGE else MiniBatchKMeans
    # One thread: sums of many threads differ in their last bits from run to run, and so might the topics.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Fewer different pairs than topics are no error: there are as many topics as pairs that differ.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        labels = method(count, n_init=4, random_state=options.seed).fit_predict(space)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return rank[labels]


def cut_strata(topics: np.ndarray, agreement: np.ndarray, strata: int) -> np.ndarray:
    """(n,) int: the stratum of each pair in its topic, of (nearly) equal size; 0 is where captions fit worst.

    Small topics get fewer strata. Equal agreements are ordered by position, so that the cut is always the same.
    """
    out = np.zeros(len(topics), dtype=np.int64)
    for topic in np.unique(topics):
        members = np.flatnonzero(topics == topic)
        count = max(1, min(strata, len(members) // SMALLEST))
        ordered = members[np.argsort(agreement[members], kind="stable")]
        out[ordered] = np.arange(len(members)) * count // len(members)
    return out


def cluster_ids(topics: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """(n,) str: "topic.stratum"."""
    return np.char.add(np.char.add(topics.astype(str), "."), strata.astype(str)).astype(object)
