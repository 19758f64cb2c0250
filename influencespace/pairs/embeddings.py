"""Embeddings as clip-retrieval writes them: ``img_emb/*.npy``, ``text_emb/*.npy`` and ``metadata/*.parquet``, in shards.

The shards are put in the order of the number that their names end with, as clip-retrieval counts them (0, 1, ..., 10).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from influencespace.errors import PairsError
from influencespace.pairs.problems import UNUSABLE_EMBEDDING, Problems
from influencespace.pairs.records import Records

PARTS = {"img_emb": ".npy", "text_emb": ".npy", "metadata": ".parquet"}


def read_embeddings(path: Path, problems: Problems) -> Records:
    """Read a folder of embeddings; row i of an image, a text and a metadata shard belong together.

    Embeddings become float16. Rows with values that are not finite (also after the rounding to float16) or that are all
    zero become problems. Rows are numbered over all shards.

    Raises
    ------
    PairsError
        If a part or a shard is missing, cannot be read or does not fit the others; the message names the shard.
    """
    shards = _shards(path)
    images, texts, tables = [], [], []
    for image_file, text_file, metadata_file in shards:
        image, text, table = _load(image_file), _load(text_file), _metadata(metadata_file)
        for file, array, seen in ((image_file, image, images), (text_file, text, texts)):
            if len(array) != table.num_rows:
                raise PairsError(
                    f"{file} has {len(array):,} rows, but {metadata_file} has {table.num_rows:,}. "
                    "Both must come from the same run."
                )
            if seen and seen[0].shape[1] != array.shape[1]:
                raise PairsError(
                    f"{file} has {array.shape[1]} dimensions, but the first shard has {seen[0].shape[1]}. "
                    "All shards must come from one encoder."
                )
        images.append(image)
        texts.append(text)
        tables.append(table)
    try:
        columns = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise PairsError(f"{path / 'metadata'}: the shards have columns of different types: {error}") from None
    if not columns.num_rows:
        raise PairsError(f"{path} holds no rows.")
    rows = np.arange(1, columns.num_rows + 1)
    records = Records(path, "embeddings", columns, rows, np.concatenate(images), np.concatenate(texts))
    return records.take(_usable(records, problems))


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


def _load(file: Path) -> np.ndarray:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise PairsError(f"{file} cannot be read as an array: {error}.") from None
    if array.ndim != 2 or array.shape[1] == 0 or not np.issubdtype(array.dtype, np.floating):
        raise PairsError(
            f"{file} must hold floats of shape (rows, dimensions), not {array.dtype} of shape {array.shape}."
        )
    with np.errstate(over="ignore"):  # what is too large for float16 becomes infinite, and so a problem
        return array.astype(np.float16)


def _metadata(file: Path) -> pa.Table:
    try:
        with pa.parquet.ParquetFile(file) as shard:
            return shard.read()
    except (pa.ArrowException, OSError) as error:
        raise PairsError(f"{file} cannot be read as Parquet: {error}.") from None


def _usable(records: Records, problems: Problems) -> np.ndarray:
    """(n,) mask of the rows whose two embeddings can be used; the others are reported."""
    usable = np.ones(len(records), dtype=bool)
    for kind, array in (("image", records.image), ("text", records.text)):
        finite = np.isfinite(array).all(axis=1)
        zero = ~array.any(axis=1)
        for bad, reason in ((~finite, "holds NaN or infinity in float16"), (zero, "is all zero")):
            problems.report(UNUSABLE_EMBEDDING, records.path, records.rows[bad & usable],
                            detail=f"the {kind} embedding {reason}")
            usable &= ~bad
    return usable
