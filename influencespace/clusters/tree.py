"""The tree of clusters: topics, and within each topic strata of agreement.

Topics are semantic (k-means on image and text side by side). They are not homogeneous in quality, and dropping whole
topics is worse than dropping at random; so each is cut into strata by the cross-fitted agreement of its pairs, in which
quality shows. Strata are the clusters that get scores and dispositions.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from influencespace.clusters.options import ClusterOptions
from influencespace.errors import ClustersError

# A stratum of fewer pairs has a mean that says nothing.
SMALLEST = 8
LARGE = 50_000


class TopicSpace:
    """Prepared features of both sides of some pairs next to each other, each of unit length: (n, kx + ky) float32, read
    where asked, for all of them may be more than fits into memory.

    Parameters
    ----------
    image, text
        (all pairs, kx) and (all pairs, ky) of any float type.
    rows
        (n,) the pairs that are meant.
    """

    def __init__(self, image: np.ndarray, text: np.ndarray, rows: np.ndarray) -> None:
        self._sides, self._rows = (image, text), rows
        self.shape = (len(rows), image.shape[1] + text.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: np.ndarray | slice) -> np.ndarray:
        rows = self._rows[places]
        return np.concatenate([side[rows] for side in self._sides], axis=1, dtype=np.float32)


def find_topics(space: np.ndarray | TopicSpace, options: ClusterOptions) -> np.ndarray:
    """(n,) int: the topic of each pair, numbered by size (0 is the largest).

    Of more than 50,000 pairs the topics are found in a sample, and each other pair gets the nearest one.

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
    large = len(space) > LARGE
    fitted = np.random.default_rng(options.seed).choice(len(space), LARGE, replace=False) if large else slice(None)
    method = MiniBatchKMeans if large else KMeans
    # One thread: sums of many threads differ in their last bits from run to run, and so might the topics.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Fewer different pairs than topics are no error: there are as many topics as pairs that differ.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        model = method(count, n_init=4, random_state=options.seed).fit(space[fitted])
        chunks = [slice(start, start + LARGE) for start in range(0, len(space), LARGE)]
        labels = np.concatenate([model.predict(space[chunk]) for chunk in chunks]) if large else model.labels_
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return rank[labels]


def cut_strata(topics: np.ndarray, agreement: np.ndarray, strata: int) -> np.ndarray:
    """(n,) int: the stratum of each pair in its topic, of (nearly) equal size; 0 is where captions fit worst.

    Small topics get fewer strata. Equal agreements are ordered by position, so that the cut is always the same.
    """
    out = np.zeros(len(topics), dtype=np.int64)
    order = np.lexsort((agreement, topics))
    for ordered in np.split(order, np.flatnonzero(np.diff(topics[order])) + 1):
        count = max(1, min(strata, len(ordered) // SMALLEST))
        out[ordered] = np.arange(len(ordered)) * count // max(len(ordered), 1)
    return out


def cluster_ids(topics: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """(n,) str: "topic.stratum"."""
    codes, _ = pd.factorize(topics * (int(strata.max(initial=0)) + 1) + strata)
    first = np.unique(codes, return_index=True)[1]
    names = [f"{topic}.{stratum}" for topic, stratum in zip(topics[first], strata[first], strict=True)]
    return np.array(names, dtype=object)[codes]
