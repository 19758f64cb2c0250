"""Folders as Hugging Face and DataComp have them: of Parquet files, of metadata with features, of images, and saved data sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PairsError
from influencespace.pairs.columnar import ColumnFile
from influencespace.pairs.embeddings import assembled
from influencespace.pairs.inside import Inside, read_columns
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records, concatenated
from influencespace.pairs.splits import is_split, splits_of, with_splits
from influencespace.pairs.table import read_table, read_utf8
from influencespace.pairs.vectors import npz_part

DATACOMP = ("b32_img", "b32_txt")
METADATA = ("metadata.jsonl", "metadata.csv")


def read_datacomp(path: Path, files: Sequence[Path], inside: Inside, problems: Problems) -> Records:
    """DataComp's metadata: of each ``STEM.parquet`` the rows, with their features in ``STEM.npz``; ``uid`` is the id.

    Raises
    ------
    PairsError
        If a file is missing, cannot be read or does not fit its neighbour.
    """
    tables, images, texts = [], [], []
    image, text = inside.embeddings or DATACOMP
    for file in files:
        features = file.with_suffix(".npz")
        if not features.is_file():
            raise PairsError(f"{features} is missing; {file.name} has no features without it.")
        found = ColumnFile.open(file)
        tables.append((str(file), found.table({name for name in found.schema.names if pa.types.is_nested(found.kind(name))})))
        images.append(npz_part(features, image))
        texts.append(npz_part(features, text))
    named = all("uid" in table.column_names for _, table in tables)
    parts = {"image": images, "text": texts}
    return assembled(path, "datacomp", tables, parts, problems, id_column="uid" if named else None)


def read_parquet_folder(path: Path, files: Sequence[Path], inside: Inside, problems: Problems) -> Records:
    """Parquet files as the hub has them: ``train-00000-of-00002.parquet``, or ``CONFIG/train/0000.parquet``.

    Raises
    ------
    PairsError
        If there are several configurations, or a file cannot be read or does not fit the others.
    """
    below = [file.relative_to(path).parts[:-1] for file in files]
    configurations = sorted({parts[0] for parts in below if parts and parts[0] != "data" and not is_split(parts[0])})
    if len(configurations) > 1:
        raise PairsError(f"{path} holds several data sets ({', '.join(configurations)}); name one: {path / configurations[0]}.")
    return read_columns(path, "table", [ColumnFile.open(file) for file in files], inside, problems, splits_of(files))


def read_imagefolder(path: Path, files: Sequence[Path], problems: Problems) -> Records:
    """Folders of images with :data:`METADATA`, as Hugging Face ``datasets`` reads them and ``export`` writes them.

    ``file_name``, which is relative to its own table, becomes a path below the folder that was named.

    Raises
    ------
    PairsError
        If a table cannot be read or does not name its images.
    """
    tables = []
    for file in files:
        records = read_table(file, problems)
        below = "" if file.parent == path else f"{file.parent.relative_to(path).as_posix()}/"
        names = pc.binary_join_element_wise(below, records.texts("file_name", "every image folder"), "")
        tables.append(records.columns.drop_columns("file_name").append_column("file_name", names))
    splits = splits_of(files)
    tables, split_column = with_splits(tables, splits)
    columns, parts = concatenated(tables), tuple(zip(splits, map(len, tables), strict=True)) if splits else ()
    return Records(path, "imagefolder", columns, np.arange(1, len(columns) + 1), split_column=split_column, parts=parts)


def read_saved(path: Path, inside: Inside, problems: Problems) -> Records:
    """What ``save_to_disk`` of Hugging Face ``datasets`` wrote: a data set, or several by the names of their splits.

    The Arrow files are read as they are; ``datasets`` itself, which can run code, is not asked.

    Raises
    ------
    PairsError
        If a file is missing, cannot be read, names a file elsewhere, or does not fit the others.
    """
    splits = _names(path / "dataset_dict.json", "splits") if (path / "dataset_dict.json").is_file() else None
    files, held = [], []
    for split in splits or [""]:
        for name in _names(path / split / "state.json", "_data_files", "filename"):
            files.append(ColumnFile.open(path / split / name))
            held.append(split)
    return read_columns(path, "dataset", files, inside, problems, held if splits else None)


def _names(file: Path, key: str, inner: str | None = None) -> list[str]:
    """The names of neighbours that a JSON file lists."""
    try:
        names = json.loads(read_utf8(file))[key]
        names = [name if inner is None else name[inner] for name in names]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PairsError(f"{file} does not say what was saved ({type(error).__name__}: {error}); save it again.") from None
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or name in ("", ".."):
            raise PairsError(f"{file} names {name!r}, which is no file beside it.")
    return names
