"""What the order of pruning is worth: plans with influence, agreement or both, on the workspaces of benchmarks/arms.py.

    python benchmarks/selection.py CASE --workspaces DIR [--seeds 3] [--json PATH]

Run benchmarks/arms.py for the case first: its workspaces, settings and halves are used, and every variant is trained with
the same folds and seeds.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from influencespace.evaluation.measure import Measured, RunMeasures, measure_run, pool
from influencespace.evaluation.stage import load
from influencespace.metrics.intervals import TwoWayBootstrap
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.training.arms import Curation, Redrawn
from influencespace.training.heads import HeadsSettings
from influencespace.training.options import TrainOptions
from influencespace.training.trainer import train_arm
from influencespace.workspace import Workspace

DECIDES = 10
# Agreement at ten times the default leaves next to nothing to influence.
VARIANTS = {
    "influence alone": {"agreement": 0.0},
    "influence alone, not up-weighted": {"agreement": 0.0, "cap": 1.0},
    "influence alone, estimand full": {"agreement": 0.0, "estimand": "full"},
    "agreement alone": {"agreement": 10.0},
    "both (default)": {},
    "both, not up-weighted": {"cap": 1.0},
    "both, estimand full": {"estimand": "full"},
}


def varied(curation: Curation, changes: dict) -> Curation:
    """The curation with some options of plan and scores changed."""
    score = {name: value for name, value in changes.items() if name == "estimand"}
    plan = {name: value for name, value in changes.items() if name != "estimand"}
    return replace(curation, score=replace(curation.score, **score), plan=replace(curation.plan, **plan))


def measure_half(workspace: Workspace, seeds: int) -> Measured:
    """Train every variant with every seed on one half."""
    train = TrainOptions(seeds=seeds)
    data, curation, _ = load(workspace, train)
    chosen = workspace.artifact("training").facts["settings"]
    settings = HeadsSettings(chosen["learning_rate"], chosen["epochs"], chosen["batch_size"])
    runs: list[RunMeasures] = []
    for seed in range(seeds):
        fitted = Redrawn(curation, seed).fitted
        for name, changes in VARIANTS.items():
            redrawn = Redrawn(varied(curation, changes), seed)
            redrawn.adopt(fitted, 0.0)
            run = train_arm(data, name, redrawn.weights("influence").weights, settings, seed, 0.0)
            runs.append(measure_run(run, {}, {}))
        run = train_arm(data, "full", np.ones(len(data.train), dtype=np.float32), settings, seed, 0.0)
        runs.append(measure_run(run, {}, {}))
    photos = workspace.artifact("pairs").table("pairs")["photo"].to_numpy(dtype=object)[data.test.image_rows]
    return Measured(runs, photos, {}, {})


def main() -> None:
    """Print one line a variant: Recall@10 and its paired difference from full."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("--workspaces", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pooled = pool([measure_half(Workspace(given.workspaces / f"{given.case}-{side}"), given.seeds) for side in ("a", "b")])
    bootstrap = TwoWayBootstrap(given.seeds, len(pooled.photos))
    rates = {}
    for name in (*VARIANTS, "full"):
        own = sorted((run for run in pooled.runs if run.arm == name), key=lambda run: run.seed)
        rates[name] = bootstrap.rate(np.stack([
            photo_scores(run.image_to_text, run.text_to_image, run.photo, DECIDES)[BOTH] for run in own
        ]))
    rows = []
    for name, rate in rates.items():
        recall, difference = rate.interval(100), (rate - rates["full"]).interval(100)
        rows.append({"variant": name, "recall": recall.json(), "against_full": difference.json()})
        print(f"{name:34s} {recall.mean:5.1f} [{recall.low:.1f}, {recall.high:.1f}]   "
              f"{difference.mean:+5.1f} [{difference.low:+.1f}, {difference.high:+.1f}]")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
