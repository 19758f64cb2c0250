"""Ablations on real photos: each half of the held-out photos serves once as validation and once as test, results are pooled.

    python benchmarks/ablations.py CASE --workspaces DIR [--seeds 3] [--csv PATH]

CASE is one of those of benchmarks/arms.py. What runs in each half is the command ``ablate`` with the values that it tries by
itself; groups are the words for men and women in the captions. Prints one table a setting.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import checkout  # noqa: F401
import pandas as pd
from arms import cases

from influencespace.evaluation.ablation_figures import ablation_figures
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.evaluation.measure import pool
from influencespace.evaluation.store import load_measures
from influencespace.features.options import EmbedOptions
from influencespace.shell.bars import Bars
from influencespace.stages import STAGES, run_stages
from influencespace.workspace import Artifact, Workspace

GROUPS = {"groups": ("gender_words:male,female",), "lexicon": ("gender_words",)}


def run_half(name: str, path: Path, swap: bool, options: AblationOptions) -> Artifact:
    """Take one half from import to its ablations."""
    workspace, case = Workspace(path, create=True), cases()[name]
    wanted = {stage: STAGES[stage].options() for stage in ("proxy", "cluster", "score", "plan")}
    source = replace(case.source, swap=swap, **GROUPS)
    run_stages(
        workspace, {"import": source, "embed": EmbedOptions(encoder=case.encoder), **wanted, "ablate": options}, Bars(quiet=True)
    )
    return workspace.artifact("ablations")


def table(figures: pd.DataFrame) -> str:
    """The figures in Markdown: one row a setting and value, Recall@10 and the gap with their paired differences."""
    lines = [
        "| setting | value | R@10 | against the default | gap | against the default | seconds for choosing |",
        "|---|---|---|---|---|---|---|",
    ]
    for (knob, value), rows in figures.groupby(["knob", "value"], sort=False):
        by_metric = rows.set_index("metric")
        recall, own = by_metric.loc["R@10"], bool(rows["own"].iloc[0])
        cells = [level(recall), change(recall)]
        cells += [level(by_metric.loc["gap"]), change(by_metric.loc["gap"])] if "gap" in by_metric.index else ["-", "-"]
        named = f"**{knob}** | **{value:g}**" if own else f"{knob} | {value:g}"
        lines.append(f"| {named} | {' | '.join(cells)} | {recall['scoring_seconds']:.0f} |")
    return "\n".join(lines)


def level(row: pd.Series) -> str:
    """A figure with its interval."""
    return f"{row['mean']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"


def change(row: pd.Series) -> str:
    """The paired difference with its interval; empty for the default itself."""
    return "" if row["own"] else f"{row['change']:+.1f} [{row['change_low']:+.1f}, {row['change_high']:+.1f}]"


def main() -> None:
    """Run one case and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=list(cases()))
    parser.add_argument("--workspaces", type=Path, required=True, help="folder for the two workspaces")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--csv", type=Path, help="where to write all figures")
    given = parser.parse_args()
    options = AblationOptions(seeds=given.seeds)
    halves = [
        run_half(given.case, given.workspaces / f"{given.case}-{side}", side == "b", options) for side in ("a", "b")
    ]
    facts = halves[0].facts
    figures = ablation_figures(pool([load_measures(half) for half in halves]), facts["grid"], facts["own"])
    print(table(figures))
    ahead = figures[figures["metric"] == "gap"][["ahead", "behind"]].drop_duplicates()
    print(f"\n{facts['photos']} + {halves[1].facts['photos']} test photos, {given.seeds} seeds; gap: {ahead.values.tolist()}; "
          f"settings {[half.facts['settings'] for half in halves]}")
    if given.csv:
        figures.to_csv(given.csv, index=False)


if __name__ == "__main__":
    main()
