"""WebDataset shards, as img2dataset writes them: tars with ``KEY.jpg``, ``KEY.txt`` and ``KEY.json`` of each sample.

Members of one key stand side by side. A key is the name up to its first dot, as webdataset has it. Only images, captions
and JSON are looked at; whatever else a sample holds (arrays, pickles) is passed over and never decoded.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PairsError
from influencespace.pairs.problems import (
    DAMAGED_SHARD,
    MALFORMED_ROW,
    OVERSIZED_IMAGE,
    REFUSED_MEMBER,
    Problems,
)
from influencespace.pairs.records import Records, concatenated, from_dicts, mended
from influencespace.pairs.stretch import LARGEST, stretch
from influencespace.pairs.tar import Member, Tar

IMAGES = frozenset(("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "avif", "jp2"))
CAPTIONS = frozenset(("txt", "text", "caption"))
LONGEST_TEXT = 2**20
"""Bytes of a caption or of the JSON of one sample."""
TOGETHER = 10_000
_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)", re.DOTALL)
_SHARD = "\0shard"  # no field of JSON is called so


def read_shards(path: Path, files: Sequence[Path], problems: Problems) -> Records:
    """Read shards in one pass; a row is a sample, numbered over all shards, and its image stays where it is.

    Columns: ``key``, ``image`` (``SHARD.tar/MEMBER``), ``caption`` (of the text, else of the JSON), and the values of the
    JSON but for its lists and records. Where a key occurs in several shards, keys become ``SHARD/KEY``.

    Members that are no regular files or have names that lead out of the archive are problems, and so is where a shard
    is damaged; what is whole before that is read.

    Parameters
    ----------
    path
        What the curator named.
    files
        The shards, in order.

    Raises
    ------
    PairsError
        If a shard cannot be opened, or there is no sample at all.
    """
    gathered, row, wrong = _Gathered(), 0, []
    for shard in files:
        tar = Tar()
        try:
            with shard.open("rb") as file:
                for sample in _samples(tar, file):
                    row += 1
                    if sample.wrong is None:
                        gathered.add(sample, shard.absolute(), row)
                    else:
                        wrong.append((*sample.wrong, shard, row, sample.key))
        except OSError as error:
            raise PairsError(f"{shard} cannot be read: {error.strerror or error}.") from None
        problems.report(REFUSED_MEMBER, shard, [-1] * len(tar.refused), detail=tar.refused)
        if tar.damage:
            problems.report(DAMAGED_SHARD, shard, [-1], detail=f"{tar.damage}; what came before was read", action="kept")
    for kind in dict.fromkeys(kind for kind, *_ in wrong):
        _, details, shards, rows, keys = zip(*(one for one in wrong if one[0] == kind), strict=True)
        problems.report(kind, map(str, shards), rows, ids=keys, detail=details)
    if not gathered.rows:
        raise PairsError(f"{path} holds no samples. {problems.summary()}")
    return gathered.records(path)


@dataclass
class _Sample:
    """What the members of one key came to; ``wrong`` is the kind and the detail of a problem."""

    key: str
    image: Member | None = None
    caption: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    wrong: tuple[str, str] | None = None


def _samples(tar: Tar, file: BinaryIO) -> Iterator[_Sample]:
    named = ((found, member) for member in tar.members(file) if (found := _NAME.fullmatch(member.name)))
    for key, together in itertools.groupby(named, lambda pair: pair[0][1]):
        sample = _Sample(mended(key))
        for found, member in together:
            _take(sample, found[2].lower(), member, file)
        yield sample


def _take(sample: _Sample, kind: str, member: Member, file: BinaryIO) -> None:
    if kind in IMAGES:
        sample.image = sample.image or member
        if member.size > LARGEST:
            sample.wrong = OVERSIZED_IMAGE, f"{member.name} has {member.size:,} bytes"
    elif kind in CAPTIONS or kind == "json":
        if member.size > LONGEST_TEXT:
            sample.wrong = MALFORMED_ROW, f"{member.name} has {member.size:,} bytes"
            return
        file.seek(member.offset)
        try:
            text = file.read(member.size).decode("utf-8")
            if kind == "json":
                sample.fields = {name: value for name, value in json.loads(text).items() if _travels(value)}
            else:
                sample.caption = text
        except (ValueError, AttributeError, RecursionError) as error:
            what = "no JSON object" if kind == "json" else "no UTF-8"
            sample.wrong = MALFORMED_ROW, f"{member.name} is {what}: {error}"


def _travels(value: Any) -> bool:
    return all(isinstance(one, str) for one in value) if isinstance(value, list) else not isinstance(value, dict)


class _Gathered:
    """The samples so far, as columns: those of ten thousand are turned at a time."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self._samples: list[dict[str, Any]] = []
        self._inside: list[str | None] = []
        self._turned: list[tuple[pa.Table, pa.Array]] = []

    def add(self, sample: _Sample, shard: Path, row: int) -> None:
        image = sample.image
        caption = sample.fields.get("caption") if sample.caption is None else sample.caption
        self.rows.append(row)
        self._inside.append(image and stretch(shard, image.offset, image.size))
        self._samples.append(sample.fields | {
            "key": sample.key, "image": image and f"{shard.name}/{image.name}", "caption": caption, _SHARD: shard.stem,
        })
        if len(self._samples) == TOGETHER:
            self._turn()

    def records(self, path: Path) -> Records:
        self._turn()
        columns = concatenated([table for table, _ in self._turned])
        key, full = columns["key"], pc.binary_join_element_wise(columns[_SHARD], columns["key"], "/")
        if pc.count_distinct(key).as_py() < pc.count_distinct(full).as_py():
            columns = columns.set_column(columns.column_names.index("key"), "key", full)
        inside = pa.chunked_array([chunk for _, chunk in self._turned])
        rows = np.array(self.rows, dtype=np.int64)
        return Records(path, "shards", columns.drop_columns(_SHARD), rows, inside=inside, id_column="key")

    def _turn(self) -> None:
        self._turned.append((from_dicts(self._samples), pa.array(self._inside, pa.string())))
        self._samples, self._inside = [], []
