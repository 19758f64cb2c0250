"""Workspaces of any size, written without any stage in well under a minute: what the browser tests of scale look at.

    python tests/browser/drawn.py FOLDER PAIRS

Topics are blobs on the map, sizes fall as in real data (Zipf), strata fit better from 0 upward, influence goes by cluster with
noise by pair, and captions and photos (a small pool of drawn JPEGs, used in turn) go with the topic.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import shares, weights_along
from influencespace.curation.stage import plan_subset
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import EffectOptions, ScoreOptions
from influencespace.pairs.images import digest
from influencespace.pairs.options import ImportOptions
from influencespace.proxy.options import ProxyOptions
from influencespace.workspace import Workspace

STRATA, PHOTOS, HELD_OUT = 5, 200, 200
VALUES = ["woman", "man", "unknown"]
TARGETS = {"overall": None, "gender=woman": "woman", "gender=man": "man"}
LOSSES = {"overall": 3.4, "gender=woman": 3.7, "gender=man": 3.2}
FITS = ("badly", "rather badly", "as most do", "rather well", "well")
SUBJECTS = (
    "dog", "cat", "bird", "horse", "boat", "train", "cyclist", "child", "farmer", "singer", "runner", "cook", "painter", "bus",
    "kite",
)
PLACES = (
    "beach", "forest", "market", "station", "kitchen", "field", "harbour", "street", "park", "bridge", "garden", "stadium",
    "desert",
)
DOINGS = ("waits", "rests", "runs", "plays", "stands", "turns", "jumps", "looks", "sits", "moves")
LOOKS = ("red", "blue", "green", "small", "old", "bright", "quiet", "wet", "tall", "wooden")
DAMAGES = ["none", "caption of another photo", "untitled"]
# How many nats of a target's loss one unit of influence is; influence of clusters spreads by some hundredths.
NATS = 4.0


@dataclass(frozen=True)
class Drawn:
    """What was drawn for n training pairs in c clusters: ``topic, stratum`` (n,), and for clusters ``mean`` (c, targets)."""

    topic: np.ndarray
    stratum: np.ndarray
    mean: np.ndarray

    @property
    def member(self) -> np.ndarray:
        """(n,) the cluster, numbered by topic and stratum."""
        return self.topic * STRATA + self.stratum


def draw_workspace(path: str | Path, pairs: int, clusters: int = 1000) -> Workspace:
    """Write a workspace with all artifacts from ``pairs`` to ``effects``.

    Parameters
    ----------
    path
        A new folder.
    pairs
        How many training pairs; 200 photos are held out for validation and 200 for test.
    clusters
        How many, ``STRATA`` a topic; a multiple of that.
    """
    workspace, draw = Workspace(path, create=True), np.random.default_rng(0)
    topics = clusters // STRATA
    size = 1 / np.arange(3, topics + 3)
    topic = draw.permutation(topics)[draw.choice(topics, pairs, p=size / size.sum())]
    topic[: topics * STRATA] = np.tile(np.arange(topics), STRATA)[:pairs]  # no cluster is empty
    stratum = draw.integers(0, STRATA, pairs)
    stratum[: topics * STRATA] = np.repeat(np.arange(STRATA), topics)[:pairs]
    mean = 0.02 * draw.standard_normal((topics, 1)) + 0.012 * (np.tile(np.arange(STRATA), (topics, 1)) - 1.6)
    mean = mean.reshape(-1, 1) + 0.01 * draw.standard_normal((clusters, len(TARGETS)))
    drawn = Drawn(topic, stratum, mean.astype(np.float32))
    _pairs(workspace, drawn, draw)
    _features_and_proxy(workspace, drawn, draw)
    _clusters(workspace, drawn, draw)
    _scores(workspace, drawn, draw)
    plan_subset(workspace, PlanOptions())
    _effects(workspace, drawn, draw)
    return workspace


def topic_name(topic: int) -> str:
    """Three words that only this topic has together."""
    return f"{SUBJECTS[topic % 15]}, {PLACES[topic % 13]}, {LOOKS[topic // 15 % 10]}"


def _photos(folder: Path) -> tuple[list[str], list[str]]:
    """Paths and digests of the pool."""
    folder.mkdir(exist_ok=True)
    paths, digests = [], []
    for i in range(PHOTOS):
        draw, file = np.random.default_rng(i), folder / f"{i:03d}.jpg"
        photo = Image.linear_gradient("L").resize((320, 240)).convert("RGB")
        photo = Image.blend(photo, Image.new("RGB", (320, 240), tuple(draw.integers(0, 256, 3).tolist())), 0.7)
        brush = ImageDraw.Draw(photo)
        for x, y, radius in draw.integers((0, 0, 15), (320, 240, 70), (4, 3)).tolist():
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(draw.integers(0, 256, 3).tolist()))
        photo.save(file, quality=85)
        paths.append(str(file))
        digests.append(digest(file.read_bytes()))
    return paths, digests


def _pairs(workspace: Workspace, drawn: Drawn, draw: np.random.Generator) -> None:
    count, topics = len(drawn.topic), int(drawn.topic.max()) + 1
    paths, digests = (np.array(part, dtype=object) for part in _photos(workspace.path / "photos"))
    topic = np.r_[drawn.topic, draw.integers(0, topics, 2 * HELD_OUT)]
    total = len(topic)
    damage = np.r_[np.where((drawn.stratum == 0) & (draw.random(count) < 0.4), draw.integers(1, 3, count), 0), np.zeros(400, int)]
    shown = np.where(damage == 1, draw.integers(0, topics, total), topic)
    said = [
        f"A {look} {SUBJECTS[t % 15]} {doing} in the {PLACES[t % 13]}, {LOOKS[t // 15 % 10]} light"
        for t in range(topics) for look in LOOKS for doing in DOINGS
    ]
    caption = np.array(said, dtype=object)[100 * shown + draw.integers(0, 100, total)]
    photo = (3 * topic + draw.integers(0, 4, total)) % PHOTOS
    value = np.where(draw.random(total) < 0.25, 2, (draw.random(total) < 0.3 + 0.4 * (topic % 2)).astype(int))
    held_out = ["validation"] * HELD_OUT + ["test"] * HELD_OUT
    table = pd.DataFrame({
        "id": [f"pair-{i}" for i in range(total)], "row": np.arange(1, total + 1),
        "image": np.array([Path(path).name for path in paths], dtype=object)[photo], "image_path": paths[photo],
        "caption": np.where(damage == 2, "untitled image", caption), "photo": digests[photo],
        "split": np.r_[np.full(count, "train", dtype=object), np.array(held_out, dtype=object)],
        "group.gender": np.array(VALUES, dtype=object)[value], "meta.damage": np.array(DAMAGES, dtype=object)[damage],
    })
    counts = {"train": count, "validation": HELD_OUT, "test": HELD_OUT}
    with workspace.write("pairs", ImportOptions(source=str(workspace.path / "drawn.csv"), groups=("gender:woman,man",))) as draft:
        draft.table("pairs", table)
        draft.table("problems", pd.DataFrame({
            "table": ["drawn.csv"] * 2, "row": [7, 9], "id": ["x", "y"], "problem": ["unreadable image", "empty caption"],
            "detail": ["truncated", ""], "action": ["left out"] * 2,
        }))
        draft.facts = {
            "source": str(workspace.path / "drawn.csv"), "format": "table", "groups": {"gender": VALUES[:2]}, "lexicon": [],
            "counts": counts, "photos": {"train": PHOTOS, "validation": PHOTOS, "test": PHOTOS},
            "problems": {"unreadable image": 1, "empty caption": 1},
        }


def _features_and_proxy(workspace: Workspace, drawn: Drawn, draw: np.random.Generator) -> None:
    count = len(drawn.topic)
    total = count + 2 * HELD_OUT
    duplicates = np.arange(total, dtype=np.int32)
    of_topic = np.argsort(drawn.topic, kind="stable")  # neighbours in this order are alike
    first = draw.choice(count // 4, count // 100, replace=False) * 4
    for place in (1, 2):
        duplicates[of_topic[first + place]] = of_topic[first]
    with workspace.write("features", EmbedOptions()) as draft:
        for side in ("image", "text"):
            draft.array(side, draw.standard_normal((total, 8), dtype=np.float32).astype(np.float16))
        draft.array("duplicates", duplicates)
        draft.facts = {
            "encoder": "drawn", "aligned": True, "aligned_why": "they were drawn so", "logit_scale": None,
            "duplicates": int((duplicates != np.arange(total)).sum()), "device": "cpu", "seconds": 1.0,
        }
    with workspace.write("proxy", ProxyOptions()) as draft:
        draft.array("agreement", (0.8 * (drawn.stratum - 2) + 0.4 * draw.standard_normal(count)).astype(np.float32))
        draft.array("folds", draw.integers(0, 2, (3, count)).astype(np.int8))
        draft.tensors("models", {"models": np.zeros((3, 2, 8, 8), np.float32), "priors": np.zeros((3, 2, 8, 8), np.float32)})
        draft.facts = {"ridge": 0.1, "dimensions": [8, 8], "aligned": True}


def _clusters(workspace: Workspace, drawn: Drawn, draw: np.random.Generator) -> None:
    count, topics = len(drawn.topic), len(drawn.mean) // STRATA
    centre, width = draw.random((topics, 2)), 0.015 + 0.02 * draw.random((topics, 1))
    turn = 2 * np.pi * np.arange(STRATA) / STRATA
    offset = 0.02 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    xy = centre[drawn.topic] + offset[drawn.stratum] + width[drawn.topic] * draw.standard_normal((count, 2))
    xy = (xy - xy.min(0)) / (xy.max(0) - xy.min(0))
    names = _names(topics)
    own, size = np.arange(len(drawn.mean)), np.bincount(drawn.member, minlength=len(drawn.mean))
    with workspace.write("clusters", ClusterOptions(topics=topics, strata=STRATA)) as draft:
        draft.table("members", pd.DataFrame({
            "topic": drawn.topic, "cluster": names[drawn.member], "x": xy[:, 0].astype(np.float32),
            "y": xy[:, 1].astype(np.float32),
        }))
        draft.table("clusters", pd.DataFrame({
            "cluster": names, "topic": own // STRATA, "stratum": own % STRATA,
            "name": [f"{topic_name(c // STRATA)}: captions that fit {FITS[c % STRATA]}" for c in own],
            "pairs": size, "agreement": 0.8 * (own % STRATA - 2),
        }))
        draft.table("topics", pd.DataFrame({
            "topic": range(topics), "name": [topic_name(t) for t in range(topics)],
            "keywords": [topic_name(t).split(", ") for t in range(topics)], "pairs": size.reshape(topics, STRATA).sum(1),
        }))
        draft.facts = {"projection": "umap of all pairs", "topics": topics, "clusters": len(names)}


def _scores(workspace: Workspace, drawn: Drawn, draw: np.random.Generator) -> None:
    topics = len(drawn.mean) // STRATA
    noise = 0.02 * draw.standard_normal((len(drawn.topic), len(TARGETS)), dtype=np.float32)
    score = pd.DataFrame(drawn.mean[drawn.member] + noise, columns=list(TARGETS))
    with workspace.write("scores", ScoreOptions()) as draft:
        draft.table("pairs", score)
        for level, label, member in (
            ("cluster", _names(topics), drawn.member), ("topic", np.arange(topics), drawn.topic),
        ):
            size = np.bincount(member, minlength=len(label))
            columns = {level: label}
            for target in TARGETS:
                total = np.bincount(member, score[target], minlength=len(label))
                columns |= {target: total, f"{target}.mean": total / size, f"{target}.error": 0.02 / np.sqrt(size)}
            table, benefit = pd.DataFrame(columns), np.maximum(columns["overall"], 0)
            draft.table(f"{level}s", table.assign(share_pairs=size / size.sum(), share_benefit=benefit / benefit.sum()))
        draft.json("targets", [
            {"name": name, "attribute": value and "gender", "value": value, "loss": LOSSES[name], "loss_error": 0.05,
             "photos": HELD_OUT if value is None else HELD_OUT // 3}
            for name, value in TARGETS.items()
        ])
        draft.facts = {"targets": list(TARGETS), "estimand": "anchor", "reliability": dict.fromkeys(TARGETS, 0.8)}


def _effects(workspace: Workspace, drawn: Drawn, draw: np.random.Generator) -> None:
    """A model whose gradients lie along those of the targets, so that its gains follow the drawn influence."""
    inputs, options = PlanInputs.read(workspace), PlanOptions()
    decided = inputs.decided({})
    own = inputs.standing(decided, options)
    order = np.argsort(_names(len(drawn.mean) // STRATA))  # artifacts list clusters by sorted label
    share = own.pairs / own.pairs.sum()
    mean = drawn.mean[order] - share @ drawn.mean[order]  # the optimum on all pairs has no slope
    size, count = 16, len(own.pairs)
    gradients = np.concatenate([NATS * mean, 0.05 * draw.standard_normal((count, size - len(TARGETS)))], axis=1)
    along = np.eye(len(TARGETS), size)
    ratios = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
    plans = shares(np.concatenate([weights_along(own, decided, cap, ratios) for cap in (1.0, 4.0)]), own.pairs)
    missed = -0.2 * np.tile(ratios, 2) ** 2  # what fewer pairs cost
    effect = (share / (1 - share))[:, None] * gradients[:, : len(TARGETS)] / 1.1
    columns = {name: effect[:, t].astype(np.float32) for t, name in enumerate(TARGETS)}
    with workspace.write("effects", EffectOptions()) as draft:
        draft.table("clusters", pd.DataFrame({
            "cluster": own.labels, **columns, **{f"{name}.first order": 0.8 * column for name, column in columns.items()},
        }))
        draft.tensors("response", {name: array.astype(np.float32) for name, array in {
            "gradients": -gradients, "curvature": np.tile(np.eye(size), (count, 1, 1)), "pull": -share @ -gradients,
            "ridge": 0.1 * np.eye(size), "target_gradients": -along, "target_curvature": np.zeros((len(TARGETS), size, size)),
            "reference_shares": plans, "reference_missed": np.tile(missed[:, None], len(TARGETS)),
        }.items()})
        draft.tensors("optimum", {"model": np.zeros((8, 8), np.float32), "prior": np.zeros((8, 8), np.float32)})
        draft.facts = {
            "targets": list(TARGETS), "ridge": 0.1, "losses": LOSSES, "of": len(drawn.topic),
            "pairs": min(len(drawn.topic), 20_000),
        }


def _names(topics: int) -> np.ndarray:
    """(c,) labels of the clusters, numbered by topic and stratum."""
    return np.array([f"{topic}.{stratum}" for topic in range(topics) for stratum in range(STRATA)], dtype=object)


if __name__ == "__main__":
    draw_workspace(sys.argv[1], int(sys.argv[2]))
