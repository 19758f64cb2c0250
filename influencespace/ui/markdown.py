"""Words of others inside sentences of ours: names, captions and paths may hold what Streamlit would take for Markdown."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_\[\]<>~|$])")
# Streamlit looks for these in the finished text, where no backslash helps: ``:material/delete:``, ``:bomb:``, addresses.
_COMMANDS = re.compile(r":(?=//|[\w+/-]+:)|(?<=\bwww)(?=\.)|(?<=@)(?=\w)")
# Control characters, and those that turn the direction of all that follows.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_APART = "\u2060"  # as wide as nothing, and no line breaks at it


def escaped(text: object) -> str:
    """A text as Markdown that shows it as it is, on one line: no picture of it is fetched, no formula set, nothing emphasised."""
    return _MARKS.sub(r"\\\1", inert(" ".join(str(text).split())))


def inert(text: str) -> str:
    """A text in which nothing is an icon, an emoji or a link, and nothing turns the direction of the line."""
    return _COMMANDS.sub(lambda found: found[0] + _APART, _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text))
