"""COCO captions: images and annotations, joined by image id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from influencespace.errors import PairsError
from influencespace.pairs.problems import MALFORMED_ROW, Problems
from influencespace.pairs.records import Records, from_dicts


def coco_records(path: Path, images: list[Any], annotations: list[Any], problems: Problems) -> Records:
    """One row an annotation, beside its own fields those of its image (such as ``file_name``).

    Where both have a field of one name, the annotation's is taken. An annotation whose image is not listed becomes a
    problem; rows are numbered in the order of ``annotations``.

    Raises
    ------
    PairsError
        If there are no annotations that can be used.
    """
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
