"""The measures beside recall and the proposal's four, as lines that shell, report and page show alike.

Each has a unit, the direction in which it is better, a sentence that says what it is, its figure for every arm, and the paired
difference from the arm ``full``. What no arm has is left out; :func:`unmeasured` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from influencespace.evaluation.answers import ALL
from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.figures import DECIDES
from influencespace.metrics.recall import BOTH

NOTHING = {"mean": None, "low": None, "high": None}
RETRIEVAL, GROUPS, CLASSES, ROBUSTNESS, COST = "retrieval", "groups", "classes", "robustness", "cost of training"
DAMAGES = {
    ALL: "all damages, in the mean",
    "noise": "photos with noise", "blur": "blurred photos", "jpeg": "strongly compressed photos",
    "contrast": "photos of low contrast", "typos": "captions with typing errors",
}
# What could not be measured, in words.
_NAMES = {"neutral": "Skew of neutral queries", "zero_shot": "Zero-shot classification", "robustness": "Robustness"}


@dataclass(frozen=True)
class Measure:
    """One measure of all arms.

    Attributes
    ----------
    section
        What it is about.
    name, attribute
        What it is called, and the group attribute that it is about, if it is about one.
    unit, digits
        Of the figure.
    higher
        Whether more of it is better.
    words
        What it is, in a sentence.
    figures
        Arm -> ``mean, low, high``.
    differences
        Arm -> paired difference from ``full``, in the unit or, of percent, in points.
    """

    section: str
    name: str
    attribute: str
    unit: str
    digits: int
    higher: bool
    words: str
    figures: dict[str, dict]
    differences: dict[str, dict]

    def verdict(self, arm: str) -> str:
        """``better``, ``worse`` or ``undecided`` than ``full``: what the interval of the paired difference allows."""
        entry = self.differences.get(arm, NOTHING)
        if entry["low"] is None or entry["low"] <= 0 <= entry["high"]:
            return "undecided"
        return "better" if (entry["low"] > 0) == self.higher else "worse"


def measures(results: dict) -> list[Measure]:
    """Every further measure that at least one arm has; none for results of earlier versions that lack them."""
    found = [*_retrieval(results), *_groups(results), *_classes(results), *_robustness(results), *_cost(results)]
    return [one for one in found if any(figure["mean"] is not None for figure in one.figures.values())]


def unmeasured(results: dict) -> list[str]:
    """For each measure that is missing a sentence that says why."""
    lines = [f"{_NAMES[what]} was not measured: {why.rstrip('.')}." for what, why in results.get("unmeasured", {}).items()]
    trained = [arm for arm in results["arms"] if arm["seconds"]["training"] is not None]
    if trained and all(arm.get("energy") is None for arm in trained):
        lines.append("Energy was not measured: the device does not report it.")
    if trained and all(arm.get("convergence") is None for arm in trained):
        there = any(arm["arm"] == BASELINE for arm in trained)
        why = "these results do not hold the course of every run in time" if there else f"it takes the arm {BASELINE}"
        lines.append(f"Time to the recall of {BASELINE} was not measured: {why}.")
    return lines


def _measure(
    results: dict, section: str, name: str, unit: str, digits: int, higher: bool, words: str, of: Callable[[dict], dict | None],
    metric: str = "", **about: str,
) -> Measure:
    """One measure; ``metric`` and what it is ``about`` name its differences in the comparison."""
    figures = {arm["arm"]: of(arm) or NOTHING for arm in results["arms"]}
    differences = {
        entry["arm"]: entry for entry in results["differences"]
        if metric and entry["metric"] == metric and entry["against"] == BASELINE and about.items() <= entry.items()
    }
    return Measure(section, name, about.get("attribute", ""), unit, digits, higher, words, figures, differences)


def _retrieval(results: dict) -> Iterator[Measure]:
    yield _measure(
        results, RETRIEVAL, "median rank", "", 1, False, "The place by which half of the queries have found their right answer, "
        "mean of both directions; 1 is the first.", lambda arm: arm.get("median_rank", {}).get(BOTH), "median rank",
    )


def _groups(results: dict) -> Iterator[Measure]:
    for attribute in results["arms"][0]["gaps"] if results["arms"] else ():
        yield _measure(
            results, GROUPS, f"worst group, {DECIDES}", " %", 1, True, f"{DECIDES} of the group that is served worst.",
            lambda arm, a=attribute: arm.get("worst_group", {}).get(a), "worst group", attribute=attribute,
        )
        neutral = (results.get("neutral") or {}).get("chance", {}).get(attribute)
        if neutral is None:
            continue
        for k, chance in sorted(neutral["max_skew"].items(), key=lambda item: int(item[0])):
            yield _measure(
                results, GROUPS, f"MaxSkew@{k}", "", 3, False, f"Log of how many times too often the most favoured group is "
                f"among the first {k} photos for phrases that name no group; 0 is even, random order comes to {chance:.3f}.",
                lambda arm, a=attribute, k=k: arm["neutral"].get(a, {}).get("max_skew", {}).get(k), f"MaxSkew@{k}",
                attribute=attribute,
            )
        yield _measure(
            results, GROUPS, "NDKL", "", 3, False, "How far the mix of groups strays from that of all photos on the way down the "
            f"ranking for phrases that name no group; 0 is even, random order comes to {neutral['ndkl']:.3f}.",
            lambda arm, a=attribute: arm["neutral"].get(a, {}).get("ndkl"), "NDKL", attribute=attribute,
        )


def _classes(results: dict) -> Iterator[Measure]:
    if not results.get("zero_shot"):
        return
    size = f"{len(results['zero_shot']['classes'])} classes on {results['zero_shot']['photos']:,} photos"
    for key, name, words in (
        ("top1", "zero-shot", f"Share of photos that are closest to the description of their own class ({size})."),
        ("balanced", "zero-shot, balanced", f"The same, every class counting alike ({size})."),
    ):
        yield _measure(
            results, CLASSES, name, " %", 1, True, words, lambda arm, key=key: (arm["zero_shot"] or {}).get(key), name
        )


def _robustness(results: dict) -> Iterator[Measure]:
    damages = {name for arm in results["arms"] for name in arm.get("robustness", {})}
    order = list(DAMAGES)
    for name in sorted(damages, key=lambda damage: order.index(damage) if damage in order else len(order)):
        said = DAMAGES.get(name, name)
        yield _measure(
            results, ROBUSTNESS, f"{DECIDES}: {said}", " %", 1, True, f"{DECIDES} with {said}.",
            lambda arm, n=name: arm["robustness"].get(n, {}).get("recall", {}).get(DECIDES), "damaged", damage=name,
        )
        yield _measure(
            results, ROBUSTNESS, f"drop: {said}", " points", 1, False, f"By how much {DECIDES} falls with {said}, paired.",
            lambda arm, n=name: arm["robustness"].get(n, {}).get("drop"),
        )


def _cost(results: dict) -> Iterator[Measure]:
    def convergence(arm: dict, *keys: str) -> dict | None:
        found = arm.get("convergence")
        for key in keys:
            found = found and found[key]
        return found

    short = {
        arm["arm"]: found for arm in results["arms"]
        if (found := arm.get("convergence")) is not None and found["reached"] < found["of"]
    }
    seeds = "".join(f"; {arm} in {found['reached']} of {found['of']} seeds" for arm, found in short.items())
    reached = f"until the validation recall is that of {BASELINE} at its end"
    for key, scored in (("without_scoring", ""), ("with_scoring", ", choosing included")):
        path = ("seconds",) if key == "without_scoring" else ("with_scoring",)
        yield _measure(
            results, COST, f"time to {BASELINE}'s recall{scored}", " s", 1, False,
            f"Seconds of training {reached}{scored}, mean of the seeds that come there{seeds}.",
            lambda arm, path=path: convergence(arm, *path),
        )
        yield _measure(
            results, COST, f"speed-up to {BASELINE}'s recall{scored}", " ×", 2, True,
            f"What {BASELINE} takes to come there, divided by what the arm takes{scored}; above 1 is faster.",
            lambda arm, key=key: convergence(arm, "efficiency", key),
        )
    yield _measure(
        results, COST, "energy", " J", 0, False, "Energy that the device reports for training alone.",
        lambda arm: (arm.get("energy") or {}).get("joules"),
    )
    yield _measure(
        results, COST, "energy saved", " ×", 2, True, f"Energy of {BASELINE} divided by that of the arm; above 1 is less.",
        lambda arm: (arm.get("energy") or {}).get("efficiency"),
    )
