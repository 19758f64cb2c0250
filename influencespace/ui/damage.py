"""What is known to be wrong with pairs: told by the table itself, or by the file that comes with drawn data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from influencespace.shell.results import TRUTH, UNDAMAGED
from influencespace.ui.columns import Codes, TrainingPairs

COLUMNS = ("meta.damage", "meta.fault")


def is_known(pairs: TrainingPairs) -> bool:
    """Whether it is known which pairs are damaged."""
    return _column(pairs) is not None or _file(pairs) is not None


def known(pairs: TrainingPairs) -> Codes:
    """The damage of each pair; ``UNDAMAGED`` where there is none."""
    column = _column(pairs)
    return pairs.codes(column) if column else _from_file(pairs)


def _column(pairs: TrainingPairs) -> str | None:
    return next((name for name in COLUMNS if pairs.has(name)), None)


def _file(pairs: TrainingPairs) -> Path | None:
    file = Path(pairs.workspace.artifact("pairs").facts["source"]).with_name(TRUTH)
    return file if file.is_file() else None


def _from_file(pairs: TrainingPairs) -> Codes:
    with _file(pairs).open(encoding="utf-8") as lines:
        damage = {line["image"]: line["damage"] for line in map(json.loads, lines)}
    images = pairs.codes("image")
    labels, of_image = np.unique([damage.get(image, UNDAMAGED) for image in images.labels], return_inverse=True)
    code = of_image[images.code].astype(np.int32)
    return Codes(labels, code, np.bincount(code, minlength=len(labels)))
