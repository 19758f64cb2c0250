"""JSON files, by what is in them: COCO captions, Karpathy's splits, or a list of records."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path

from influencespace.errors import PairsError
from influencespace.pairs.coco import coco_records
from influencespace.pairs.karpathy import is_karpathy, karpathy_records
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records
from influencespace.pairs.table import json_lines, json_records, read_utf8

FIRST = 20
"""Lines of a file that tell whether it holds a record a line."""


def read_document(path: Path, problems: Problems) -> Records:
    """Read a JSON file; one with a record a line is read as JSONL, for not all who write that call it so.

    Raises
    ------
    PairsError
        If the file cannot be read, is none of these, or holds no rows.
    """
    text = read_utf8(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not _holds_lines(text):
            raise PairsError(f"{path} is no JSON: {error}.") from None
        return json_lines(path, text, problems)
    if isinstance(document, list):
        return json_records(path, enumerate(document, 1), problems)
    images, annotations = (document.get(name) if isinstance(document, dict) else None for name in ("images", "annotations"))
    if isinstance(images, list) and isinstance(annotations, list):
        return coco_records(path, images, annotations, problems)
    if isinstance(images, list) and is_karpathy(images):
        return karpathy_records(path, images, problems)
    raise PairsError(
        f"{path} is JSON of no known kind. It needs a list of records, such as "
        '{"image": "a.jpg", "caption": "A dog."}, or the lists \'images\' and \'annotations\' (COCO captions), or \'images\' '
        "with 'sentences' (Karpathy's splits)."
    )


def _holds_lines(text: str) -> bool:
    """Whether some of the first lines is a record of its own, no part of a document and none with something behind it."""
    lines = [line for line in itertools.islice(text.split("\n"), FIRST) if line.strip()]
    found = []
    for line in filter(lambda line: line.startswith("{"), lines):
        with contextlib.suppress(ValueError, RecursionError):
            found.append(json.loads(line))
    return len(lines) > 1 and any(isinstance(one, dict) and not isinstance(one.get("images"), list) for one in found)
