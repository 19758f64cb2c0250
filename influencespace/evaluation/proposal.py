"""The proposal's own table: a row an arm, with intervals and gaps, and what is compared in pairs below it."""

from __future__ import annotations

from influencespace.evaluation.compare import verdict
from influencespace.evaluation.figures import DECIDES, RECALLS
from influencespace.metrics.recall import BOTH

NONE = "-"
# What each arm is set against, in this order.
AGAINST = ("full", "random")


def proposal_table(results: dict) -> str:
    """The table of the proposal as Markdown that is aligned as plain text, and a sentence for each paired difference.

    Its columns are method, Recall@1, 5 and 10 (percent, mean of both directions), data reduction, and relative training time:
    that of the arm divided by that of ``full``, without and with the time of finding its pairs. Beside them stands the gap
    in R@10 between the groups of each attribute. Figures in brackets are 95 % intervals.

    Parameters
    ----------
    results
        Of :func:`influencespace.evaluation.compare.compare`.
    """
    attributes = list(results["arms"][0]["gaps"])
    head = [
        "method", *(metric.replace("R@", "Recall@") for metric in RECALLS), "data reduction", "relative training time",
        "with scoring", *(f"gap in {DECIDES}, {attribute}" for attribute in attributes),
    ]
    rows = [
        [
            arm["arm"], *(_figure(arm["recall"][metric][BOTH], ".1f") for metric in RECALLS),
            NONE if arm["seconds"]["training"] is None else f"{arm['reduction']:.1f} %",
            *(_relative(arm["proposal"]["training_efficiency"][word]) for word in ("without_scoring", "with_scoring")),
            *(_gap(arm["gaps"][attribute]["gap"]) for attribute in attributes),
        ]
        for arm in results["arms"]
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [_line(cells, widths) for cells in (head, ["-" * width for width in widths], *rows)]
    return "\n".join([*lines, "", *_sentences(results)])


def _sentences(results: dict) -> list[str]:
    """What each arm is against full and random, and whether that is sure; and what is not in the table, with the reason."""
    entries = [entry for entry in results["differences"] if entry["metric"] == DECIDES and entry["against"] in AGAINST]
    lines = []
    for entry in entries:
        found = verdict(entry)
        sure = f"surely {found}" if found in ("above", "below") else f"not surely another ({found})"
        lines.append(f"- {entry['arm']} against {entry['against']}: {_figure(entry, '+.1f')} points in {DECIDES}, {sure}")
    gaps = {name: found["gap"]["why"] for arm in results["arms"] for name, found in arm["gaps"].items()}
    lines += [f"- {attribute} has no gap: {why}" for attribute, why in gaps.items() if why is not None]
    return lines + [f"- {arm} is missing: {why}" for arm, why in results["missing"].items()]


def _gap(gap: dict) -> str:
    return _figure(gap, ".1f") if gap["why"] is None else NONE


def _relative(efficiency: dict) -> str:
    """Training efficiency is the time of full over that of the arm; the proposal's column has it the other way round."""
    ends = {"mean": "mean", "low": "high", "high": "low"}
    return _figure({end: None if efficiency[of] is None else 1 / efficiency[of] for end, of in ends.items()}, ".2f")


def _figure(entry: dict, form: str) -> str:
    if entry["mean"] is None:
        return NONE
    if entry["low"] is None:
        return f"{entry['mean']:{form}}"
    return f"{entry['mean']:{form}} [{entry['low']:{form}}, {entry['high']:{form}}]"


def _line(cells: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) + " |"
