"""Figures as SVG of a few hundred bytes, for reports that must be read anywhere: in any theme, on paper, without a script.

Text and lines take the colour of the words around them (``currentColor``); a figure has a title that says what it shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

LABEL, WIDTH, ROW, FOOT = 118, 470, 24, 40
RADIUS = 5
TICKS = 5

Row = tuple[str, dict, str]


def dots(rows: Sequence[Row], title: str, axis: str, *, zero: bool = False, digits: int = 1) -> str:
    """One dot a row at its mean with a line from the low to the high end of its interval.

    Parameters
    ----------
    rows
        Label, figure (``mean, low, high``) and colour; what is not defined is left out.
    title
        What the figure shows, for those who cannot see it.
    axis
        What stands below the axis, with the unit.
    zero
        Whether the axis includes 0, with a line there.
    digits
        Of the value in the tooltip.
    """
    there = [row for row in rows if row[1]["mean"] is not None]
    values = [value for _, figure, _ in there for value in figure.values() if isinstance(value, int | float)]
    scale = _Scale([*values, 0.0] if zero else values, LABEL, LABEL + WIDTH)
    bottom = ROW * len(there) + 6
    parts = [_axis(scale, bottom, axis)]
    if zero:
        parts.append(f'<line class="zero" x1="{scale(0):.1f}" x2="{scale(0):.1f}" y1="0" y2="{bottom}"/>')
    for i, (label, figure, colour) in enumerate(there):
        y = ROW * i + ROW / 2
        low, high = (figure["mean"] if figure[end] is None else figure[end] for end in ("low", "high"))
        said = f"{label}: {figure['mean']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
        parts.append(
            f'<g><title>{escape(said)}</title><text x="{LABEL - 12}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'
            f'<line x1="{scale(low):.1f}" x2="{scale(high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{scale(figure["mean"]):.1f}" cy="{y}" r="{RADIUS}" fill="{colour}"/></g>'
        )
    return _svg(LABEL + WIDTH + 16, bottom + FOOT, title, parts)


def points(rows: Sequence[tuple[str, float, dict, str]], title: str, axes: tuple[str, str]) -> str:
    """Points with a vertical interval over a horizontal and a vertical axis that both include 0, and their names beside them.

    ``rows`` are name, horizontal value, figure (``mean, low, high``) and colour.
    """
    height, width = 300, 740
    across = _Scale([0.0, *(row[1] for row in rows)], 60, width - 200)
    ends = [value for row in rows for value in (row[2]["low"], row[2]["mean"], row[2]["high"]) if value is not None]
    up = _Scale([0.0, *ends], height, 10)
    parts = [
        _axis(across, height, axes[0]),
        *(f'<text x="50" y="{up(tick) + 4:.1f}" text-anchor="end">{_number(tick, up.step)}</text>'
          f'<line class="grid" x1="60" x2="{across.end}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>' for tick in up.ticks),
        f'<line class="zero" x1="60" x2="{across.end}" y1="{up(0):.1f}" y2="{up(0):.1f}"/>',
        f'<text transform="translate(14 {height / 2}) rotate(-90)" text-anchor="middle">{escape(axes[1])}</text>',
    ]
    taken: list[float] = []
    for name, x, figure, colour in sorted(rows, key=lambda row: row[2]["mean"]):
        low, high = (figure["mean"] if figure[end] is None else figure[end] for end in ("low", "high"))
        y, at = up(figure["mean"]), across(x)
        beside = min([y + 4, *(other - 13 for other in taken)])
        taken.append(beside)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{up(low):.1f}" y2="{up(high):.1f}" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{at:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{colour}"/>'
            f'<circle cx="{across.end + 12}" cy="{beside - 4:.1f}" r="4" fill="{colour}"/>'
            f'<text x="{across.end + 20}" y="{beside:.1f}">{escape(name)}</text>'
        )
    return _svg(width, height + FOOT, title, parts)


class _Scale:
    """From values to pixels between ``start`` and ``end``, with a few round ticks."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if high - low < 1e-12:
            low, high = low - 0.5, high + 0.5
        self.step = _round_step((high - low) / TICKS)
        self.low, self.high = math.floor(low / self.step) * self.step, math.ceil(high / self.step) * self.step
        self.start, self.end = start, end
        count = round((self.high - self.low) / self.step)
        self.ticks = [self.low + i * self.step for i in range(count + 1)]

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def _round_step(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten that is not below the step."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _axis(scale: _Scale, y: float, words: str) -> str:
    ticks = "".join(
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{y}"/>'
        f'<text x="{x:.1f}" y="{y + 15}" text-anchor="middle">{_number(tick, scale.step)}</text>'
        for tick, x in ((tick, scale(tick)) for tick in scale.ticks)
    )
    return f'{ticks}<text x="{(scale.start + scale.end) / 2:.0f}" y="{y + 33}" text-anchor="middle">{escape(words)}</text>'


def _number(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    said = escape(title)
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{said}"><title>{said}</title>'
        f'{"".join(parts)}</svg>'
    )
