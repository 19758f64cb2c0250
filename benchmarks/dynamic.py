"""Dynamic curation against the fixed plan, on real photos: each half of the held-out photos is once validation and once test.

    python benchmarks/dynamic.py CASE --workspaces DIR [--seeds 3] [--json PATH]

CASE is one of those of benchmarks/arms.py with damaged pairs. Heads are trained with the fixed plan, and with plans that are made
anew after the first epoch, and after the first and the second; steps and learning rates are the same. Differences are paired. For
each plan stands what share of the pairs that it keeps is damaged. The last lines say how well agreement tells damaged pairs from
sound ones (area under the curve, first seed) by which features: those of the encoder, those of heads that were trained on the
pair, and those of heads that were not; of all pairs, and of those that the fixed plan keeps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import checkout  # noqa: F401
import numpy as np
from arms import cases, oracle
from sklearn.metrics import roc_auc_score

from influencespace.evaluation.compare import verdict
from influencespace.evaluation.runner import tuned
from influencespace.evaluation.stage import load
from influencespace.features.options import EmbedOptions
from influencespace.metrics.intervals import TwoWayBootstrap
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.proxy.crossfit import cross_fit
from influencespace.proxy.stage import stored_fit
from influencespace.shell.bars import Bars
from influencespace.stages import STAGES, run_stages
from influencespace.training.arms import ArmWeights, Curation, Redrawn
from influencespace.training.dynamic import Judge, Recuration
from influencespace.training.kept import Kept
from influencespace.training.loop import Settings, fit
from influencespace.training.options import TrainOptions
from influencespace.training.trainer import Trainer, make, train_arm
from influencespace.workspace import Workspace

FIXED = "fixed plan"
SCHEDULES = {"anew after epoch 1": (1,), "anew after epochs 1 and 2": (1, 2)}
DECIDES = 10


@dataclass
class Half:
    """One half: what is trained and curated, and what was found."""

    workspace: Workspace
    trainer: Trainer
    curation: Curation
    settings: Settings
    damaged: np.ndarray
    fit_seconds: float
    hits: dict[str, list[np.ndarray]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    left: dict[str, list[float]] = field(default_factory=dict)


def open_half(name: str, path: Path, swap: bool) -> Half:
    """Take one half from import to a plan, and choose learning rate and epochs on its full data."""
    workspace, case = Workspace(path, create=True), cases()[name]
    wanted = {stage: STAGES[stage].options() for stage in ("proxy", "cluster", "score", "plan")}
    run_stages(
        workspace, {"import": replace(case.source, swap=swap), "embed": EmbedOptions(encoder=case.encoder), **wanted},
        Bars(quiet=True),
    )
    options = TrainOptions(arms=("influence",))
    data, curation, fit_seconds = load(workspace, options)
    trainer, kept = make(workspace, data, options), Kept.of(workspace, options, curation.plan, curation.decisions)
    kept.open()
    settings, _ = tuned(trainer, options, kept, Bars(quiet=True))
    return Half(workspace, trainer, curation, settings, oracle(workspace) == 0, fit_seconds)


class Remembering(Recuration):
    """Curates anew, notes the plans, and makes that after the first epoch only once: it is the same in both schedules."""

    def __init__(self, curation: Curation, seed: int, schedule: tuple[int, ...], first: dict[str, object], judge: Judge):
        super().__init__(curation, seed, schedule, judge)
        self.first, self.plans = first, []

    def __call__(self, epoch: int) -> np.ndarray | None:
        if epoch == 1 and "plan" in self.first:
            found, seconds = self.first["plan"], self.first["seconds"]
            self.seconds += seconds
        else:
            found = super().__call__(epoch)
            if epoch == 1:
                self.first |= {"plan": found, "seconds": self.seconds}
        if found is not None:
            self.plans.append(found)
        return found


def measure(half: Half, seed: int, other: Redrawn | None) -> Redrawn:
    """Train all with one seed, and note recalls, seconds and damaged pairs; returns what the fixed plan is made from.

    ``other`` is that of the other half: of the same training pairs, so that it has the same proxies.
    """
    redrawn, first = Redrawn(half.curation, seed), {}
    if seed == 0:
        redrawn.adopt(stored_fit(half.workspace, "cpu")[0], half.fit_seconds)
    elif other is not None:
        redrawn.adopt(other.fitted, other.fit_seconds)
    found: ArmWeights = redrawn.weights("influence")
    for name, schedule in {FIXED: (), **SCHEDULES}.items():
        made: list[Remembering] = []

        def recurate(judge: Judge, schedule: tuple[int, ...] = schedule, made: list[Remembering] = made) -> Remembering:
            made.append(Remembering(half.curation, seed, schedule, first, judge))
            return made[0]

        run = train_arm(
            half.trainer, name, found.weights, half.settings, seed, found.seconds, recurate=recurate if schedule else None
        )
        forward, backward = run.test.ranks()
        half.hits.setdefault(name, []).append(photo_scores(forward, backward, run.test.photo, DECIDES)[BOTH])
        half.seconds.setdefault(name, []).append(run.scoring_seconds)
        last = made[0].plans[-1] if made else found.weights
        half.left.setdefault(name, []).append(100 * float(half.damaged[last > 0].mean()))
    return redrawn


def memory(half: Half, seed: int, redrawn: Redrawn) -> dict[str, dict[str, float]]:
    """Area under the curve of agreement as a sign of a sound pair, by the features of one draw of the folds.

    Heads that have not seen a pair are trained on the other fold, and the proxies that judge it are fitted to their features.
    """
    weights, folds = redrawn.influence(), redrawn.fitted.folds[0]
    curation = replace(half.curation, proxy=replace(half.curation.proxy, repeats=1))
    proxy = Redrawn(curation, seed).proxy
    sides = {"the encoder's": cross_fit(half.curation.pairs, proxy).agreement}
    sides["heads that have seen the pair"] = _agreement(half, curation, seed, weights)
    unseen = np.empty(len(weights), dtype=np.float32)
    for fold in np.unique(folds):
        held = folds == fold
        unseen[held] = _standard(_agreement(half, curation, seed, np.where(held, 0, weights))[held])
    sides["heads that have not"] = unseen
    parts = {"all pairs": np.ones(len(weights), dtype=bool), "kept pairs": weights > 0}
    return {
        part: {by: float(roc_auc_score(~half.damaged[rows], agreement[rows])) for by, agreement in sides.items()}
        for part, rows in parts.items()
    }


def _agreement(half: Half, curation: Curation, seed: int, weights: np.ndarray) -> np.ndarray:
    """Agreement by cross-fitted proxies on the features that heads trained with these weights give after the first epoch."""
    task, found = half.trainer.task(half.settings, seed), []
    again = Recuration(curation, seed, (1,), partial(half.trainer.judge, task))

    def look(epoch: int) -> None:
        if epoch == 1:
            found.append(again.embedded())

    fit(task, weights, half.settings, seed, device=half.trainer.device, reweigh=look)
    return cross_fit(found[0], Redrawn(again.curation, seed).proxy).agreement


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def compared(halves: list[Half], seeds: int) -> list[dict]:
    """One row a training: recall, its paired difference from the fixed plan, seconds for choosing, damaged pairs left."""
    scores = {name: np.concatenate([np.stack(half.hits[name]) for half in halves], axis=1) for name in halves[0].hits}
    bootstrap = TwoWayBootstrap(seeds, scores[FIXED].shape[1])
    rates = {name: bootstrap.rate(values) for name, values in scores.items()}
    return [
        {
            "name": name, "recall": rate.interval(100).json(),
            "difference": None if name == FIXED else (rate - rates[FIXED]).interval(100).json(),
            "seconds": float(np.mean([half.seconds[name] for half in halves])),
            "damaged_left": float(np.mean([half.left[name] for half in halves])),
        } for name, rate in rates.items()
    ]


def table(rows: list[dict]) -> str:
    """The rows in Markdown."""
    lines = [
        "| heads trained with | R@10 | against the fixed plan | damaged among the kept | seconds for choosing |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        recall, gain = row["recall"], row["difference"]
        words = "" if gain is None else f"{gain['mean']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}], {verdict(gain)}"
        lines.append(
            f"| {row['name']} | {recall['mean']:.1f} [{recall['low']:.1f}, {recall['high']:.1f}] | {words} "
            f"| {row['damaged_left']:.1f} % | {row['seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run one case and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=[name for name in cases() if name.startswith("noisy")])
    parser.add_argument("--workspaces", type=Path, required=True, help="folder for the two workspaces")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    halves = [open_half(given.case, given.workspaces / f"{given.case}-{side}", side == "b") for side in ("a", "b")]
    drawn = []
    for seed in range(given.seeds):
        began = time.time()
        drawn.append(measure(halves[0], seed, None))
        measure(halves[1], seed, drawn[-1])
        rows = compared(halves, seed + 1)
        print(f"seed {seed} is done in {time.time() - began:.0f} s\n{table(rows)}", file=sys.stderr, flush=True)
    print(table(rows))
    print(f"\nsettings {[half.settings for half in halves]}", flush=True)
    area = memory(halves[0], 0, drawn[0])
    for part, areas in area.items():
        print(f"area under the curve, {part}: " + ", ".join(f"{by} {value:.3f}" for by, value in areas.items()))
    if given.json:
        given.json.write_text(json.dumps({"rows": rows, "area": area}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
