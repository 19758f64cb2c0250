"""A small workspace with every artifact, written without any stage: drawn photos and figures that are easy to predict.

Of ``TRAIN`` training pairs in 3 topics of 2 clusters (stratum 0 fits worst), those of stratum 0 harm and those of stratum
1 help; the first of each harmful cluster are pruned until a fifth is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from fabricated_results import comparison
from PIL import Image

from influencespace import integrity
from influencespace.curation.options import PlanOptions
from influencespace.options import Options, option
from influencespace.workspace import Workspace

TRAIN, VALIDATION, TEST = 60, 12, 12
TOPICS = ["dog, frisbee, grass", "boat, harbour, sea", "street, bicycle, rain"]
VALUES = ["woman", "man"]
TARGETS = ["overall", "gender=woman", "gender=man"]
LOSSES, GAINS = (2.0, 2.5, 1.9), (0.5, 0.6, 0.4)
ARMS = {"influence": 48, "random": 48, "agreement": 48, "full": 60, "start": 60}


@dataclass(frozen=True)
class AnyOptions(Options):
    """Stands for the options of every stage."""

    seed: int = option(0, "Seed.")


def fabricate(path: Path, upto: str = "training") -> Workspace:
    """Write the artifacts up to and including ``upto``."""
    workspace = Workspace(path, create=True)
    for name, write in WRITERS.items():
        options = PlanOptions() if name == "plan" else AnyOptions()
        with workspace.write(name, options) as draft:
            write(draft, workspace)
        if name == upto:
            break
    return workspace


def rewritten(workspace: Workspace, name: str) -> None:
    """Take the files of an artifact that a test has rewritten for those that its stage has written."""
    record = workspace.path / name / integrity.RECORD
    content = json.loads(record.read_text()) | {"files": integrity.listing(record.parent)}
    record.write_text(json.dumps(content))


def write_pairs(draft, workspace):
    images = workspace.path / "images"
    images.mkdir(exist_ok=True)
    rows = []
    for i in range(TRAIN + VALIDATION + TEST):
        file = images / f"{i}.png"
        Image.new("RGB", (32, 32), (40 + 2 * i, 90, 200 - i)).save(file)
        split = "train" if i < TRAIN else "validation" if i < TRAIN + VALIDATION else "test"
        rows.append({
            "id": f"pair-{i}", "row": i + 1, "image": file.name, "image_path": str(file), "split": split,
            "caption": f"A {VALUES[i % 2]} with <b>{TOPICS[i % 3].split(',')[0]}</b> number {i}", "photo": f"{i:032x}",
            "group.gender": VALUES[i % 2] if i % 5 else "unknown",
        })
    draft.table("pairs", pd.DataFrame(rows))
    found = (7, "x", "unreadable image", "truncated"), (9, "y", "empty caption", "")
    problems = pd.DataFrame(found, columns=["row", "id", "problem", "detail"])
    draft.table("problems", problems.assign(table="pairs.csv", action="left out"))
    counts = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
    draft.facts = {
        "source": "pairs.csv", "format": "table", "groups": {"gender": VALUES}, "lexicon": [], "counts": counts,
        "photos": counts, "problems": {"unreadable image": 1, "empty caption": 1},
    }


def write_features(draft, workspace):
    draw, n = np.random.default_rng(1), TRAIN + VALIDATION + TEST
    for name in ("image", "text"):  # those of a topic are alike
        draft.array(name, (np.eye(4)[np.arange(n) % 3] + 0.05 * draw.standard_normal((n, 4))).astype(np.float16))
    duplicates = np.arange(n, dtype=np.int32)
    duplicates[[3, 6]] = 0
    draft.array("duplicates", duplicates)
    draft.facts = {"encoder": "demo", "aligned": True, "aligned_why": "", "device": "cpu", "seconds": 1.0}


def write_proxy(draft, workspace):
    agreement = np.where(_stratum() == 0, -1.0, 1.0) + np.arange(TRAIN) / 100
    draft.array("agreement", agreement.astype(np.float32))


def write_clusters(draft, workspace):
    draw = np.random.default_rng(0)
    topic = np.arange(TRAIN) % 3
    xy = 0.25 + 0.25 * topic[:, None] + 0.06 * draw.standard_normal((TRAIN, 2))
    draft.table("members", pd.DataFrame({"topic": topic, "cluster": _cluster(), "x": xy[:, 0], "y": xy[:, 1]}).astype(
        {"x": "float32", "y": "float32"}))
    draft.table("clusters", pd.DataFrame([
        {"cluster": f"{t}.{s}", "topic": t, "stratum": s, "name": f"{TOPICS[t]}: captions that fit {word}",
         "pairs": TRAIN // 6, "agreement": 2.0 * s - 1} for t in range(3) for s, word in enumerate(("badly", "well"))
    ]))
    draft.table("topics", pd.DataFrame([
        {"topic": t, "name": name, "keywords": name.split(", "), "pairs": TRAIN // 3} for t, name in enumerate(TOPICS)
    ]))
    draft.facts = {"projection": "umap of all pairs"}


def write_scores(draft, workspace):
    score = np.where(_stratum() == 0, -0.02, 0.03).astype(np.float32)
    draft.table("pairs", pd.DataFrame({target: score for target in TARGETS}))
    for name, keys in (("clusters", sorted(set(_cluster()))), ("topics", range(3))):
        of = _cluster() if name == "clusters" else np.arange(TRAIN) % 3
        rows = []
        for key in keys:
            mean = float(score[of == key].mean())
            row = {name.removesuffix("s"): key, "share_pairs": 1 / len(keys), "share_benefit": max(mean, 0.0) * 10}
            for target in TARGETS:
                row |= {target: mean * np.sum(of == key), f"{target}.mean": mean, f"{target}.error": 0.004}
            rows.append(row)
        draft.table(name, pd.DataFrame(rows))
    draft.json("targets", [
        {"name": name, "attribute": attribute, "value": value, "photos": 5, "loss": 2.0, "loss_error": 0.1}
        for name, attribute, value in zip(TARGETS, (None, "gender", "gender"), (None, *VALUES), strict=True)
    ])


def write_plan(draft, workspace, reduction: float = 0.2):
    """Prune the first of the harmful pairs; the helpful ones of topic 0 count twice."""
    pruned = np.flatnonzero(_stratum() == 0)[: round(reduction * TRAIN)]
    weight = np.ones(TRAIN, dtype=np.float32)
    weight[(_stratum() == 1) & (np.arange(TRAIN) % 3 == 0)] = 2
    weight[pruned] = 0
    disposition = np.select([weight == 0, weight > 1], ["prune", "up-weight"], "keep")
    draft.table("pairs", pd.DataFrame({"weight": weight, "disposition": disposition}))
    rows = []
    for name in sorted(set(_cluster())):
        own = _cluster() == name
        kept = int(np.sum(weight[own] > 0))
        rows.append({
            "cluster": name, "disposition": "prune" if kept == 0 else "prune in part" if kept < own.sum() else "keep",
            "weight": float(weight[own].max()), "kept": kept, "pairs": int(own.sum()), "score": 0.1,
            "reason": "its captions fit badly and it harms", "decided": False,
        })
    draft.table("clusters", pd.DataFrame(rows))
    draft.json("plan", {"reduction": reduction})
    kept = int(np.sum(weight > 0))
    draft.facts = {
        "pairs": TRAIN, "kept": kept, "removed": TRAIN - kept, "up_weighted": int(np.sum(weight > 1)), "notes": [],
    }


def write_effects(draft, workspace):
    """A model in one direction: the gain is GAINS times how much larger the share of helpful clusters is."""
    clusters = sorted(set(_cluster()))
    helps = np.array([1.0 if name.endswith(".1") else -1.0 for name in clusters], dtype=np.float32)
    effect = 0.02 * helps + 0.001 * np.arange(len(clusters), dtype=np.float32)
    columns = {name: effect * gain for name, gain in zip(TARGETS, GAINS, strict=True)}
    draft.table("clusters", pd.DataFrame({
        "cluster": clusters, **columns, **{f"{name}.first order": 0.5 * column for name, column in columns.items()},
    }))
    alike = np.full((1, len(clusters)), 1 / len(clusters), dtype=np.float32)
    draft.tensors("response", {
        "gradients": -helps[:, None], "curvature": np.ones((len(clusters), 1, 1), dtype=np.float32),
        "pull": np.zeros(1, dtype=np.float32), "ridge": np.zeros((1, 1), dtype=np.float32),
        "target_gradients": -np.array(GAINS, dtype=np.float32)[:, None],
        "target_curvature": np.zeros((len(TARGETS), 1, 1), dtype=np.float32),
        "reference_shares": alike, "reference_missed": np.zeros((1, len(TARGETS)), dtype=np.float32),
    })
    losses = dict(zip(TARGETS, LOSSES, strict=True))
    draft.facts = {"targets": TARGETS, "ridge": 0.1, "pairs": TRAIN, "of": TRAIN, "losses": losses}


def write_verification(draft, workspace):
    """Of four clusters the effects come out a tenth larger than predicted; the check of men is doubtful."""
    predicted = workspace.artifact("effects").table("clusters").iloc[[0, 1, 3, 5]]
    draft.table("clusters", pd.concat([
        pd.DataFrame({
            "cluster": predicted["cluster"], "target": name, "predicted": predicted[name],
            "first_order": predicted[f"{name}.first order"], "actual": 1.1 * predicted[name],
        }) for name in TARGETS
    ], ignore_index=True))
    draft.table("plans", pd.DataFrame([
        {"reduction": ratio, "cap": 2.0, "target": name, "predicted": ratio, "actual": ratio + 0.01}
        for ratio in (0.15, 0.3) for name in TARGETS
    ]))
    verdicts = dict(zip(TARGETS, ("verified", "verified", "doubtful"), strict=True))
    figure, undefined = {"mean": 0.99, "low": 0.9, "high": 1.0}, {"mean": None, "low": None, "high": None}
    slopes = dict(zip(TARGETS, (figure, figure, undefined), strict=True))
    draft.json("verification", {"clusters": 4, "of": 6, "targets": {
        name: {
            "verdict": verdicts[name], **dict.fromkeys(("spearman", "pearson", "sign_accuracy"), figure), "slope": slopes[name],
            "majority": 0.75, "clusters": 4,
        } for name in TARGETS
    }})
    draft.facts = {"verdicts": verdicts, "clusters": 4}


def write_training(draft, workspace):
    draft.json("results", results())
    draft.table("curves", pd.DataFrame([
        {"arm": arm, "seed": seed, "epoch": epoch, "loss": 3.0 / epoch, "recall": 40.0 + epoch}
        for arm in ARMS if arm != "start" for seed in (0, 1) for epoch in (1, 2, 3)
    ]))
    draft.table("ranks", ranks())
    draft.table("photos", pd.DataFrame({
        "photo": [f"{i:032x}" for i in range(TRAIN + VALIDATION, TRAIN + VALIDATION + TEST)],
        "group.gender": [VALUES[i % 2] if i % 5 else "unknown" for i in range(TRAIN + VALIDATION, TRAIN + VALIDATION + TEST)],
    }))


def results() -> dict:
    """A comparison of arms as ``influencespace.evaluation.compare`` makes it."""
    return comparison(ARMS, VALUES, TRAIN, TEST)


def ranks() -> pd.DataFrame:
    """Query q has rank q, but with influence 8 less, and the first comes last."""
    rows = []
    for arm in ARMS:
        for seed in (0,) if arm == "start" else (0, 1):
            for direction in ("image_to_text", "text_to_image"):
                for query in range(TEST):
                    rank = query if arm != "influence" else TEST - 1 if query == 0 else max(query - 8, 0)
                    rows.append({"arm": arm, "seed": seed, "direction": direction, "query": query, "photo": query, "rank": rank})
    return pd.DataFrame(rows)


def write_ablations(draft, workspace):
    """Two seeds; a cap of 1 is surely 3 points worse than the own 4, one of 8 a point better and undecided; folds do nothing."""
    own, grid = {"cap": 4.0, "folds": 2}, {"cap": [1.0, 4.0, 8.0], "folds": [2, 5]}
    change = {("cap", 1.0): -3.0, ("cap", 8.0): 1.0}
    rows = []
    for knob, values in grid.items():
        for value in values:
            is_own, moved = value == own[knob], change.get((knob, value), 0.0)
            for metric, level, by in (("R@1", 20.0, moved), ("R@5", 40.0, moved), ("R@10", 55.0, moved), ("gap", 4.0, -moved)):
                about = ("gender", "man", "woman") if metric == "gap" else ("", "", "")
                rows.append(
                    {"knob": knob, "value": float(value), "own": is_own, "metric": metric}
                    | dict(zip(("attribute", "ahead", "behind"), about, strict=True))
                    | {"mean": level + by, "low": level + by - 2.5, "high": level + by + 2.5}
                    | dict.fromkeys(("change", "change_low", "change_high"), np.nan)
                    | ({} if is_own else {"change": by, "change_low": by - 1.5, "change_high": by + 1.5})
                    | {"pairs": 48.0, "training_seconds": 1.0, "scoring_seconds": 20.0 + 10.0 * (knob == "folds" and not is_own)}
                )
    draft.table("figures", pd.DataFrame(rows))
    draft.facts = {
        "format": 1, "grid": grid, "own": own, "missing": {"fairness": "no groups are compared"}, "seeds": 2, "runs": 8,
        "photos": TEST, "captions": TEST, "settings": {},
    }


def _stratum() -> np.ndarray:
    return (np.arange(TRAIN) // 3) % 2


def _cluster() -> np.ndarray:
    return np.array([f"{i % 3}.{s}" for i, s in enumerate(_stratum())])


WRITERS = {
    "pairs": write_pairs, "features": write_features, "proxy": write_proxy, "clusters": write_clusters,
    "scores": write_scores, "plan": write_plan, "effects": write_effects, "verification": write_verification,
    "training": write_training, "ablations": write_ablations,
}
