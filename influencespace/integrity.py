"""Whether the files of an artifact are as they were written.

The record of an artifact lists size and SHA-256 of each of its files. Sizes are compared whenever the artifact is looked for,
which costs microseconds and finds what was cut off. Digests are compared when a run begins that reads the files, when a file
cannot be read, and by the command ``check``: at 1 to 2 GB a second that is too slow for every page, and little beside the hours
that a run on so many bytes takes. What was found is marked in the artifact's folder, and all see it until it is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

RECORD = "artifact.json"
MARK = "damaged.json"

Listing = dict[str, dict[str, Any]]


def listing(folder: Path) -> Listing:
    """``bytes`` and ``sha256`` of every file in the folder of an artifact, by name."""
    files = sorted(path for path in folder.iterdir() if path.name not in (RECORD, MARK))
    return {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files}


def torn(folder: Path, files: Listing) -> str | None:
    """Which file is missing, has another size than was written or was found damaged before, in words; None if all is well."""
    try:
        return json.loads((folder / MARK).read_text(encoding="utf-8"))["why"]
    except FileNotFoundError:
        pass
    except (OSError, ValueError, LookupError, TypeError):
        return f"{folder} is marked as damaged"
    for name in files:
        why = _resized(folder, files, name)
        if why is not None:
            return why
    return None


def altered(folder: Path, files: Listing, names: list[str] | None = None) -> str | None:
    """Like :func:`torn`, of these files or all, by their digests too: reads them whole."""
    for name in files if names is None else names:
        why = _resized(folder, files, name)
        if why is None and name in files:
            try:
                same = sha256(folder / name) == files[name]["sha256"]
            except OSError as error:
                return f"{folder / name} cannot be read ({error.strerror or error})"
            why = None if same else f"{folder / name} holds other bytes than were written"
        if why is not None:
            return why
    return None


def mark(folder: Path, why: str) -> None:
    """Let everyone know from now on; where nothing can be written, each finds out by itself."""
    with contextlib.suppress(OSError):
        (folder / MARK).write_text(json.dumps({"why": why}) + "\n", encoding="utf-8")


def _resized(folder: Path, files: Listing, name: str) -> str | None:
    try:
        size = (folder / name).stat().st_size
    except OSError:
        return f"{folder / name} is missing"
    expected = files[name]["bytes"] if name in files else size
    return None if size == expected else f"{folder / name} has {size:,} bytes where {expected:,} were written"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
