"""Patterns that name many files at once: ``shards/*.tar`` as in a shell, ``shards/{00000..00099}.tar`` as WebDataset has it.

A visitor of the app can type one, so what it stands for is counted before any of it is made.
"""

from __future__ import annotations

import glob
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from influencespace.errors import PairsError

MOST_FILES = 100_000
_BRACES = re.compile(r"\{(?:(\d{1,18})\.\.(\d{1,18})|([^{}]*,[^{}]*))\}", re.ASCII)


def is_pattern(text: str) -> bool:
    """Whether a text can name several files."""
    return glob.has_magic(text) or _BRACES.search(text) is not None


def files(pattern: str) -> Iterator[Path]:
    """The files that a pattern names: all that its braces say, in their order; of ``*``, ``?`` and ``[]`` those that are there.

    ``{000..012}`` are numbers of at least as many digits as are written, ``{a,b}`` alternatives; braces do not nest.

    >>> [str(file) for file in files("{08..10}/{a,b}.tar")]
    ['08/a.tar', '08/b.tar', '09/a.tar', '09/b.tar', '10/a.tar', '10/b.tar']

    Raises
    ------
    PairsError
        If the braces stand for more than :data:`MOST_FILES` names.
    """
    choices: list[Sequence[int] | Sequence[str]] = []
    widths, at = [], 0
    for found in _BRACES.finditer(pattern):
        first, last, either = found.groups()
        choices += [[pattern[at : found.start()]], _numbers(first, last) if either is None else either.split(",")]
        padded = either is None and any(len(end) > 1 and end.startswith("0") for end in (first, last))
        widths += [0, max(len(first), len(last)) if padded else 0]
        at = found.end()
    count = math.prod(map(len, choices))
    if count > MOST_FILES:
        raise PairsError(f"{pattern} stands for {count:,} files, more than {MOST_FILES:,}. Name the folder that holds them.")
    written = [[str(one).zfill(width) for one in some] for some, width in zip(choices, widths, strict=True)]
    names = map("".join, itertools.product(*written, [pattern[at:]]))
    return (Path(file) for name in names for file in (sorted(glob.iglob(name)) if glob.has_magic(name) else [name]))


def _numbers(first: str, last: str) -> range:
    low, high = int(first), int(last)
    return range(low, high + 1) if low <= high else range(low, high - 1, -1)
