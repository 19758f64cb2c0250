"""Near-duplicates: what a plan does with those planted in the demo, before and after it knows of them.

    python benchmarks/near_duplicates.py [--seeds 3] [--reductions 0.2 0.4] [--json PATH]

For every seed the demo is drawn anew and taken to two plans: one as if there were no near-duplicates, and the product's own.
Planted are bursts of 5 to 10 pairs: one scene drawn again, shifted by up to three pixels, in another brightness, with a
retouched caption.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import checkout  # noqa: F401
import numpy as np
import pandas as pd

from influencespace.curation.fairness import direction
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import selection_score
from influencespace.features.duplicates import stored_duplicates
from influencespace.features.options import EmbedOptions
from influencespace.pairs.demo.faults import Faults, plant
from influencespace.pairs.demo.write import DemoPaths, clean_pairs, write_demo
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.views import training_rows
from influencespace.shell.bars import Bars
from influencespace.stages import run_stages
from influencespace.workspace import Workspace

PAIRS = 2400
BEFORE, AFTER = "before", "after"
REPEAT, ORIGINAL, OTHER = "planted near-duplicate", "its original", "other, undamaged"


def two_workspaces(folder: Path, drawn: DemoPaths, seed: int) -> dict[str, Workspace]:
    """The demo's features twice: as the product makes them, and without what is known of near-duplicates."""
    known = Workspace(folder / AFTER, create=True)
    source = ImportOptions(
        source=str(drawn.train), validation=str(drawn.heldout), groups=("person:woman,man", "mobility"), seed=seed
    )
    run_stages(known, {"import": source, "embed": EmbedOptions(encoder=str(drawn.encoder))}, Bars(quiet=True))
    unknown = Workspace(shutil.copytree(known.path, folder / BEFORE))
    (unknown.artifact("features").folder / "duplicates.npy").unlink()
    return {BEFORE: unknown, AFTER: known}


def measured(workspace: Workspace, seed: int, options: PlanOptions) -> pd.DataFrame:
    """One row a training pair: ``kind``, ``burst``, ``score``, ``pruned``, ``weight``, ``found`` (it is in a set)."""
    run_stages(workspace, {"plan": options}, Bars(quiet=True))
    table, scores = workspace.artifact("pairs").table("pairs"), workspace.artifact("scores")
    rows = training_rows(table)
    planted = plant([scene for scene, _ in clean_pairs("train", PAIRS, seed)], seed, Faults())
    drawn = table["image"].iloc[rows].str.extract(r"train-(\d+)", expand=False).astype(int).to_numpy()
    original, damage = np.array(planted.original)[drawn], np.array(planted.damage, dtype=object)[drawn]
    copied = np.isin(drawn, original[damage == "near_duplicate"])
    serves = direction(scores.json("targets"), options.fairness)
    agreement = workspace.artifact("proxy").array("agreement")
    weight = workspace.artifact("plan").table("pairs")["weight"].to_numpy()
    sets = stored_duplicates(workspace.artifact("features"))[rows]
    return pd.DataFrame({
        "kind": np.select([damage == "near_duplicate", copied, damage == "none"], [REPEAT, ORIGINAL, OTHER], "damaged"),
        "burst": original, "score": selection_score(scores.table("pairs").to_numpy(), agreement, serves, options.agreement),
        "pruned": weight == 0, "weight": weight, "found": np.bincount(sets)[sets] > 1,
    })


def rows_of(pairs: pd.DataFrame, name: str, reduction: float) -> list[dict]:
    """One row a kind, over all seeds; ``sets_left`` is the share of bursts of which at least one pair stays."""
    out = []
    for kind in (REPEAT, ORIGINAL, OTHER):
        own = pairs[pairs["kind"] == kind]
        out.append({
            "reduction": reduction, "plan": name, "pairs": kind, "count": len(own), "found": float(own["found"].mean()),
            "score": float(own["score"].mean()), "pruned": float(own["pruned"].mean()),
            "weight": float(own["weight"][~own["pruned"]].mean()),
        })
    bursts = pairs[pairs["kind"].isin([REPEAT, ORIGINAL])].groupby(["seed", "burst"])["pruned"]
    whole = float((~bursts.all()).mean())
    return [row | {"sets_left": whole} if row["pairs"] == REPEAT else row for row in out]


def main() -> None:
    """Print one line a plan and kind of pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--reductions", type=float, nargs="+", default=[0.2, 0.4])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = {(reduction, name): [] for reduction in given.reductions for name in (BEFORE, AFTER)}
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            drawn = write_demo(Path(folder) / "demo", pairs=PAIRS, seed=seed)
            for name, workspace in two_workspaces(Path(folder), drawn, seed).items():
                for reduction in given.reductions:
                    plan = measured(workspace, seed, PlanOptions(reduction=reduction))
                    found[reduction, name].append(plan.assign(seed=seed))
    rows = [row for (reduction, name), plans in found.items() for row in rows_of(pd.concat(plans), name, reduction)]
    print("| removed | plan | pairs | count | in a set | mean selection score | pruned | mean weight of the kept | bursts left |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        left = f"{row['sets_left']:.0%}" if "sets_left" in row else ""
        print(f"| {row['reduction']:.0%} | {row['plan']} | {row['pairs']} | {row['count']:,} | {row['found']:.0%} | "
              f"{row['score']:+.2f} | "
              f"{row['pruned']:.1%} | {row['weight']:.2f} | {left} |")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
