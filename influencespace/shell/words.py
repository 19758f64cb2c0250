"""What commands report, in words: problems of the import, versions, predictions, and what curation found in the demo."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from influencespace.curation.comparing import Comparison
from influencespace.curation.history import Version
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import Response, curve
from influencespace.curation.words import said
from influencespace.evaluation.ablation_figures import GAP
from influencespace.evaluation.figures import DECIDES
from influencespace.influence.targets import OVERALL
from influencespace.influence.verification import verdicts
from influencespace.options import restore
from influencespace.shell.commands import ASKED_FOR
from influencespace.shell.facts import count, key_facts
from influencespace.shell.results import RARE, UNDAMAGED
from influencespace.workspace import Workspace

if TYPE_CHECKING:
    from influencespace.repeating import Repeated

SHOWN = 5
# Reduction ratios whose predicted effect is shown beside that of the plan.
PREVIEWED = (0.1, 0.2, 0.3, 0.4, 0.5)


def stage_lines(workspace: Workspace, artifact: str) -> list[str]:
    """What a person wants to see after a stage: its key facts, and the problems, clusters or notes that it found."""
    more = {
        "pairs": problem_lines, "scores": cluster_lines, "plan": plan_lines,
        "effects": effect_lines, "verification": verification_lines, "ablations": ablation_lines,
    }
    return [key_facts(workspace, artifact), *more.get(artifact, lambda place: [])(workspace)]


def status_lines(workspace: Workspace, entries: list[dict[str, Any]]) -> list[str]:
    """The table of stages: command, state, when it was made, how long that took, key facts."""
    rows = [
        [entry["stage"], entry["state"], entry["created"], f"{entry['seconds']:.1f} s", key_facts(workspace, entry["artifact"])]
        if "created" in entry else [entry["stage"], entry["state"], "", "", entry.get("damage", "")]
        for entry in entries
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) for row in rows]
    return [f"{line}  {row[4]}".rstrip() for line, row in zip(lines, rows, strict=True)]


def next_step(workspace: Workspace, entries: list[dict[str, Any]]) -> str:
    """What to run next, in a sentence."""
    waiting = next((entry for entry in entries if entry["state"] != "current" and entry["stage"] not in ASKED_FOR), None)
    if waiting is None:
        return f"Everything is current. Export the subset with: {called(workspace, 'export')}"
    return f"Next: {called(workspace, waiting['stage'] + (' SOURCE' if waiting['stage'] == 'import' else ''))}"


def called(workspace: Workspace, command: str) -> str:
    """How a command is called on a workspace; it is named where a command would not find it by itself."""
    found = Path(os.environ.get("INFLUENCESPACE_WORKSPACE", "workspace")).expanduser().absolute()
    named = "" if found == workspace.path else f" --workspace {quote(str(workspace.path))}"
    return f"python -m influencespace {command}{named}"


def problem_lines(workspace: Workspace) -> list[str]:
    """The first problems of the import, each with its table, row and reason, and where the others are."""
    pairs = workspace.artifact("pairs")
    problems = pairs.table("problems")
    if problems.empty:
        return []
    lines = [_problem(row) for row in problems.head(SHOWN).to_dict("records")]
    more = f"; the first {SHOWN}" if len(problems) > SHOWN else ""
    return [f"{count(len(problems), 'problem')} (all in {pairs.folder / 'problems.parquet'}{more}):", *lines]


def cluster_lines(workspace: Workspace) -> list[str]:
    """The clusters that help most and that harm most, by the mean of their pairs."""
    names = workspace.artifact("clusters").table("clusters").set_index("cluster")["name"]
    scores = workspace.artifact("scores").table("clusters").sort_values("overall.mean", ascending=False)
    shown = min(SHOWN, len(scores) // 2)
    if shown == 0:
        return []
    parts = (("Help most", scores.head(shown)), ("Harm most, or help least", scores.tail(shown)[::-1]))
    return [line for title, part in parts for line in (f"{title}:", *(
        f"  {cluster:>6}  {mean:+.4f}  {names[cluster]}"
        for cluster, mean in zip(part["cluster"], part["overall.mean"], strict=True)
    ))]


def plan_lines(workspace: Workspace) -> list[str]:
    """What there is to know of the plan, and what it and other ratios are predicted to do, where effects are current."""
    made, effects = workspace.artifact("plan"), workspace.find("effects")
    if effects is None or workspace.state("effects") != "current":
        return made.facts["notes"]
    options = restore(PlanOptions, made.record["options"])
    ratios = sorted({*PREVIEWED, options.reduction})
    gains = curve(Response.read(effects), PlanInputs.read(workspace), workspace.decisions(), options, np.array(ratios))
    names = effects.facts["targets"]
    width = max(map(len, names))
    lines = [f"{'reduction':<{width}}  " + "  ".join(f"{100 * ratio:>5.0f} %" for ratio in ratios)]
    for name, column in zip(names, gains.T, strict=True):
        lines.append(f"{name:<{width}}  " + "  ".join(f"{gain:>+7.3f}" for gain in column))
    return [*made.facts["notes"], "Predicted fall of the validation loss of each target (positive = the plan helps):", *lines]


def effect_lines(workspace: Workspace) -> list[str]:
    """The clusters that would be missed most and those that would not, and how far to trust that."""
    effects = workspace.artifact("effects").table("clusters").sort_values("overall", ascending=False)
    names = workspace.artifact("clusters").table("clusters").set_index("cluster")["name"]
    shown = min(SHOWN, len(effects) // 2)
    parts = (("Without them the loss would rise most", effects.head(shown)),
             ("Without them it would fall most, or rise least", effects.tail(shown)[::-1]))
    lines = [line for title, part in parts if shown for line in (f"{title}:", *(
        f"  {cluster:>6}  {effect:+.4f}  {names[cluster]}"
        for cluster, effect in zip(part["cluster"], part["overall"], strict=True)
    ))]
    return [*lines, "On the targets: " + ", ".join(f"{name} {verdict}" for name, verdict in verdicts(workspace).items())]


def verification_lines(workspace: Workspace) -> list[str]:
    """Predicted against retrained, a line a target, and for whole plans."""
    made = workspace.artifact("verification")
    targets = made.json("verification")["targets"]
    width = max(map(len, targets))
    lines = [f"{'':<{width}}  Spearman           Pearson            slope              right signs        verdict"]
    for name in made.facts["verdicts"]:
        found = targets[name]
        figures = (_figure(found[key]) for key in ("spearman", "pearson", "slope", "sign_accuracy"))
        guessed = f"{found['verdict']} (always the commoner sign: {found['majority']:.2f} right)"
        lines.append("  ".join([f"{name:<{width}}", *(f"{figure:<17}" for figure in figures), guessed]))
    plans = made.table("plans")
    plans = plans[plans["target"] == OVERALL]
    gains = ", ".join(
        f"{100 * row.reduction:.0f} %: {row.predicted:+.3f} predicted, {row.actual:+.3f} retrained" for row in plans.itertuples()
    )
    return [*lines, f"Gain of whole plans (fall of the overall loss) at a reduction of {gains}"]


def version_lines(versions: list[Version], head: Version) -> list[str]:
    """A line a version, the present one with a star."""
    wide = len(str(versions[0].id))
    return [
        f"{'*' if version.id == head.id else ' '} {version.id:>{wide}}  {version.created}  {_called(version)}{version.what}"
        f"  ({_asked(version)})" for version in versions
    ]


def ablation_lines(workspace: Workspace) -> list[str]:
    """Recall and gaps at each value of each setting, and how they differ from the workspace's own, a line a value."""
    made = workspace.artifact("ablations")
    table = made.table("figures")
    shown = table[table["metric"].isin([DECIDES, GAP])].copy()
    between = shown["attribute"] + ": " + shown["ahead"] + " - " + shown["behind"]
    shown["what"] = np.where(shown["metric"] == GAP, between, DECIDES)
    width = max(map(len, shown["what"]))
    lines = []
    for row in shown.sort_values(["what", "knob"], kind="stable").to_dict("records"):
        mark = "own" if row["own"] else f"{row['change']:+.1f} points [{row['change_low']:.1f}, {row['change_high']:.1f}] from it"
        name = f"{row['knob']} {row['value']:g}"
        lines.append(f"{row['what']:<{width}}  {name:<14}  {row['mean']:5.1f} [{row['low']:.1f}, {row['high']:.1f}]  {mark}")
    return lines + [f"{knob} was left out: {why}." for knob, why in made.facts["missing"].items()]


def step_lines(workspace: Workspace, version: Version, plan: str) -> list[str]:
    """Where the history is after a step, and what to run if the plan does not follow it yet."""
    follow = [] if plan == "current" else [f"The plan is not made yet with this. Next: {called(workspace, 'plan')}"]
    return [f"Version {version.id}: {_called(version)}{version.what}  ({_asked(version)})", *follow]


def comparison_lines(found: Comparison) -> list[str]:
    """Two versions beside each other: pairs, clusters, and what each is predicted and was measured to do."""
    a, b = found.a, found.b
    lines = [f"{letter}: version {side.version.id}, {_called(side.version)}{side.version.what}  ({_asked(side.version)})"
             for letter, side in (("A", a), ("B", b))]
    lines += [
        f"A keeps {a.kept:,} and B {b.kept:,} of {count(found.pairs, 'pair')}: both {found.both:,}, "
        f"A alone {len(found.only_a):,}, B alone {len(found.only_b):,}; "
        f"{len(found.reweighted):,} that both keep have another weight.",
        *(f"{letter}: {note}" for letter, side in (("A", a), ("B", b)) for note in side.notes),
        f"{count(len(found.clusters), 'cluster')} treated otherwise" + (":" if len(found.clusters) else "."),
    ]
    lines += [
        f"  {row.cluster:>6}  {row.disposition_a} ({row.kept_a} of {row.pairs}) -> {row.disposition_b} ({row.kept_b})  {row.name}"
        for row in found.clusters.itertuples()
    ]
    if a.gains is not None:
        lines.append("Predicted fall of the validation loss of each target by A and B, and gaps between groups (with all pairs):")
        wide = max(map(len, [*a.gains, *(f"gap {name}" for name in a.gaps)]))
        lines += [f"  {name:<{wide}}  {gain:+.3f}  {b.gains[name]:+.3f}" for name, gain in a.gains.items()]
        gaps = ((f"gap {name}", gap, b.gaps[name], found.gaps[name]) for name, gap in a.gaps.items())
        lines += [f"  {name:<{wide}}   {one:.3f}   {other:.3f}  ({before:.3f})" for name, one, other, before in gaps]
    for letter, side in (("A", a), ("B", b)):
        if side.measured is not None:
            arms = ", ".join(f"{arm} {_figure(figure)}" for arm, figure in side.measured.recall.items())
            lines.append(f"Measured for {letter}, {side.measured.metric}: {arms}")
    return lines


def repeated_lines(repeated: Repeated) -> list[str]:
    """What repeating a training has shown."""
    if not repeated.differing:
        return [f"Repeated: all {repeated.compared:,} figures are those on record, times aside."]
    return [
        f"Repeated: {len(repeated.differing):,} of {repeated.compared:,} figures differ from those on record, such as "
        f"{repeated.differing[0]}.",
        *(repeated.otherwise or ["Nothing that is on record explains it: device and versions are the same."]),
    ]


def found_lines(found: dict[str, dict[str, int]]) -> list[str]:
    """What curation found of the faults that were planted in the demo."""
    lines = ["Of what was planted in the demo's pairs, the plan prunes:"]
    for kind, pairs in found.items():
        name = {UNDAMAGED: "undamaged pairs", RARE: "pairs of the rare group"}.get(kind, kind.replace("_", " "))
        share = 100 * pairs["pruned"] / pairs["planted"] if pairs["planted"] else 0.0
        lines.append(f"  {name:<24} {pairs['pruned']:>5,} of {pairs['planted']:>5,}  ({share:.0f} %)")
    return lines


def _called(version: Version) -> str:
    return "" if version.name is None else f"[{version.name}] "


def _asked(version: Version) -> str:
    decided = sum(map(len, version.decisions.values()))
    return f"{said(version.options)}; {count(decided, 'decision')}"


def _figure(figure: dict[str, float | None]) -> str:
    if figure["mean"] is None:
        return "-"
    return f"{figure['mean']:.2f} [" + ", ".join("-" if figure[k] is None else f"{figure[k]:.2f}" for k in ("low", "high")) + "]"


def _problem(row: dict[str, Any]) -> str:
    place = row["table"] if row["row"] < 0 else f"{row['table']} row {row['row']}"
    detail = f" ({row['detail']})" if row["detail"] and not pd.isna(row["detail"]) else ""
    return f"  {place}: {row['problem']}{detail}, {row['action']}"
