"""The figures of each stage's artifact that a person looks for, in words."""

from __future__ import annotations

from collections.abc import Callable

from influencespace.shell.results import plan_summary
from influencespace.workspace import MADE_BY, Artifact, Workspace


def key_facts(workspace: Workspace, artifact: str) -> str:
    """The figures of a stage's artifact that a person looks for, on one line."""
    made = workspace.artifact(artifact)
    return _FACTS[artifact](workspace, made)


def count(number: int, word: str) -> str:
    """``1 pair`` or ``2,000 pairs``."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def _pairs(workspace: Workspace, made: Artifact) -> str:
    counts, photos = made.facts["counts"], made.facts["photos"]
    splits = ", ".join(f"{counts[split]:,} {split} ({photos[split]:,} photos)" for split in ("train", "validation", "test"))
    return f"pairs: {splits}; {count(sum(made.facts['problems'].values()), 'problem')}"


def _features(workspace: Workspace, made: Artifact) -> str:
    aligned = "aligned" if made.facts["aligned"] else "not aligned"
    device = f" on {made.facts['device']}" if made.facts["device"] else ""
    return f"{made.facts['encoder']}{device}, {aligned}"


def _proxy(workspace: Workspace, made: Artifact) -> str:
    options = made.record["options"]
    return f"{options['repeats']} x {options['folds']} folds, ridge {made.facts['ridge']:g}"


def _clusters(workspace: Workspace, made: Artifact) -> str:
    return f"{made.facts['topics']} topics, {made.facts['clusters']} clusters; map: {made.facts['projection']}"


def _scores(workspace: Workspace, made: Artifact) -> str:
    return "targets: " + ", ".join(target["name"] for target in made.json("targets"))


def _plan(workspace: Workspace, made: Artifact) -> str:
    plan = plan_summary(workspace)
    clusters = ", ".join(f"{count} {disposition}" for disposition, count in plan["clusters"].items())
    return (
        f"{plan['kept']:,} of {plan['pairs']:,} pairs kept, {plan['removed']:,} removed ({plan['reduction']:.1f} %), "
        f"{plan['up_weighted']:,} up-weighted; clusters: {clusters}"
    )


def _effects(workspace: Workspace, made: Artifact) -> str:
    facts = made.facts
    return f"one proxy on {facts['pairs']:,} of {facts['of']:,} pairs, ridge {facts['ridge']:g}"


def _verification(workspace: Workspace, made: Artifact) -> str:
    verdicts = ", ".join(f"{name} {verdict}" for name, verdict in made.facts["verdicts"].items())
    return f"retrained without {count(made.facts['clusters'], 'cluster')}: {verdicts}"


def _training(workspace: Workspace, made: Artifact) -> str:
    results = made.json("results")
    decides = results["decides"]
    arms = ", ".join(f"{arm['arm']} {arm['recall'][decides]['both']['mean']:.1f}" for arm in results["arms"])
    return f"{decides} over {count(len(results['seeds']), 'seed')}: {arms}"


def _ablations(workspace: Workspace, made: Artifact) -> str:
    grid, seeds = made.facts["grid"], made.facts["seeds"]
    values = "; ".join(f"{knob} {', '.join(f'{value:g}' for value in values)}" for knob, values in grid.items())
    return f"{count(seeds, 'seed')}: {values}"


_FACTS: dict[str, Callable[[Workspace, Artifact], str]] = dict(zip(
    MADE_BY, (_pairs, _features, _proxy, _clusters, _scores, _plan, _effects, _verification, _training, _ablations), strict=True
))
