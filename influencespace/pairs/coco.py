"""COCO captions JSON: images and annotations, joined by image id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from influencespace.errors import PairsError
from influencespace.pairs.problems import MALFORMED_ROW, Problems
from influencespace.pairs.records import Records, from_dicts
from influencespace.pairs.table import read_utf8


def read_coco(path: Path, problems: Problems) -> Records:
    """Read COCO captions: one row an annotation, beside its own fields those of its image (such as ``file_name``).

    Where both have a field of one name, the annotation's is taken. An annotation whose image is not listed becomes a
    problem; rows are numbered in the order of ``annotations``.

    Raises
    ------
    PairsError
        If the file cannot be read, is no COCO captions file or holds no annotations.
    """
    try:
        document = json.loads(read_utf8(path))
    except (ValueError, RecursionError) as error:
        raise PairsError(f"{path} is no JSON: {error}.") from None
    images, annotations = _lists(path, document)
    # Compared as text: some writers quote the ids in one of the two lists.
    known = [image for image in images if isinstance(image, dict) and image.get("id") is not None]
    by_id = {str(image["id"]): image for image in reversed(known)}
    joined, rows, malformed = [], [], {}
    for row, annotation in enumerate(annotations, 1):
        if not isinstance(annotation, dict):
            malformed[row] = "an annotation without named values"
        elif (image := by_id.get(str(annotation.get("image_id")))) is None:
            malformed[row] = f"no image has the id {annotation.get('image_id')!r}"
        else:
            joined.append({name: value for name, value in image.items() if name != "id"} | annotation)
            rows.append(row)
    problems.report(MALFORMED_ROW, path, malformed, detail=malformed.values())
    if not joined:
        raise PairsError(problems.added_to(f"{path} holds no captions."))
    return Records(path, "coco", from_dicts(joined), np.array(rows, dtype=np.int64))


def _lists(path: Path, document: Any) -> tuple[list[Any], list[Any]]:
    parts = [document.get(name) if isinstance(document, dict) else None for name in ("images", "annotations")]
    if not all(isinstance(part, list) for part in parts):
        raise PairsError(
            f"{path} is no COCO captions file: it needs the lists 'images' and 'annotations'. "
            "A table in JSON must have one record a line and end in .jsonl."
        )
    return parts[0], parts[1]
