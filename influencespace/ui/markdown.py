"""Words of others inside sentences of ours: names, captions and paths may hold what Streamlit would take for Markdown."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_\[\]<>~|$])")


def escaped(text: object) -> str:
    """A text as Markdown that shows it as it is, on one line: no picture of it is fetched, no formula set, nothing emphasised."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))
