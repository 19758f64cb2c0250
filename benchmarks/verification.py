"""Removal effects against the truth: what retraining without each of 50 clusters does to every target.

    python benchmarks/verification.py [--seeds 3] [--steps 1] [--sweep] [--json PATH] [--workspaces DIR]

Real photos with planted damage, found through the environment variable INFLUENCESPACE_LAB: 4,200 pairs through the mini-clip
encoder, and 6,300 pairs of unaligned backbone features. A seed draws the clusters and the batches. Beside the removal effect
stands first-order influence. The share of time is that of an estimate of all clusters for all targets, adjoints included, in
the time of all retrainings, each from the optimum on all pairs, which both need and neither pays for: processor's seconds on
one thread, both in one process. With --sweep the steps and the ridge are varied instead, on the first seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from engine import ABSENT, PLAIN, Case, closeness, lab_is_there, one_thread, open_case, retraining_effects, timed

from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.influence.options import EffectOptions
from influencespace.influence.removal import RemovalEffects

FEATURES = {"mini-clip": "noisy-encoder", "backbone": "noisy-features"}
STEPS, RIDGES = (0, 1, 2, 3), (1e-4, 3e-4, 1e-3)
FIRST_ORDER, REMOVAL = "first-order", "removal"
FIGURES = ("spearman", "pearson", "slope", "sign_accuracy", "majority_sign", "time_share")


def compare(
    case: Case, optimum: Optimum, losses: TargetLosses, member: np.ndarray, every_steps: tuple[int, ...],
) -> Iterator[dict]:
    """One row a target for first-order influence, and one a target and number of steps for removal effects."""
    truth, retraining = timed(lambda: retraining_effects(optimum, losses, member))
    clusters = np.arange(len(truth))
    effects, shared = timed(lambda: RemovalEffects(optimum, losses))
    found = [({"estimate": FIRST_ORDER}, *timed(lambda: effects.first_order(member, len(clusters))))]
    for steps in every_steps:
        label = {"estimate": REMOVAL, "steps": steps}
        found.append((label, *timed(lambda steps=steps: effects.of_clusters(member, clusters, steps))))
    for label, predicted, seconds in found:
        for q, target in enumerate(case.targets):
            figures = closeness(truth[:, q], predicted[:, q])
            yield label | {"target": target.name} | figures | {"time_share": (shared + seconds) / retraining}


def verify(case: Case, features: str, seeds: int, steps: int) -> Iterator[dict]:
    """The rows of both cluster spaces and all seeds, with the ridge that the product chose."""
    for seed in range(seeds):
        optimum, losses = case.optimum(case.ridge, seed), case.losses(seed)
        for space, member in case.spaces(seed).items():
            for row in compare(case, optimum, losses, member, (steps,)):
                row.pop("steps", None)
                yield {"features": features, "space": space, "seed": seed} | row


def sweep(case: Case, features: str) -> Iterator[dict]:
    """The rows of all steps and ridges, in the plain space of the first seed."""
    losses, member = case.losses(0), case.spaces(0)[PLAIN]
    for ridge in RIDGES:
        for row in compare(case, case.optimum(ridge, 0), losses, member, STEPS):
            chosen = ridge == case.ridge
            yield {"features": features, "space": PLAIN, "seed": 0, "ridge": ridge, "ridge_chosen": chosen} | row


def table(rows: list[dict], keys: tuple[str, ...]) -> str:
    """One line for each value of the keys: means over the other rows, and in brackets the worst where there are several."""
    lines = ["| " + " | ".join([*keys, *FIGURES]) + " |", "|" + "---|" * (len(keys) + len(FIGURES))]
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key, "") for key in keys), []).append(row)
    for values, own in groups.items():
        cells = [f"{value:g}" if isinstance(value, float) else str(value).replace("|", " + ") for value in values]
        cells += [figure(name, np.array([row[name] for row in own])) for name in FIGURES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(name: str, values: np.ndarray) -> str:
    """Mean and worst of a figure over (k,) rows."""
    form = "{:.1%}" if name == "time_share" else "{:.2f}" if name in ("sign_accuracy", "majority_sign") else "{:.3f}"
    worst = {"slope": values[np.abs(values - 1).argmax()], "time_share": values.max()}.get(name, values.min())
    plain = len(values) == 1 or name == "majority_sign"
    return form.format(values.mean()) if plain else f"{form.format(values.mean())} ({form.format(worst)})"


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=EffectOptions().steps)
    parser.add_argument("--sweep", action="store_true", help="vary steps and ridge instead")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--workspaces", type=Path, help="folder that keeps the workspaces; by default a temporary one")
    given = parser.parse_args()
    if not lab_is_there():
        print(ABSENT)
        return
    one_thread()
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as temporary:
        for features, name in FEATURES.items():
            case = open_case(name, given.workspaces or Path(temporary))
            found = sweep(case, features) if given.sweep else verify(case, features, given.seeds, given.steps)
            for row in found:
                rows.append(row)
                print(row, file=sys.stderr, flush=True)
    keys = ("features", "ridge", "estimate", "steps") if given.sweep else ("features", "space", "target", "estimate")
    print(table(rows, keys))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
