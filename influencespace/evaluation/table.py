"""The comparison of arms as plain text, at most 120 columns wide: what the shell prints."""

from __future__ import annotations

from influencespace.evaluation.answers import ALL
from influencespace.evaluation.compare import verdict
from influencespace.evaluation.figures import DECIDES, RECALLS
from influencespace.evaluation.further import DAMAGES, measures, unmeasured
from influencespace.metrics.fairness import OPPORTUNITY, PARITY
from influencespace.metrics.recall import BOTH

NONE = "-"
# The columns of the second table, and what each shows; of time to full's recall, in how many seeds it was reached.
TO_FULL, ENERGY = "to full's R@10", "energy"
FURTHER = {
    "median rank": "median rank", "zero-shot": "zero-shot %", f"{DECIDES}: {DAMAGES[ALL]}": f"damaged {DECIDES}",
    f"drop: {DAMAGES[ALL]}": "drop", "time to full's recall": TO_FULL, "energy": ENERGY,
}
BY_GROUP = (f"worst group, {DECIDES}", "MaxSkew@10", "NDKL")


def arms_table(results: dict) -> str:
    """Arms, gaps between groups and paired differences, each as a block of lines.

    Parameters
    ----------
    results
        Of :func:`influencespace.evaluation.compare.compare`.
    """
    blocks = [_arms(results), _further(results), _gaps(results), _groups(results), _words(results)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _arms(results: dict) -> list[str]:
    head = ["arm", "pairs", "reduction", *RECALLS, "training", "with scoring"]
    rows = [
        [
            arm["arm"], *_volume(arm),
            *(_figure(arm["recall"][metric][BOTH], ".1f") for metric in RECALLS),
            _seconds(arm["seconds"]["training"]), _seconds(arm["seconds"]["total"]),
        ]
        for arm in results["arms"]
    ]
    what = (
        f"Recall in percent, mean of both directions, on {results['photos']:,} test photos with "
        f"{results['captions']:,} captions; seeds: {len(results['seeds'])}; [95 % interval]"
    )
    return [what, *_aligned(head, rows, "lrrlllrr")]


def _further(results: dict) -> list[str]:
    """What there is beside recall, one row an arm: what concerns groups has rows of its own."""
    found = {measure.name: measure for measure in measures(results) if not measure.attribute}
    columns = {column: found[name] for name, column in FURTHER.items() if name in found}
    head = ["arm", *columns]
    rows = []
    for arm in results["arms"]:
        row = [arm["arm"], *(_figure(own.figures[arm["arm"]], f".{own.digits}f") for own in columns.values())]
        if TO_FULL in columns and arm["convergence"] is not None:
            row[head.index(TO_FULL)] = _reached(arm["convergence"])
        if ENERGY in columns and arm["energy"] is not None:
            row[head.index(ENERGY)] = f"{arm['energy']['joules']['mean']:.0f} J"
        rows.append(row)
    return _aligned(head, rows, "l" * len(head)) if columns else []


def _groups(results: dict) -> list[str]:
    """Worst group and skews, one row an attribute and arm."""
    found = [measure for measure in measures(results) if measure.attribute]
    names = [name for name in dict.fromkeys(measure.name for measure in found) if name in BY_GROUP]
    rows = []
    for attribute in dict.fromkeys(measure.attribute for measure in found):
        own = {measure.name: measure for measure in found if measure.attribute == attribute}
        rows += [
            [_short(attribute, 16), arm["arm"], *(
                _figure(own[name].figures[arm["arm"]], f".{own[name].digits}f") if name in own else NONE for name in names
            )] for arm in results["arms"]
        ]
    return _aligned(["attribute", "arm", *names], rows, "l" * (2 + len(names))) if rows else []


def _reached(convergence: dict) -> str:
    seconds, count = convergence["seconds"]["mean"], f"{convergence['reached']} of {convergence['of']}"
    if seconds is None:
        return f"never ({count})"
    return f"{seconds:.{0 if seconds >= 100 else 1}f} s ({count})"


def _gaps(results: dict) -> list[str]:
    head = ["attribute", "arm", f"gap in {DECIDES}", "between", "parity difference", "opportunity difference"]
    rows, notes = [], []
    for attribute in results["arms"][0]["gaps"] if results["arms"] else []:
        for arm in results["arms"]:
            gap = arm["gaps"][attribute]["gap"]
            if gap["why"] is not None:
                notes.append(f"{attribute}: no gaps, because {gap['why']}.")
                break
            parity, opportunity = (arm["matching"][metric][attribute] for metric in (PARITY, OPPORTUNITY))
            rows.append([
                _short(attribute, 16), arm["arm"], _figure(gap, ".1f"),
                f"{_short(gap['highest'], 12)} > {_short(gap['lowest'], 12)}",
                _figure(parity, ".3f"), _figure(opportunity, ".3f"),
            ])
    return (_aligned(head, rows, "llllll") if rows else []) + notes


def _words(results: dict) -> list[str]:
    lines = [_sentence(entry) for entry in results["differences"] if entry["metric"] in (DECIDES, "gap")]
    return lines + [f"{arm} is missing: {why}" for arm, why in results["missing"].items()] + unmeasured(results)


def _sentence(entry: dict) -> str:
    if entry["mean"] is None:
        return f"{entry['arm']} cannot be compared with {entry['against']}"
    figure = f"{entry['mean']:+.1f} points [{entry['low']:.1f}, {entry['high']:.1f}]"
    if entry["metric"] == "gap":
        between = f"{entry['attribute']} ({entry['highest']} - {entry['lowest']})"
        return f"{entry['arm']} changes the gap of {between} by {figure} against {entry['against']}"
    said = {"above": f"above {entry['against']}", "below": f"below {entry['against']}"}
    found = verdict(entry)
    return f"{entry['arm']} is {figure} " + said.get(found, f"from {entry['against']}: {found}")


def _figure(entry: dict, form: str) -> str:
    if entry["mean"] is None:
        return NONE
    return f"{entry['mean']:{form}} [{entry['low']:{form}}, {entry['high']:{form}}]"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _volume(arm: dict) -> list[str]:
    """Pairs and reduction; an arm that trains nothing was given none, which is no reduction."""
    return [NONE, NONE] if arm["seconds"]["training"] is None else [f"{arm['pairs']:,}", f"{arm['reduction']:.1f} %"]


def _seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f} s"


def _aligned(head: list[str], rows: list[list[str]], sides: str) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(f"{cell:{'>' if side == 'r' else '<'}{width}}"
                  for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
