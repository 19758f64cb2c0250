"""Which cluster and topic each training pair is in, coded once: many plans are made of the same pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from influencespace.curation.sorting import grouped
from influencespace.pairs.views import coded
from influencespace.workspace import Artifact


@dataclass(frozen=True)
class Members:
    """The clusters of n pairs, c of them.

    Attributes
    ----------
    labels
        (c,) the clusters, sorted.
    member
        (n,) int64 index into ``labels`` of each pair.
    topics
        (c,) int64 the topic of each cluster.
    """

    labels: np.ndarray
    member: np.ndarray
    topics: np.ndarray

    @classmethod
    def of(cls, clusters: np.ndarray, topics: np.ndarray) -> Members:
        """From the (n,) cluster and (n,) topic of each pair; the pairs of a cluster share their topic."""
        labels, member = coded(clusters)
        return cls(labels, member, _of_clusters(np.asarray(topics), member, len(labels)))

    @classmethod
    def read(cls, clusters: Artifact) -> Members:
        """From the artifact ``clusters``."""
        columns = clusters.columns("members", ["cluster", "topic"], coded=["cluster"])
        cluster = columns["cluster"].unify_dictionaries().combine_chunks()
        labels, place = coded(cluster.dictionary.to_numpy(zero_copy_only=False))
        member = place[cluster.indices.to_numpy()]
        return cls(labels, member, _of_clusters(columns["topic"].to_numpy(), member, len(labels)))

    @cached_property
    def pairs(self) -> np.ndarray:
        """(c,) how many pairs each cluster has."""
        return np.bincount(self.member, minlength=len(self.labels))

    @cached_property
    def of_topics(self) -> tuple[np.ndarray, np.ndarray]:
        """(k,) how many pairs each topic has, and the (n,) index of each pair's topic; topics in ascending order."""
        code = np.unique(self.topics, return_inverse=True)[1]
        return np.bincount(code, self.pairs).astype(np.int64), code[self.member]

    def rows(self, clusters: np.ndarray) -> np.ndarray:
        """(m,) the pairs of the clusters that are true in (c,) ``clusters``, ascending."""
        order, ends = self._together
        own = [order[ends[c] - self.pairs[c] : ends[c]] for c in np.flatnonzero(clusters)]
        return np.sort(np.concatenate(own)) if len(own) > 1 else own[0] if own else np.empty(0, dtype=np.int64)

    @cached_property
    def _together(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) the pairs cluster by cluster, and (c,) where each cluster ends: a decision on one does not look at all pairs."""
        return grouped(self.member, len(self.labels)), np.cumsum(self.pairs)

    def cluster(self, name: str) -> np.ndarray:
        """(c,) bool, which cluster has that name, if any."""
        return self.labels == name

    def topic(self, name: str) -> np.ndarray:
        """(c,) bool, which clusters are of the topic of that number, if any."""
        return pd.Index(self.topics).astype(str) == name


def _of_clusters(topics: np.ndarray, member: np.ndarray, count: int) -> np.ndarray:
    out = np.empty(count, dtype=np.int64)
    out[member] = topics
    return out
