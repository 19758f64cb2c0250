"""What the runs of benchmarks/fairness.py say: recall, gaps and their paired changes, each with its interval."""

from __future__ import annotations

from pathlib import Path

import checkout  # noqa: F401

from influencespace.evaluation.figures import DECIDES, ArmFigures, arm_figures
from influencespace.evaluation.measure import Measured, pool
from influencespace.evaluation.store import load_measures
from influencespace.metrics.fairness import OPPORTUNITY, PARITY
from influencespace.metrics.intervals import DRAWS, Rate
from influencespace.metrics.recall import BOTH
from influencespace.workspace import Artifact

FULL = "full"
# What influence is compared with beside full: what is known to nobody, and what is simpler.
BASELINES = ("oracle", "agreement", "agreement, labels x3", "influence 0, labels x3")


def read(folder: Path, folds: int) -> Measured:
    """The finished runs of a case, pooled over the folds that have any, with the seeds that every arm has in all of them."""
    parts = []
    for fold in range(folds):
        found = [load_measures(Artifact("training", run, {})) for run in sorted((folder / f"fold={fold}").glob("*=*"))]
        if found:
            runs = [run for one in found for run in one.runs]
            parts.append(Measured(runs, found[0].photos, found[0].groups, found[0].compared))
    whole = pool(parts)
    seeds: dict[str, set[int]] = {}
    for run in whole.runs:
        seeds.setdefault(run.arm, set()).add(run.seed)
    shared = set.intersection(*seeds.values())
    return Measured([run for run in whole.runs if run.seed in shared], whole.photos, whole.groups, whole.compared)


def rows(measured: Measured, attribute: str) -> list[dict]:
    """One row an arm, in points of percent, with intervals: recall, the gap of an attribute, and its paired changes.

    The gap is that of the group ahead less that of the group behind, as ``measured.compared`` names them, so that it has a
    sign. ``change`` is against full, ``against`` holds the paired differences from the baselines.
    """
    figures = arm_figures(measured, DRAWS, 0)
    ahead, behind = measured.compared[attribute]
    full = figures[FULL]

    def recall(arm: ArmFigures) -> Rate:
        return arm.recall[DECIDES][BOTH]

    def gap(arm: ArmFigures) -> Rate:
        return arm.groups[attribute][ahead] - arm.groups[attribute][behind]

    out = []
    for name, arm in figures.items():
        change = gap(arm) - gap(full)
        out.append({
            "arm": name, "attribute": attribute, "reduction": arm.reduction, "recall": recall(arm).interval(100).json(),
            "of_full": (recall(arm) / recall(full)).interval().json(),
            "groups": {group: arm.groups[attribute][group].interval(100).json() for group in (ahead, behind)},
            "gap": gap(arm).interval(100).json(), "change": change.interval(100).json(),
            "relative": (change / gap(full)).interval(100).json(),
            "against": {
                other: (gap(arm) - gap(figures[other])).interval(100).json()
                for other in BASELINES if other in figures and other != name
            },
            "parity": arm.parity[attribute][PARITY], "opportunity": arm.parity[attribute][OPPORTUNITY],
        })
    return out


def arms_table(found: list[dict]) -> str:
    """Recall, gap and change of every arm, in Markdown."""
    ahead, behind = found[0]["groups"]
    lines = [
        f"| arm | removed | R@10 | of full | {ahead} | {behind} | gap | change of the gap | in % | parity | opportunity |",
        "|" + "---|" * 11,
    ]
    for row in found:
        groups = " | ".join(f"{figure['mean']:.1f}" for figure in row["groups"].values())
        changed = row["arm"] != FULL
        change, share = (_signed(row["change"]), f"{row['relative']['mean']:+.0f}") if changed else ("", "")
        lines.append(
            f"| {row['arm']} | {row['reduction']:.1f} % | {_plain(row['recall'])} | {row['of_full']['mean']:.3f} | {groups} | "
            f"{_plain(row['gap'])} | {change} | {share} | {row['parity']:.3f} | {row['opportunity']:.3f} |"
        )
    return "\n".join(lines)


def against_table(found: list[dict]) -> str:
    """The gap of each influence arm less that of each baseline, paired, in Markdown; below 0 = it is closed further."""
    known = [other for other in BASELINES if any(other in row["against"] for row in found)]
    lines = ["| gap of | " + " | ".join(f"less that of {other}" for other in known) + " |", "|---|" + "---|" * len(known)]
    for row in found:
        if row["arm"].startswith("influence") and row["arm"] not in known:
            lines.append(f"| {row['arm']} | " + " | ".join(_signed(row["against"][other]) for other in known) + " |")
    return "\n".join(lines)


def _plain(figure: dict) -> str:
    return f"{figure['mean']:.1f} [{figure['low']:.1f}, {figure['high']:.1f}]"


def _signed(figure: dict) -> str:
    return f"{figure['mean']:+.1f} [{figure['low']:+.1f}, {figure['high']:+.1f}]"
