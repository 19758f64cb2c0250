"""Samples as WebDataset and img2dataset have them: files of one key side by side, ``KEY.jpg``, ``KEY.txt`` and ``KEY.json``.

A key is the name up to its first dot, as webdataset has it. Only images, captions and JSON are looked at; whatever else a
sample holds (arrays, pickles) is passed over and never decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.pairs.problems import MALFORMED_ROW, OVERSIZED_IMAGE, Problems
from influencespace.pairs.records import Records, concatenated, from_dicts
from influencespace.pairs.splits import column_for, hold_out
from influencespace.pairs.stretch import LARGEST

IMAGES = frozenset(("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "avif", "jp2"))
CAPTIONS = frozenset(("txt", "text", "caption"))
LONGEST_TEXT = 2**20
"""Bytes of a caption or of the JSON of one sample."""
TOGETHER = 10_000
NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)", re.DOTALL)
"""Of a file of a sample: the key, and what kind of file it is."""
_SHARD, _SPLIT = "\0shard", "\0split"  # no field of JSON is called so


@dataclass
class Sample:
    """What the files of one key came to; ``image`` is the name of its image, ``wrong`` the kind and the detail of a problem."""

    key: str
    image: str | None = None
    caption: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    wrong: tuple[str, str] | None = None

    def take(self, kind: str, name: str, size: int, read: Callable[[], bytes]) -> None:
        """Take one of its files, of ``size`` bytes; ``read`` is asked only for those of a caption or of JSON."""
        if kind in IMAGES:
            self.image = self.image or name
            if size > LARGEST:
                self.wrong = OVERSIZED_IMAGE, f"{name} has {size:,} bytes"
        elif kind in CAPTIONS or kind == "json":
            if size > LONGEST_TEXT:
                self.wrong = MALFORMED_ROW, f"{name} has {size:,} bytes"
                return
            try:
                text = read().decode("utf-8")
                if kind == "json":
                    self.fields = {name: value for name, value in json.loads(text).items() if _travels(value)}
                else:
                    self.caption = text
            except (ValueError, AttributeError, RecursionError) as error:
                what = "no JSON object" if kind == "json" else "no UTF-8"
                self.wrong = MALFORMED_ROW, f"{name} is {what}: {error}"


def _travels(value: Any) -> bool:
    return all(isinstance(one, str) for one in value) if isinstance(value, list) else not isinstance(value, dict)


class Gathered:
    """The samples of a source so far, as columns: those of ten thousand are turned at a time."""

    def __init__(self) -> None:
        self._row = 0
        self._rows: list[int] = []
        self._samples: list[dict[str, Any]] = []
        self._inside: list[str | None] = []
        self._turned: list[tuple[pa.Table, pa.Array]] = []
        self._wrong: list[tuple[str, str, str, int, str]] = []

    def add(
        self, sample: Sample, file: Path, shard: str, image: str | None, inside: str | None = None, split: str | None = None
    ) -> None:
        """Add the next sample.

        Parameters
        ----------
        file
            Where it lies, for problems.
        shard
            What tells its key from the same key elsewhere.
        image, inside
            What its row calls its image, and where that lies inside of the source.
        split
            That the source says it is of; where it says that of one sample, it says it of all.
        """
        self._row += 1
        if sample.wrong is not None:
            kind, detail = sample.wrong
            self._wrong.append((kind, detail, str(file), self._row, sample.key))
            return
        caption = sample.fields.get("caption") if sample.caption is None else sample.caption
        self._rows.append(self._row)
        self._inside.append(inside)
        told = {"key": sample.key, "image": image, "caption": caption, _SHARD: shard} | ({_SPLIT: split} if split else {})
        self._samples.append(sample.fields | told)
        if len(self._samples) == TOGETHER:
            self._turn()

    def report(self, problems: Problems) -> None:
        """Report the samples that cannot be used."""
        for kind in dict.fromkeys(kind for kind, *_ in self._wrong):
            _, details, files, rows, keys = zip(*(one for one in self._wrong if one[0] == kind), strict=True)
            problems.report(kind, files, rows, ids=keys, detail=details)

    def records(self, path: Path, form: str) -> Records | None:
        """Those that can, numbered over all; None if there are none. A key that several shards have becomes ``SHARD/KEY``."""
        if not self._rows:
            return None
        self._turn()
        columns = concatenated([table for table, _ in self._turned])
        key, full = columns["key"], pc.binary_join_element_wise(columns[_SHARD], columns["key"], "/")
        if pc.count_distinct(key).as_py() < pc.count_distinct(full).as_py():
            columns = columns.set_column(columns.column_names.index("key"), "key", full)
        columns, split_column = columns.drop_columns(_SHARD), None
        if _SPLIT in columns.column_names:
            added = column_for(columns.column_names)
            split_column = added if hold_out(pc.unique(columns[_SPLIT]).to_pylist()) else None
            columns = columns.rename_columns({_SPLIT: added})
        inside = pa.chunked_array([chunk for _, chunk in self._turned])
        rows = np.array(self._rows, dtype=np.int64)
        return Records(path, form, columns, rows, inside=inside, id_column="key", split_column=split_column)

    def _turn(self) -> None:
        self._turned.append((from_dicts(self._samples), pa.array(self._inside, pa.string())))
        self._samples, self._inside = [], []
