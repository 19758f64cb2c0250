"""The smallest parts of the HTML report: tables, figures with their intervals, and numbers in words."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], long: int = -1) -> str:
    """A table; ``long`` is the column whose text may be broken."""
    cells = ["".join(f"<td{' class=long' if i == long else ''}>{cell}</td>" for i, cell in enumerate(row)) for row in rows]
    return (
        f"<div class='wide'><table><thead><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr></thead>"
        f"<tbody>{''.join(f'<tr>{row}</tr>' for row in cells)}</tbody></table></div>"
    )


def framed(drawing: str, caption: str = "") -> str:
    """A drawing with words below it."""
    return f"<figure>{drawing}{f'<figcaption>{minus(caption)}</figcaption>' if caption else ''}</figure>"


def figure(found: dict, digits: int = 1, unit: str = "") -> str:
    """A figure with its interval; a dash where it is not defined."""
    if found["mean"] is None:
        return "–"
    ends = "" if found["low"] is None else f" <small>[{found['low']:.{digits}f}, {found['high']:.{digits}f}]</small>"
    return minus(f"{found['mean']:.{digits}f}{unit}{ends}")


def signed(entry: dict) -> str:
    """A difference in points with its sign and its interval."""
    return minus(f"{entry['mean']:+.1f} [{entry['low']:+.1f}, {entry['high']:+.1f}]")


def minus(text: str) -> str:
    """With a real minus before digits; names with a hyphen stay as they are."""
    return "".join(
        "−" if sign == "-" and follows.isdigit() and not before.isalnum() else sign
        for before, sign, follows in zip(" " + text, text, text[1:] + " ", strict=False)
    )


def seconds(value: float | None) -> str:
    """A time; a dash where there is none."""
    return "–" if value is None else f"{value:.1f} s"


def order(found: dict) -> float:
    """What to sort figures by: what is not defined comes last of all."""
    return float("-inf") if found["mean"] is None else found["mean"]
