"""Selection quality: which ingredient of the plan earns what, on real photos with and without planted damage.

    python benchmarks/selection.py [noisy-features] [clean-features] [--seeds 5] [--json PATH] [--workspaces DIR]

Unaligned features of 6,300 damaged and of 6,000 clean pairs, found through the environment variable INFLUENCESPACE_LAB. Each
half of the held-out photos serves once as validation and once as test; Recall@10 of both directions is pooled over them. A
seed redraws folds, random subsets and training. Intervals are from a two-way bootstrap over photos and seeds, differences
are paired. The rows "all ratios" pool the reductions: a photo's score is its mean over them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from arms import cases, oracle
from scipy.stats import rankdata

from influencespace.clusters.tree import cluster_ids, cut_strata
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.plan import make_plan, pairs_to_remove
from influencespace.evaluation.compare import verdict
from influencespace.evaluation.stage import load
from influencespace.influence.hierarchy import cluster_means, shrink
from influencespace.influence.scores import pair_scores
from influencespace.influence.targets import make_targets
from influencespace.metrics.intervals import Rate, TwoWayBootstrap
from influencespace.metrics.recall import BOTH, photo_scores, retrieval_ranks
from influencespace.pairs.views import HeldOut
from influencespace.proxy.crossfit import CrossFit, joint_cosine
from influencespace.shell.bars import Bars
from influencespace.stages import STAGES, run_stages
from influencespace.training.arms import Redrawn
from influencespace.training.baselines import without_least
from influencespace.training.curation import Curation
from influencespace.training.data import TrainingData
from influencespace.training.heads import HeadsTrainer
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.training.trainer import train_arm
from influencespace.workspace import Workspace

FEATURES = ("noisy-features", "clean-features")
REDUCTIONS = (0.1, 0.2, 0.3, 0.5)
DECIDES = 10
FULL, ORACLE, INFLUENCE, AGREEMENT = "full", "oracle", "influence", "agreement"
AGAINST = (AGREEMENT, FULL, ORACLE)


@dataclass(frozen=True)
class Half:
    """One half of the held-out photos as validation, the other as test."""

    workspace: Workspace
    data: TrainingData
    curation: Curation
    settings: Settings


@dataclass(frozen=True)
class Found:
    """What one seed finds out about the pairs on one half; all arms choose by it.

    Attributes
    ----------
    agreement, in_sample
        (n,) agreement by proxies that have not seen the pair, and by those that were fitted to it.
    influence, influence_in_sample
        (2, n, 1) raw scores on the overall target by the same two.
    cosine
        (n,) mean cosine by two-headed models that have not seen the pair.
    """

    curation: Curation
    redrawn: Redrawn
    agreement: np.ndarray
    in_sample: np.ndarray
    influence: np.ndarray
    influence_in_sample: np.ndarray
    cosine: np.ndarray

    def removed(self, reduction: float) -> int:
        """How many pairs go."""
        return pairs_to_remove(len(self.agreement), reduction)

    def plan(
        self, reduction: float, in_sample: bool = False, strata: bool = True, shrunk: bool = True, **changes: float
    ) -> np.ndarray:
        """(n,) weights of the plan, with an ingredient left out or exchanged."""
        agreement, raw = (self.in_sample, self.influence_in_sample) if in_sample else (self.agreement, self.influence)
        topics = self.curation.topics
        clusters = cluster_ids(topics, cut_strata(topics, agreement, self.curation.strata if strata else 1))
        scores = shrink(raw, cluster_means(raw, clusters)) if shrunk else raw.sum(0)
        options = replace(self.curation.plan, reduction=reduction, **changes)
        members = Members.of(clusters, topics)
        undecided = resolve({}, self.curation.ids, members)
        return make_plan(scores, agreement, members, Direction(np.ones(1)), undecided, options, self.curation.sets).weights

    def weighted_agreement(self, reduction: float) -> np.ndarray:
        """(n,) weights: the pairs that agreement alone keeps, weighted by its rank as the plan weights by its score's."""
        weights = without_least(self.agreement, self.removed(reduction))
        kept = weights > 0
        rank = rankdata(self.agreement[kept]) - 1
        weights[kept] = 1 + (self.curation.plan.cap - 1) * rank / rank.max()
        return weights


ARMS: dict[str, Callable[[Found, float], np.ndarray]] = {
    INFLUENCE: Found.plan,
    "random": lambda found, r: replaced(found, r).weights("random").weights,
    "clip-score": lambda found, r: without_least(found.cosine, found.removed(r)),
    AGREEMENT: lambda found, r: without_least(found.agreement, found.removed(r)),
    "agreement, same weights": Found.weighted_agreement,
    "semantic clusters only": lambda found, r: found.plan(r, strata=False, agreement=0.0),
    "no cross-fitting": lambda found, r: found.plan(r, in_sample=True),
    "no shrinkage": lambda found, r: found.plan(r, shrunk=False),
    "no up-weight": lambda found, r: found.plan(r, cap=1.0),
}


def replaced(found: Found, reduction: float) -> Redrawn:
    """The seed's arms at another reduction."""
    return Redrawn(replace(found.curation, plan=replace(found.curation.plan, reduction=reduction)), found.redrawn.seed)


def open_half(name: str, side: str, workspaces: Path) -> Half:
    """Take a workspace from import to a plan and to the learning rate and epochs that the full data choose."""
    workspace = Workspace(workspaces / f"{name}-{side}", create=True)
    train = TrainOptions(arms=(FULL,), seeds=1)
    wanted = {name: STAGES[name].options() for name in ("embed", "proxy", "cluster", "score", "plan")}
    source = replace(cases()[name].source, swap=side == "b")
    run_stages(workspace, {"import": source, **wanted, "train": train}, Bars(quiet=True))
    chosen = workspace.artifact("training").facts["settings"]
    data, curation, _ = load(workspace, train)
    return Half(workspace, data, curation, Settings(**chosen))


def find(half: Half, seed: int, fitted: CrossFit, cosine: np.ndarray) -> Found:
    """Score the pairs of one half with the proxies of one seed, and with each proxy on the pairs that it was fitted to."""
    curation, redrawn = half.curation, Redrawn(half.curation, seed)
    targets = make_targets(curation.validation, {})
    turned = seen_by(fitted, curation)
    raw, turned_raw = (
        pair_scores(curation.pairs, fit, curation.validation.rows, targets, redrawn.proxy, curation.score)[0]
        for fit in (fitted, turned)
    )
    return Found(curation, redrawn, fitted.agreement, turned.agreement, raw, turned_raw, cosine)


def seen_by(fitted: CrossFit, curation: Curation) -> CrossFit:
    """The same proxies with the two folds exchanged, so that every pair is judged by those that were fitted to it."""
    folds = 1 - fitted.folds
    standard = np.zeros(folds.shape)
    for r, f in np.ndindex(fitted.priors.shape):
        own = np.flatnonzero(folds[r] == f)
        cosine = joint_cosine(fitted.models[r, f], curation.pairs, curation.pairs.train[own])
        standard[r, own] = (cosine - cosine.mean()) / cosine.std()
    return replace(fitted, folds=folds, agreement=standard.mean(0))


def heads_cosine(half: Half, folds: np.ndarray, seed: int) -> np.ndarray:
    """(n,) mean cosine of each pair by two-headed models that were trained on the other folds, one a draw of the folds.

    These features have no aligned encoder whose cosine could be the CLIP score; models trained on the pairs stand in.
    """
    data, cosine = half.data, np.zeros(folds.shape[1])
    for r in range(len(folds)):
        for f in np.unique(folds):
            held = np.flatnonzero(folds[r] == f)
            unseen = replace(data, test=HeldOut(data.train[held], np.arange(len(held)), data.train[held], {}))
            run = train_arm(HeadsTrainer(unseen), "clip-score", (folds[r] != f).astype(np.float32), half.settings, seed, 0.0)
            cosine[held] += (run.test.image * run.test.text).sum(1) / len(folds)
    return cosine


def recalls(half: Half, weights: np.ndarray, seed: int) -> np.ndarray:
    """(photos,) Recall@10 of each test photo after training with these weights."""
    test = train_arm(HeadsTrainer(half.data), "", weights, half.settings, seed, 0.0).test
    return photo_scores(*retrieval_ranks(test.image, test.text, test.photo), test.photo, DECIDES)[BOTH]


def measure_seed(halves: tuple[Half, Half], seed: int) -> Iterator[tuple[str, float, int, np.ndarray, np.ndarray]]:
    """Yields (arm, reduction, half, weights, recall of each test photo) of one seed."""
    fitted = Redrawn(halves[0].curation, seed).fitted
    cosine = heads_cosine(halves[0], fitted.folds, seed)
    for side, half in enumerate(halves):
        found = find(half, seed, fitted, cosine)
        whole = {FULL: np.ones(len(cosine), dtype=np.float32), ORACLE: oracle(half.workspace)}
        trained = [(arm, reduction, weigh(found, reduction)) for reduction in REDUCTIONS for arm, weigh in ARMS.items()]
        trained += [(arm, 0.0, weights) for arm, weights in whole.items() if weights is not None]
        for arm, reduction, weights in trained:
            yield arm, reduction, side, weights, recalls(half, weights, seed)


def rows(name: str, halves: tuple[Half, Half], seeds: int) -> list[dict]:
    """One row an arm and reduction, and one an arm over all of them (reduction null)."""
    hits: dict[tuple[str, float], list[list[np.ndarray]]] = {}
    left: dict[tuple[str, float], list[float]] = {}
    sound = oracle(halves[0].workspace)
    for seed in range(seeds):
        for arm, reduction, side, weights, recall in measure_seed(halves, seed):
            hits.setdefault((arm, reduction), [[], []])[side].append(recall)
            if sound is not None:
                left.setdefault((arm, reduction), []).append(100 * float((sound[weights > 0] == 0).mean()))
        print(f"{name}: seed {seed} is done", file=sys.stderr, flush=True)
    scores = {key: np.concatenate([np.stack(half) for half in sides], axis=1) for key, sides in hits.items()}
    bootstrap = TwoWayBootstrap(seeds, len(next(iter(scores.values())).T))
    out = []
    for reduction in (*REDUCTIONS, None):
        rates = {arm: bootstrap.rate(at(scores, arm, reduction)) for arm in dict.fromkeys(arm for arm, _ in scores)}
        for arm, rate in rates.items():
            damaged = [np.mean(values) for (who, r), values in left.items() if who == arm and r in (reduction, 0.0)]
            out.append({
                "features": name, "arm": arm, "reduction": reduction, "recall": rate.interval(100).json(),
                "against": {other: difference(rate, rates[other]) for other in AGAINST if other in rates and other != arm},
                "damaged_left": float(damaged[0]) if damaged else None,
            })
    return out


def at(scores: dict[tuple[str, float], np.ndarray], arm: str, reduction: float | None) -> np.ndarray:
    """(seeds, photos) of an arm at a reduction, or mean over all; what removes no share is the same at all of them."""
    if (arm, 0.0) in scores:
        return scores[arm, 0.0]
    return scores[arm, reduction] if reduction else np.mean([scores[arm, r] for r in REDUCTIONS], axis=0)


def difference(rate: Rate, other: Rate) -> dict:
    """The paired difference in points, with its verdict."""
    found = (rate - other).interval(100).json()
    return found | {"verdict": verdict(found)}


def table(found: list[dict]) -> str:
    """The rows as text."""
    lines = [f"{'':28s}{'Recall@10':22s}" + "".join(f"{'against ' + other:22s}" for other in AGAINST) + "damaged left"]
    for row in found:
        if row["arm"] == found[0]["arm"]:
            ratio = "all ratios" if row["reduction"] is None else f"{row['reduction']:.0%} removed"
            lines.append(f"\n{row['features']}, {ratio}")
        figures = [f"{row['recall']['mean']:.1f} [{row['recall']['low']:.1f}, {row['recall']['high']:.1f}]"]
        for other in AGAINST:
            gap = row["against"].get(other)
            figures.append("-" if gap is None else f"{gap['mean']:+.1f} [{gap['low']:+.1f}, {gap['high']:+.1f}]")
        left = "-" if row["damaged_left"] is None else f"{row['damaged_left']:.1f} %"
        lines.append(f"{row['arm']:28s}" + "".join(f"{figure:22s}" for figure in figures) + left)
    return "\n".join(lines)


def main() -> None:
    """Measure both kinds of features and print one table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="*", default=FEATURES, help="which pairs; default: both")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--workspaces", type=Path, help="folder whose workspaces are used and made; default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, found = given.workspaces or Path(scratch), []
        for name in given.features:
            halves = (open_half(name, "a", folder), open_half(name, "b", folder))
            part = rows(name, halves, given.seeds)
            print(table(part), end="\n\n", flush=True)
            found += part
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
