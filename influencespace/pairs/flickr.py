"""Captions as Flickr8k and Flickr30k were published: lines of an image's name, ``#``, a number, a tab and a caption."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from influencespace.errors import PairsError
from influencespace.pairs.problems import MALFORMED_ROW, Problems
from influencespace.pairs.records import Records, from_dicts
from influencespace.pairs.table import read_utf8

TOKEN = (".token", ".txt")
# Captions may hold what Unicode too takes for the end of a line.
_NEWLINE = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"([^\t]+)#\d+\t(.*)")


def read_flickr(path: Path, problems: Problems) -> Records:
    """Read a file such as ``Flickr8k.token.txt`` or ``results_20130124.token``: one row a caption, numbered by its line.

    Raises
    ------
    PairsError
        If the file cannot be read, or no line is of this kind.
    """
    found, rows, malformed = [], [], {}
    for number, line in enumerate(_NEWLINE.split(read_utf8(path)), 1):
        match = _LINE.fullmatch(line)
        if match:
            found.append({"image": match[1], "caption": match[2]})
            rows.append(number)
        elif line.strip():
            malformed[number] = "no name of an image with #, a number, a tab and a caption"
    if not found:
        raise PairsError(
            f"{path} is text of no known kind. Captions of Flickr8k and Flickr30k have lines such as 'a.jpg#0', a tab and a "
            "caption; a table with a header must end in .csv or .tsv."
        )
    problems.report(MALFORMED_ROW, path, malformed, detail=malformed.values())
    return Records(path, "flickr", from_dicts(found), np.array(rows, dtype=np.int64))
