"""The stage ``cluster``: the tree of topics and strata, their names, and the map."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from influencespace import engines
from influencespace.clusters.names import name_clusters, name_strata, topic_names
from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.projection import project
from influencespace.clusters.tree import TopicSpace, cluster_ids, cut_strata, find_topics
from influencespace.engines import Piece
from influencespace.options import restore
from influencespace.progress import Progress, silent
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import prepared_pairs
from influencespace.workspace import Artifact, Workspace


def find_clusters(workspace: Workspace, options: ClusterOptions, progress: Progress = silent) -> Artifact:
    """Cluster the training pairs and write the artifact ``clusters``.

    Raises
    ------
    ClustersError
        If there are no training pairs.
    """
    with workspace.write("clusters", options) as draft, engines.start(options, draft.pieces) as engine:
        proxy = workspace.artifact("proxy")
        pairs = prepared_pairs(workspace, restore(ProxyOptions, proxy.record["options"]), "cpu")
        space = TopicSpace(pairs.image.numpy(), pairs.text.numpy(), pairs.train)
        progress(0, 2, "finding topics")
        topics = engine.once("topics", lambda: {"topics": find_topics(space, options)})["topics"]
        agreement = np.asarray(proxy.array("agreement"))
        strata = cut_strata(topics, agreement, options.strata)
        captions = workspace.artifact("pairs").table("pairs")["caption"].iloc[pairs.train].tolist()
        progress(1, 2, "finding topics")
        keywords = _decoded(engine.once("keywords", lambda: _coded(name_clusters(captions, topics))))
        xy, how = project(space, options.seed, options.sample, progress, engine)
        members = pd.DataFrame({
            "topic": topics, "cluster": cluster_ids(topics, strata), "x": xy[:, 0], "y": xy[:, 1],
        })
        draft.table("members", members)
        draft.table("topics", _topics(topics, keywords))
        draft.table("clusters", _clusters(topics, strata, agreement, topic_names(keywords)))
        draft.facts = {"projection": how, "topics": int(topics.max()) + 1, "clusters": int(members["cluster"].nunique())}
    return workspace.artifact("clusters")


def _coded(keywords: dict[int, list[str]]) -> Piece:
    """Words as bytes of JSON, for pieces are numbers."""
    return {"json": np.frombuffer(json.dumps(list(keywords.items())).encode(), dtype=np.uint8)}


def _decoded(piece: Piece) -> dict[int, list[str]]:
    return dict(json.loads(piece["json"].tobytes()))


def _topics(topics: np.ndarray, keywords: dict[int, list[str]]) -> pd.DataFrame:
    names, sizes = topic_names(keywords), np.bincount(topics)
    return pd.DataFrame({
        "topic": range(len(sizes)), "name": [names[t] for t in range(len(sizes))],
        "keywords": [keywords[t] for t in range(len(sizes))], "pairs": sizes,
    })


def _clusters(topics: np.ndarray, strata: np.ndarray, agreement: np.ndarray, names: dict[int, str]) -> pd.DataFrame:
    frame = pd.DataFrame({"topic": topics, "stratum": strata, "agreement": agreement})
    table = frame.groupby(["topic", "stratum"], as_index=False).agg(pairs=("agreement", "size"), agreement=("agreement", "mean"))
    count = table.groupby("topic")["stratum"].transform("size")
    table["name"] = [
        name_strata(names[t], n)[s] for t, s, n in zip(table["topic"], table["stratum"], count, strict=True)
    ]
    table.insert(0, "cluster", cluster_ids(table["topic"].to_numpy(), table["stratum"].to_numpy()))
    return table
