"""A workspace with a plan, made by hand: eight training pairs in three clusters, two of them pruned."""

import warnings
from itertools import groupby

import pandas as pd
import webdataset
from PIL import Image

from influencespace.options import Options
from influencespace.workspace import Workspace

CAPTIONS = [
    "a dog runs", 'he said "hi", then left', "two\nlines\r\nand a\rreturn", "=SUM(A1:A9)",
    "ein Mädchen 🐕 läuft\u2028weiter", "  spaces  ", "NA", "held out", "x,y;z\tw", "'single'",
]
# Ids as DataComp has them.
UIDS = [f"{(i * 0x9E3779B97F4A7C15F39CC0605CEDC834) % 2**128:032x}" for i in range(1, 11)]
# Of the training pairs, and of all pairs.
KEPT = [0, 1, 2, 4, 5, 7]
KEPT_PAIRS = [0, 1, 2, 4, 5, 8]


def pairs(folder):
    return pd.DataFrame({
        "id": [f"p{i}" for i in range(10)],
        "row": range(1, 11),
        "image": [f"images/{i}.jpg" for i in range(10)],
        "image_path": [str(folder / "images" / f"{i}.jpg") for i in range(10)],
        "caption": CAPTIONS,
        "photo": [f"{i:032x}" for i in range(10)],
        "split": ["train"] * 7 + ["test"] + ["train", "validation"],
        "group.gender_words": ["female", "male"] * 5,
        "group.topic": ["x"] * 10,
        "meta.topic": ["y"] * 10,
        "meta.width": [160.5, None, 3.0, 4.0, float("inf"), 6.0, 7.0, 8.0, 9.0, 10.0],
        "meta.flag": [True, False] * 5,
    })


def tables():
    """Plan and clusters of the eight training pairs p0 to p6 and p8."""
    members = pd.DataFrame({
        "topic": [0, 0, 0, 0, 1, 1, 1, 0], "cluster": ["0.0", "0.0", "0.1", "0.0", "1.0", "1.0", "1.0", "0.1"],
        "x": 0.5, "y": 0.5,
    })
    clusters = pd.DataFrame({
        "cluster": ["0.0", "0.1", "1.0"], "topic": [0, 0, 1], "name": ["dogs, badly", "dogs", "people"],
    })
    topics = pd.DataFrame({"topic": [0, 1], "name": ["dog, grass", "people"]})
    decided = pd.DataFrame({
        "weight": pd.array([1, 1, 1.3, 0, 1, 1, 0, 1.3], dtype="float32"),
        "disposition": ["keep", "keep", "up-weight", "prune", "keep", "keep", "prune", "up-weight"],
    })
    reasons = pd.DataFrame({"cluster": ["0.0", "0.1", "1.0"], "reason": ["fits badly", "helps female", "boundary"],
                            "disposition": ["prune in part", "up-weight", "prune in part"]})
    return members, clusters, topics, decided, reasons


def plan_json(folder):
    members, clusters, topics, decided, reasons = tables()
    training = pairs(folder).query("split == 'train'")

    def runs(values):
        return [[value, len(list(group))] for value, group in groupby(values)]

    kept = decided.iloc[KEPT]
    reason = reasons.set_index("cluster")["reason"]
    return {
        "format": 1, "reduction": 0.25, "cap": 4.0, "options": {}, "inputs": {}, "pairs": 8, "kept": 6,
        "ids": training["id"].iloc[KEPT].tolist(),
        "weights": runs(float(w) for w in kept["weight"]),
        "clusters": {
            cluster: {"topic": topic, "name": name, "disposition": "keep", "reason": reason[cluster]}
            for cluster, topic, name in zip(*(clusters[c].tolist() for c in ("cluster", "topic", "name")), strict=True)
        },
        "topics": {str(topic): name for topic, name in zip(topics["topic"], topics["name"], strict=True)},
        "members": runs(members["cluster"].iloc[KEPT]),
        "dispositions": runs(kept["disposition"]),
    }


def workspace(folder, parts=(), **columns):
    """``folder/W``, with ``folder/pairs.jsonl`` and ``folder/images`` as what it came from; ``columns`` differ.

    ``parts`` are the files of the source by splits.
    """
    (folder / "images").mkdir(parents=True)
    for i in range(10):
        Image.new("RGB", (8, 8), (25 * i, 100, 200)).save(folder / "images" / f"{i}.jpg")
    source = folder / "pairs.jsonl"
    source.write_text("{}\n", encoding="utf-8")
    made = Workspace(folder / "W", create=True)
    members, clusters, topics = tables()[:3]
    with made.write("pairs", Options()) as draft:
        draft.table("pairs", pairs(folder).assign(**columns))
        draft.facts = {"source": str(source)} | ({"parts": parts} if parts else {})
    for name in ("features", "proxy"):
        with made.write(name, Options()):
            pass
    with made.write("clusters", Options()) as draft:
        draft.table("members", members)
        draft.table("clusters", clusters)
        draft.table("topics", topics)
    write_scores_and_plan(made, folder)
    return made


def write_scores_and_plan(made, folder, pruned=()):
    decided, reasons = tables()[3:]
    decided.loc[list(pruned), "weight"] = 0
    kept = int((decided["weight"] > 0).sum())
    with made.write("scores", Options()):
        pass
    with made.write("plan", Options()) as draft:
        draft.table("pairs", decided)
        draft.table("clusters", reasons)
        draft.json("plan", plan_json(folder) | {"kept": kept})
        draft.facts = {"pairs": 8, "kept": kept, "removed": 8 - kept, "up_weighted": 2, "notes": []}


def samples_of(path, decode=False):
    """What webdataset reads from a shard, or from all of a folder."""
    names = sorted(map(str, path.iterdir())) if path.is_dir() else [str(path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves closing to the collector
        found = webdataset.WebDataset(names, shardshuffle=False)
        return list(found.decode("pil") if decode else found)
