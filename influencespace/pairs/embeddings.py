"""Embeddings as clip-retrieval writes them: ``img_emb/*.npy``, ``text_emb/*.npy`` and ``metadata/*.parquet``, in shards.

The shards are put in the order of the number that their names end with, as clip-retrieval counts them (0, 1, ..., 10).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from influencespace.errors import PairsError
from influencespace.pairs.columnar import ColumnFile
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records, concatenated
from influencespace.pairs.vectors import Part, Vectors, npy_part, usable

PARTS = {"img_emb": ".npy", "text_emb": ".npy", "metadata": ".parquet"}


def read_embeddings(path: Path, problems: Problems) -> Records:
    """Read a folder of embeddings; row i of an image, a text and a metadata shard belong together.

    Rows with values that are not finite (also after the rounding to float16) or that are all zero become problems. Rows
    are numbered over all shards.

    Raises
    ------
    PairsError
        If a part or a shard is missing, cannot be read or does not fit the others; the message names the shard.
    """
    shards = _shards(path)
    parts = {"image": [npy_part(file) for file, _, _ in shards], "text": [npy_part(file) for _, file, _ in shards]}
    tables = [(str(file), ColumnFile.open(file).table(set())) for _, _, file in shards]
    return assembled(path, "embeddings", tables, parts, problems)


def assembled(
    path: Path, form: str, tables: Sequence[tuple[str, pa.Table]], parts: dict[str, Sequence[Part]], problems: Problems,
    id_column: str | None = None,
) -> Records:
    """The records of shards of embeddings, each a table with its name beside a part of images and one of texts.

    Raises
    ------
    PairsError
        If a part has another length than its table or another width than the first, or there are no rows at all.
    """
    for kind in parts.values():
        for part, (name, table) in zip(kind, tables, strict=True):
            if part.rows != table.num_rows:
                raise PairsError(
                    f"{part.name} has {part.rows:,} rows, but {name} has {table.num_rows:,}. Both must come from the same run."
                )
            if part.width != kind[0].width:
                raise PairsError(
                    f"{part.name} has {part.width} dimensions, but the first shard has {kind[0].width}. "
                    "All shards must come from one encoder."
                )
    columns = concatenated([table for _, table in tables])
    if not columns.num_rows:
        raise PairsError(f"{path} holds no rows.")
    vectors = {kind: Vectors.of(some) for kind, some in parts.items()}
    records = Records(path, form, columns, np.arange(1, columns.num_rows + 1), **vectors, id_column=id_column)
    return records.take(usable(vectors, path, records.rows, problems))


def _shards(path: Path) -> list[tuple[Path, ...]]:
    found = {}
    for part, suffix in PARTS.items():
        folder = path / part
        if not folder.is_dir():
            raise PairsError(f"{path} is no embeddings folder: {part}/ is missing. It needs {', '.join(PARTS)}.")
        found[part] = {_number(file): file for file in folder.glob(f"*{suffix}")}
        if not found[part]:
            raise PairsError(f"{folder} holds no {suffix} files.")
    numbers = set().union(*found.values())
    for part, files in found.items():
        if numbers - files.keys():
            missing = min(numbers - files.keys())
            other = next(files[missing] for files in found.values() if missing in files)
            raise PairsError(f"{path / part} has no shard that belongs to {other}.")
    return [tuple(found[part][number] for part in PARTS) for number in sorted(numbers)]


def _number(file: Path) -> int:
    digits = re.search(r"(\d+)$", file.stem)
    if digits is None:
        raise PairsError(f"{file} does not end with the number of its shard, such as {file.stem}_0{file.suffix}.")
    return int(digits[1])
