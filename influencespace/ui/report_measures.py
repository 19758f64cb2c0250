"""The part of the HTML report on what is measured beside recall and the four metrics of the proposal."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.further import measures, unmeasured
from influencespace.ui.report_parts import figure, table

WORDS = {"better": "surely better", "worse": "surely worse"}


def further(results: dict) -> Iterable[str]:
    """A table for each section, one row a measure with a sentence that says what it is, one column an arm."""
    found, arms = measures(results), [arm["arm"] for arm in results["arms"]]
    for section in dict.fromkeys(measure.section for measure in found):
        yield f"<h3>{escape(section[0].upper() + section[1:])}</h3>"
        rows = []
        for measure in (one for one in found if one.section == section):
            name = f"{measure.name}, {measure.attribute}" if measure.attribute else measure.name
            said = f"<b>{escape(name)}</b><br><small>{escape(measure.words)}</small>"
            cells = (_broken(figure(measure.figures[arm], measure.digits, measure.unit)) for arm in arms)
            rows.append([said, *(cell + _beside(measure.verdict(arm)) for cell, arm in zip(cells, arms, strict=True))])
        yield table(["measure", *map(escape, arms)], rows, long=0)
    if found:
        yield f"<p class='dim'>Better and worse than {BASELINE} where the paired difference surely is.</p>"
    yield from (f"<p class='dim'>{escape(line)}</p>" for line in unmeasured(results))


def _broken(found: str) -> str:
    """A figure with its interval below it, so that nine arms stand beside each other."""
    return found.replace(" <small>", "<br><small>")


def _beside(verdict: str) -> str:
    return f"<br><small>{WORDS[verdict]}</small>" if verdict in WORDS else ""
