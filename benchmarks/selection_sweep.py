"""Defaults of the selection score: rank, damping and estimand, by the validation recall of models trained on the plans.

    python benchmarks/selection_sweep.py [noisy-features] [clean-features] [--seeds 2] [--reduction 0.2] [--json PATH]
        [--workspaces DIR]

The same pairs and workspaces as benchmarks/selection.py. A plan is made from the influence on one half of the validation
photos, and the model trained on it is judged by its Recall@10 on the other half, so that no photo judges a plan that was made
for it; test photos are not looked at. Recall on the photos that a plan was made for is printed beside it: it flatters.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from selection import DECIDES, FEATURES, Half, open_half

from influencespace.clusters.tree import cluster_ids, cut_strata
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.plan import make_plan
from influencespace.influence.curvature import LowRankCurvature
from influencespace.influence.hierarchy import cluster_means, shrink
from influencespace.influence.options import ScoreOptions
from influencespace.influence.scores import target_gradients, unseen_slopes
from influencespace.influence.targets import make_targets
from influencespace.metrics.intervals import TwoWayBootstrap
from influencespace.metrics.recall import BOTH, photo_scores, retrieval_ranks
from influencespace.proxy.crossfit import CrossFit, draw_folds
from influencespace.training.arms import Redrawn
from influencespace.training.heads import HeadsTrainer
from influencespace.training.trainer import train_arm

RANKS, DAMPINGS = (1, 8, 32), (1.0, 10.0, 100.0)
SETTINGS = [*(ScoreOptions(rank, damping) for rank, damping in product(RANKS, DAMPINGS)), ScoreOptions(estimand="full")]


def raw_scores(half: Half, seed: int, fitted: CrossFit, quarters: np.ndarray) -> dict[ScoreOptions, np.ndarray]:
    """(4, n) influence on the mean loss of each quarter (0 to 3, (m,) of the validation pairs), for every setting.

    As :func:`~influencespace.influence.scores.pair_scores` computes them, but all settings in one pass.
    """
    pairs, proxy, validation = half.curation.pairs, Redrawn(half.curation, seed).proxy, half.curation.validation
    anchors = make_targets(validation, {})[0].anchors * (quarters == np.arange(4)[:, None])
    out = {score: np.zeros((4, len(pairs.train))) for score in SETTINGS}
    for which in np.ndindex(fitted.priors.shape):
        model, draw = fitted.models[which], proxy.seed + 1000 * which[0] + which[1]
        gradients, _ = target_gradients(model, pairs.batches(validation.rows, proxy.batch_size, draw), anchors)
        seen = pairs.seen(fitted.folds[which[0]], which[1], proxy, draw)
        for rank in RANKS:
            curvature = LowRankCurvature.of(model, seen, rank, draw)
            for score in (score for score in SETTINGS if score.rank == rank):
                directions = curvature.solve(gradients, score.damping * fitted.ridge)
                held, found = unseen_slopes(pairs, fitted, which, directions, proxy, score)
                out[score][:, held] += found.T / len(fitted.models)
    return out


def recalls(half: Half, seed: int, fitted: CrossFit, raw: np.ndarray, reduction: float, half_of: np.ndarray) -> np.ndarray:
    """(2, photos) Recall@10 of each validation photo: by the plan made for the other photos, and by that made for its own."""
    curation, topics = half.curation, half.curation.topics
    clusters = cluster_ids(topics, cut_strata(topics, fitted.agreement, curation.strata))
    members = Members.of(clusters, topics)
    undecided = resolve({}, curation.ids, members)
    options = replace(curation.plan, reduction=reduction)
    out = np.empty((2, len(half_of)))
    for h in (0, 1):
        parts, own = raw[2 * h : 2 * h + 2, :, None], half_of == h
        scores = shrink(parts, cluster_means(parts, clusters))
        overall = Direction(np.ones(1))
        weights = make_plan(scores, fitted.agreement, members, overall, undecided, options, curation.sets).weights
        trained = train_arm(HeadsTrainer(half.data), "influence", weights, half.settings, seed, 0.0).validation
        hits = photo_scores(*retrieval_ranks(trained.image, trained.text, trained.photo), trained.photo, DECIDES)[BOTH]
        out[0, ~own], out[1, own] = hits[~own], hits[own]
    return out


def sweep(name: str, halves: tuple[Half, Half], seeds: int, reduction: float) -> list[dict]:
    """One row a setting: recall on photos that a plan was not made for, and on those that it was made for."""
    hits = np.empty((len(SETTINGS), 2, seeds, sum(half.curation.validation.photos for half in halves)))
    for seed in range(seeds):
        fitted = Redrawn(halves[0].curation, seed).fitted
        first = 0
        for half in halves:
            validation = half.curation.validation
            quarter = draw_folds(np.arange(validation.photos), 4, seed)
            raw, photos = raw_scores(half, seed, fitted, quarter[validation.photo]), slice(first, first + validation.photos)
            for k, score in enumerate(SETTINGS):
                hits[k, :, seed, photos] = recalls(half, seed, fitted, raw[score], reduction, quarter // 2)
            first = photos.stop
        print(f"{name}: seed {seed} is done", file=sys.stderr, flush=True)
    bootstrap = TwoWayBootstrap(seeds, hits.shape[-1])
    rates = [bootstrap.rate(unseen) for unseen, _ in hits]
    default = rates[SETTINGS.index(ScoreOptions())]
    return [
        {"features": name, "rank": score.rank, "damping": score.damping, "estimand": score.estimand, "reduction": reduction,
         "recall": rate.interval(100).json(), "against_default": (rate - default).interval(100).json(),
         "recall_on_its_own_photos": 100 * float(seen.mean())}
        for score, rate, (_, seen) in zip(SETTINGS, rates, hits, strict=True)
    ]


def main() -> None:
    """Sweep on damaged and on clean pairs, and print one line a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="*", default=FEATURES, help="which pairs; default: both")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--reduction", type=float, default=0.2)
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--workspaces", type=Path, help="folder whose workspaces are used and made; default: a temporary one")
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.features:
            halves = tuple(open_half(name, side, given.workspaces or Path(scratch)) for side in ("a", "b"))
            rows = sweep(name, halves, given.seeds, given.reduction)
            print(f"{name}\nrank  damping  estimand  Recall@10   against the default      on the plan's own photos")
            for row in rows:
                gap = "{mean:+.1f} [{low:+.1f}, {high:+.1f}]".format(**row["against_default"])
                print(f"{row['rank']:4d} {row['damping']:8g}  {row['estimand']:8s}  {row['recall']['mean']:9.1f}   {gap:24s}"
                      f"{row['recall_on_its_own_photos']:9.1f}", flush=True)
            found += rows
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
