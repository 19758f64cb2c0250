"""Weights in the loss or in sampling: the plan's weights as factors, and as how often a pair is drawn, on damaged real pairs.

    python benchmarks/weighting.py [noisy-features] --workspaces DIR [--seeds 3] [--json PATH]

Cases are those of benchmarks/arms.py; each half of the held-out photos serves once as validation and once as test. Both ways
train with the settings that were chosen on the full data, for as many epochs. Draws are with replacement, so *full* is trained
both ways too: it shows what drawing alone does, where all weights are one.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import checkout  # noqa: F401
from arms import cases

from influencespace.evaluation.compare import verdict
from influencespace.evaluation.figures import RECALLS, ArmFigures, arm_figures
from influencespace.evaluation.measure import Measured, RunMeasures, pool
from influencespace.evaluation.store import load_measures
from influencespace.features.options import EmbedOptions
from influencespace.metrics.intervals import DRAWS
from influencespace.metrics.recall import BOTH
from influencespace.shell.bars import Bars
from influencespace.stages import STAGES, run_stages
from influencespace.training.options import TrainOptions
from influencespace.workspace import Workspace

ARMS = ("full", "influence")
FACTORS, DRAWN = "loss", "sampling"


def run_half(name: str, path: Path, swap: bool, seeds: int) -> Measured:
    """Take one half from import to arms trained both ways; an arm's name says which."""
    workspace, case = Workspace(path, create=True), cases()[name]
    wanted = {stage: STAGES[stage].options() for stage in ("proxy", "cluster", "score", "plan")}
    options, runs = TrainOptions(arms=ARMS, seeds=seeds), []
    run_stages(workspace, {
        "import": replace(case.source, swap=swap), "embed": EmbedOptions(encoder=case.encoder), **wanted, "train": options,
    }, Bars(quiet=True))
    measured = load_measures(workspace.artifact("training"))
    runs += named(measured, FACTORS)
    chosen = workspace.artifact("training").facts["settings"]
    drawn = replace(options, weighting=DRAWN, learning_rate=chosen["learning_rate"], epochs=chosen["epochs"])
    run_stages(workspace, {"train": drawn}, Bars(quiet=True))
    return replace(measured, runs=runs + named(load_measures(workspace.artifact("training")), DRAWN))


def named(measured: Measured, weighting: str) -> list[RunMeasures]:
    """The runs, with the way of weighting in the name of their arm."""
    return [replace(run, arm=f"{run.arm}, {weighting}") for run in measured.runs]


def rows(figures: dict[str, ArmFigures]) -> list[dict]:
    """One row an arm and way of weighting; where it is drawn, with the paired difference from factors."""
    found = []
    for arm in ARMS:
        for weighting in (FACTORS, DRAWN):
            own, factors = (figures[f"{arm}, {way}"].recall for way in (weighting, FACTORS))
            row = {"arm": arm, "weighting": weighting} | {m: own[m][BOTH].interval(100).json() for m in RECALLS}
            if weighting == DRAWN:
                row["change"] = {m: (own[m][BOTH] - factors[m][BOTH]).interval(100).json() for m in RECALLS}
            found.append(row)
    return found


def table(found: list[dict]) -> str:
    """The rows in Markdown."""
    lines = ["| arm | weights act in | R@1 | R@5 | R@10 | R@10 against the loss |", "|---|---|---|---|---|---|"]
    for row in found:
        change = row["change"]["R@10"] if "change" in row else None
        told = "" if change is None else f"{text(change, '+.1f')}, {verdict(change)}"
        recalls = " | ".join(text(row[metric], ".1f") for metric in RECALLS)
        lines.append(f"| {row['arm']} | {row['weighting']} | {recalls} | {told} |")
    return "\n".join(lines)


def text(figure: dict, form: str) -> str:
    """A figure with its interval."""
    return f"{figure['mean']:{form}} [{figure['low']:{form}}, {figure['high']:{form}}]"


def main() -> None:
    """Run one case and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="?", choices=list(cases()), default="noisy-features")
    parser.add_argument("--workspaces", type=Path, required=True, help="folder for the two workspaces")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    halves = [run_half(given.case, given.workspaces / f"{given.case}-{side}", side == "b", given.seeds) for side in ("a", "b")]
    found = rows(arm_figures(pool(halves), DRAWS, 0))
    print(table(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
