"""Arms on real photos: each half of the held-out photos serves once as validation and once as test, results are pooled.

    python benchmarks/arms.py CASE --workspaces DIR [--seeds 5] [--json PATH]

CASE is one of noisy-encoder, noisy-features, clean-encoder, clean-features. The data are found through the environment
variable INFLUENCESPACE_LAB. Beside the product's arms stands the oracle, which removes exactly the pairs that are known
to be damaged (mismatched or boilerplate captions); it bounds what curation can win back.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import checkout  # noqa: F401
import numpy as np

from influencespace.evaluation.compare import compare
from influencespace.evaluation.measure import Measured, measure_run, pool
from influencespace.evaluation.stage import load
from influencespace.evaluation.store import load_measures
from influencespace.evaluation.table import arms_table
from influencespace.features.options import EmbedOptions
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.views import training_rows
from influencespace.shell.bars import Bars
from influencespace.stages import STAGES, run_stages
from influencespace.training.heads import HeadsTrainer
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.training.trainer import train_arm
from influencespace.workspace import Workspace

LAB = Path(os.environ.get("INFLUENCESPACE_LAB", "../shared/lab")).absolute()
FLICKR = LAB / "flickr8k"
DAMAGED = ("mismatch", "boilerplate")


@dataclass(frozen=True)
class Case:
    """What is imported, and through which encoder (None: the embeddings that came)."""

    source: ImportOptions
    encoder: str | None


def cases() -> dict[str, Case]:
    """The four cases by name."""
    captions, encoder = str(FLICKR / "captions.jsonl"), str(LAB / "models" / "mini-clip")
    held = {"validation": captions, "validation_filter": ("split=dev",)}
    return {
        "noisy-encoder": Case(ImportOptions(source=str(FLICKR / "noisy_train.jsonl"), **held), encoder),
        "clean-encoder": Case(
            ImportOptions(source=captions, filter=("split=train", "seen_by_encoder=false"), captions="first", **held), encoder
        ),
        "noisy-features": Case(
            ImportOptions(source=str(FLICKR / "noisy_features"), validation=str(FLICKR / "dev_features")), None
        ),
        "clean-features": Case(
            ImportOptions(source=str(FLICKR / "clean_features"), validation=str(FLICKR / "dev_features")), None
        ),
    }


def run_half(case: Case, path: Path, swap: bool, train: TrainOptions, groups: tuple[str, ...]) -> tuple[Workspace, Measured]:
    """Take one half from import to trained arms, and train the oracle with the same settings and seeds."""
    workspace = Workspace(path, create=True)
    source = replace(case.source, swap=swap, groups=groups)
    wanted = {name: STAGES[name].options() for name in ("proxy", "cluster", "score", "plan")}
    run_stages(
        workspace, {"import": source, "embed": EmbedOptions(encoder=case.encoder), **wanted, "train": train}, Bars(quiet=True)
    )
    measured = load_measures(workspace.artifact("training"))
    weights = oracle(workspace)
    if weights is not None:
        data, _, _ = load(workspace, train)
        chosen = workspace.artifact("training").facts["settings"]
        settings, trainer = Settings(**chosen), HeadsTrainer(data)
        runs = [train_arm(trainer, "oracle", weights, settings, train.seed + k, 0.0) for k in range(train.seeds)]
        measured.runs.extend(measure_run(run, data.test.groups, data.validation.groups) for run in runs)
    return workspace, measured


def oracle(workspace: Workspace) -> np.ndarray | None:
    """(n_train,) 0 for the damaged pairs and 1 for the others, or None where nothing is damaged."""
    table = workspace.artifact("pairs").table("pairs")
    if "meta.damage" not in table:
        return None
    damage = table["meta.damage"].iloc[training_rows(table)]
    return np.where(damage.isin(DAMAGED), 0.0, 1.0).astype(np.float32)


def damaged_left(workspace: Workspace) -> float | None:
    """Percent of mismatched and boilerplate pairs among those that the plan keeps."""
    truth = oracle(workspace)
    if truth is None:
        return None
    kept = workspace.artifact("plan").table("pairs")["weight"].to_numpy() > 0
    return 100 * float((truth[kept] == 0).mean())


def summary(name: str, halves: list[tuple[Workspace, Measured]]) -> dict:
    """The pooled comparison and what the plans of both halves removed."""
    results = compare(pool([measured for _, measured in halves]))
    plans = [workspace.artifact("plan").facts for workspace, _ in halves]
    settings = [workspace.artifact("training").facts["settings"] for workspace, _ in halves]
    return results | {
        "case": name, "removed": [plan["removed"] for plan in plans], "settings": settings,
        "damaged_left": [damaged_left(workspace) for workspace, _ in halves],
    }


def recovered(results: dict) -> float | None:
    """Of what damage costs in R@10 (oracle minus full), the percentage that the influence arm wins back."""
    recall = {arm["arm"]: arm["recall"]["R@10"]["both"]["mean"] for arm in results["arms"]}
    if "oracle" not in recall:
        return None
    return 100 * (recall["influence"] - recall["full"]) / (recall["oracle"] - recall["full"])


def main() -> None:
    """Run one case and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=list(cases()))
    parser.add_argument("--workspaces", type=Path, required=True, help="folder for the two workspaces")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--groups", action="append", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    train = TrainOptions(seeds=given.seeds)
    halves = [
        run_half(cases()[given.case], given.workspaces / f"{given.case}-{side}", side == "b", train, tuple(given.groups))
        for side in ("a", "b")
    ]
    results = summary(given.case, halves)
    print(arms_table(results))
    print(f"\nremoved {results['removed']}, settings {results['settings']}")
    if (share := recovered(results)) is not None:
        left = ", ".join(f"{value:.1f} %" for value in results["damaged_left"])
        print(f"recovered {share:.0f} % of what damage costs; damaged pairs among the kept: {left}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
