"""Files whose digest is kept beside them, so that damage is found before a training goes on from what they hold.

A file is replaced in one step, and its digest in another. Killed in between, the old file or the new one is there, so both
digests are written down before, and either is taken for sound.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from influencespace.integrity import sha256


@contextlib.contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A draft to write, which becomes the file when the block ends without an error."""
    draft, beside = file.with_suffix(".draft"), _beside(file)
    yield draft
    told = [*_told(beside)[-1:], sha256(draft)]
    written = beside.with_suffix(".told")
    written.write_text(json.dumps(told), encoding="utf-8")
    written.replace(beside)
    draft.replace(file)


def broken(file: Path) -> str | None:
    """What is wrong with a file, in words; None if it holds what was written."""
    try:
        return None if sha256(file) in _told(_beside(file)) else f"{file} holds other bytes than were written"
    except OSError as error:
        return f"{file} cannot be read ({error.strerror or error})"


def remove(file: Path) -> None:
    """Remove a file and its digest."""
    file.unlink(missing_ok=True)
    _beside(file).unlink(missing_ok=True)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _told(beside: Path) -> list[str]:
    """The digests that are written down; none where they cannot be read, so that nothing is taken for sound."""
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []
