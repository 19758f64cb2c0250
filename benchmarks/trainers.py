"""Every trainer on real photos that the encoder has not seen: what training does to recall, and what it takes.

    python benchmarks/trainers.py CASE --workspaces DIR [--data clean] [--pairs N] [--arms full start] [--seeds 1] [--json PATH]

CASE is one of heads, clip, clip-lora, visualbert, lxmert. The data are found through the environment variable
INFLUENCESPACE_LAB: mini-clip, and so many pairs, drawn at random from those of the 4,000 training photos that it has not seen.
Half of the 1,000 dev photos watch the training, the other half are the test, with all captions. ``noisy`` takes the pairs
with planted damage. Groups are the gender words of the captions. By default a case has as many pairs as two cores carry through
one arm in about ten minutes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import checkout  # noqa: F401
import pandas as pd
from arms import FLICKR, LAB

from influencespace.evaluation.proposal import proposal_table
from influencespace.evaluation.store import load_measures
from influencespace.evaluation.table import arms_table
from influencespace.features.options import EmbedOptions
from influencespace.pairs.options import ImportOptions
from influencespace.shell.bars import Bars
from influencespace.stages import STAGES, run_stages
from influencespace.training.options import ARMS, TrainOptions
from influencespace.workspace import Artifact, Workspace


@dataclass(frozen=True)
class Case:
    """A trainer, and on how many pairs."""

    options: TrainOptions
    pairs: int


CASES = {
    "heads": Case(TrainOptions(), 4000),
    "clip": Case(TrainOptions(trainer="clip", epochs=3), 1000),
    "clip-lora": Case(TrainOptions(trainer="clip", adapter="lora"), 2000),
    "visualbert": Case(TrainOptions(trainer="visualbert"), 1000),
    "lxmert": Case(TrainOptions(trainer="lxmert"), 1000),
}


def drawn(data: str, pairs: int, folder: Path) -> ImportOptions:
    """Write a table of so many pairs; what imports it."""
    source = {"clean": "captions.jsonl", "noisy": "noisy_train.jsonl"}[data]
    table = pd.read_json(FLICKR / source, lines=True)
    if data == "clean":
        table = table[(table["split"] == "train") & ~table["seen_by_encoder"].astype(bool)]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{data}-{pairs}.jsonl"
    table.sample(min(pairs, len(table)), random_state=0).to_json(file, orient="records", lines=True)
    return ImportOptions(
        source=str(file), images=str(FLICKR), captions="first", validation=str(FLICKR / "captions.jsonl"),
        validation_filter=("split=dev",), groups=("gender_words:female,male",),
    )


def measure(data: str, pairs: int, options: TrainOptions, workspaces: Path) -> Artifact:
    """Take the pairs from import to trained arms."""
    workspace = Workspace(workspaces / f"{data}-{pairs}-{options.trainer}-{options.adapter}", create=True)
    wanted = {name: stage.options() for name, stage in STAGES.items() if name in ("proxy", "cluster", "score", "plan")}
    given = {"import": drawn(data, pairs, workspaces), "embed": EmbedOptions(encoder=str(LAB / "models" / "mini-clip"))}
    run_stages(workspace, given | wanted | {"train": options}, Bars(quiet=True))
    return workspace.artifact("training")


def report(training: Artifact) -> str:
    """The comparison of the arms, the proposal's own table, the accuracy of matching, and the course of each training."""
    results, runs = training.json("results"), load_measures(training).runs
    lines = [arms_table(results), "", proposal_table(results), ""]
    for arm in results["arms"]:
        accuracy = {name: None if value is None else f"{100 * value:.1f}" for name, value in arm["matching"]["accuracy"].items()}
        lines.append(f"{arm['arm']}: matching accuracy {accuracy['mean']} % [{accuracy['low']}, {accuracy['high']}]")
    for run in runs:
        if run.curve:
            course = ", ".join(f"{step['recall']:.1f}" for step in run.curve)
            each = run.training_seconds / len(run.curve)
            lines.append(f"{run.arm}, seed {run.seed}: {each:.1f} s an epoch; validation R@10 after each: {course}")
    return "\n".join(lines)


def main() -> None:
    """Run one case and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=list(CASES))
    parser.add_argument("--workspaces", type=Path, required=True, help="folder for the workspace and its table of pairs")
    parser.add_argument("--data", choices=("clean", "noisy"), default="clean")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=["full", "start"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    case = CASES[given.case]
    changed = {name: getattr(given, name) for name in ("epochs", "learning_rate") if getattr(given, name) is not None}
    options = replace(case.options, arms=tuple(given.arms), seeds=given.seeds, **changed)
    training = measure(given.data, given.pairs or case.pairs, options, given.workspaces)
    print(f"{given.case} on {given.data} pairs: {training.facts['settings']}")
    print(report(training))
    if given.json:
        given.json.write_text(json.dumps(training.json("results"), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
