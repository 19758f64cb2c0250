"""Karpathy's splits of Flickr8k, Flickr30k and COCO: images with their sentences and the split of each.

The files ``dataset_*.json`` of Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions" (CVPR
2015), on whose test photos most papers report retrieval.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from influencespace.errors import PairsError
from influencespace.pairs.problems import MALFORMED_ROW, Problems
from influencespace.pairs.records import Records, from_dicts
from influencespace.pairs.splits import COLUMN, hold_out


def is_karpathy(images: list[Any]) -> bool:
    """Whether a list of images is one of those: some have sentences."""
    return any(isinstance(image, dict) and isinstance(image.get("sentences"), list) for image in images)


def karpathy_records(path: Path, images: list[Any], problems: Problems) -> Records:
    """One row an image, numbered in their order: ``image``, ``caption`` (a list), ``split`` and its other single values.

    ``image`` is ``filename`` in the folder ``filepath``, where it has one. An image without a name or sentences is a problem.

    Raises
    ------
    PairsError
        If no image can be used.
    """
    found, rows, malformed = [], [], {}
    for row, image in enumerate(images, 1):
        name, sentences = (image.get("filename"), image.get("sentences")) if isinstance(image, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(sentences, list):
            malformed[row] = "an image without filename or sentences"
            continue
        folder = image.get("filepath")
        captions = [one["raw"] for one in sentences if isinstance(one, dict) and isinstance(one.get("raw"), str)]
        own = {"image": f"{folder}/{name}" if folder and isinstance(folder, str) else name, "caption": captions}
        others = {
            key: value for key, value in image.items()
            if key not in ("filename", "filepath", *own) and not isinstance(value, list | dict)
        }
        found.append(own | others)
        rows.append(row)
    problems.report(MALFORMED_ROW, path, malformed, detail=malformed.values())
    if not found:
        raise PairsError(problems.added_to(f"{path} holds no captions."))
    columns = from_dicts(found)
    told = hold_out(image[COLUMN] for image in found if isinstance(image.get(COLUMN), str))
    return Records(path, "karpathy", columns, np.array(rows, dtype=np.int64), split_column=COLUMN if told else None)
