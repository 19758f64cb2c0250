"""Splits that the names of files and folders say: ``train-00000.tar``, ``test/0000.parquet``, ``validation/metadata.jsonl``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from influencespace.pairs.heldout import SPLITS

COLUMN = "split"
_SPLIT = re.compile(r"(?:partial-)?(train|training|validation|valid|val|dev|test)(?:[-_.]\d.*)?", re.IGNORECASE)
# As the cache of Hugging Face ``datasets`` names its files.
_CACHED = re.compile(r".+-(train|training|validation|valid|val|dev|test)(?:-\d+-of-\d+)?\.arrow", re.IGNORECASE)


def split_of(file: Path) -> str | None:
    """The split that a file's name says, or else its folder's."""
    cached = _CACHED.fullmatch(file.name)
    if cached:
        return cached[1].lower()
    found = _SPLIT.fullmatch(file.stem) or _SPLIT.fullmatch(file.parent.name)
    return found and found[1].lower()


def splits_of(files: Sequence[Path]) -> list[str] | None:
    """The split of each file; None unless the names of all say theirs."""
    splits = [split_of(file) for file in files]
    return None if None in splits else splits


def is_split(name: str) -> bool:
    """Whether a folder's name is that of a split."""
    return _SPLIT.fullmatch(name) is not None


def column_for(names: Iterable[str]) -> str:
    """What a column of splits is called beside these; one that is called ``split`` already can say something else."""
    return COLUMN if COLUMN not in names else f"{COLUMN} of the source"


def hold_out(splits: Iterable[str]) -> bool:
    """Whether some of these are for training and others held out."""
    parts = {SPLITS.get(split.strip().lower()) for split in splits} - {None}
    return "train" in parts and len(parts) > 1


def with_splits(tables: Sequence[pa.Table], splits: Sequence[str] | None) -> tuple[list[pa.Table], str | None]:
    """Tables with the split of each as a column, and the name of that column if it says what is held out."""
    if splits is None:
        return list(tables), None
    added = column_for({name for table in tables for name in table.column_names})
    told = [table.append_column(added, pa.repeat(split, len(table))) for table, split in zip(tables, splits, strict=True)]
    return told, added if hold_out(splits) else None
