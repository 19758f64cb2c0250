"""What every reader returns: the rows of a source as they were written, in Arrow types.

Arrow keeps what pandas would bend on the way in (integers beside nulls, identifiers such as ``007``, lists), and
compares and converts whole columns at once.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PairsError
from influencespace.pairs.turns import answer, are_turns
from influencespace.pairs.vectors import Vectors


@dataclass(frozen=True)
class Records:
    """The rows of one source.

    Attributes
    ----------
    path
        The file or folder, as the curator named it.
    format
        ``table``, ``coco``, ``karpathy``, ``flickr``, ``embeddings``, ``shards``, ``files``, ``imagefolder``, ``datacomp`` or
        ``dataset``.
    columns
        The n rows; no column name occurs twice.
    rows
        (n,) the 1-based number of each row in its file.
    image, text
        (n, dx) and (n, dy) for embeddings, else None.
    inside
        (n,) ``image_path`` of images that lie inside the source, null where they do not; None where none can.
    id_column, split_column
        The columns that name the rows and their splits in such a source, unless the curator names others.
    parts
        Of the files of a source by splits, in their order: the split, and how many rows they have.
    """

    path: Path
    format: str
    columns: pa.Table
    rows: np.ndarray
    image: Vectors | None = None
    text: Vectors | None = None
    inside: pa.ChunkedArray | None = None
    id_column: str | None = None
    split_column: str | None = None
    parts: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        refuse_repeated(self.path, self.columns.column_names)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def folder(self) -> Path:
        """The folder that paths in the records are relative to, unless told otherwise."""
        return self.path if self.path.is_dir() else self.path.parent

    def take(self, keep: np.ndarray) -> Records:
        """The rows that a (n,) mask keeps."""
        image, text = (None if vectors is None else vectors.take(keep) for vectors in (self.image, self.text))
        mask = pa.array(keep)
        inside = None if self.inside is None else self.inside.filter(mask)
        return dataclasses.replace(
            self, columns=self.columns.filter(mask), rows=self.rows[keep], image=image, text=text, inside=inside
        )

    def column(self, name: str, flag: str) -> pa.ChunkedArray:
        """A column by name; ``flag`` is the option that asked for it.

        Raises
        ------
        PairsError
            If there is none; the message names the columns there are.
        """
        if name not in self.columns.column_names:
            there = ", ".join(self.columns.column_names) or "none"
            raise PairsError(f"{self.path} has no column {name!r} (asked for by {flag}). Its columns: {there}.")
        return self.columns[name]

    def texts(self, name: str, flag: str, *, named: bool = True) -> pa.ChunkedArray:
        """A column of single values as text (:func:`as_text`); ``named`` tells whether the curator named it by ``flag``.

        Raises
        ------
        PairsError
            If there is no such column, or it holds lists or records.
        """
        column = self.column(name, flag)
        if not is_scalar(column.type):
            asked, instead = (f" (asked for by {flag})", "") if named else ("", f"; another is named by {flag}")
            raise PairsError(f"{self.path}: the column {name!r}{asked} holds {column.type}, not single values{instead}.")
        return as_text(column)


def refuse_repeated(path: Path, names: list[str]) -> None:
    """See to it that no two columns of a source have one name.

    Raises
    ------
    PairsError
        If two have.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise PairsError(f"{path}: the column {repeated[0]!r} occurs more than once; rename one of them.")


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all tables; a column that one of them lacks is null there, values of mixed types become text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        names = dict.fromkeys(name for table in tables for name in table.column_names)
        return pa.table({name: _joined([t[name] if name in t.column_names else pa.nulls(len(t)) for t in tables])
                         for name in names})


def _joined(columns: Sequence[pa.ChunkedArray | pa.Array]) -> pa.ChunkedArray | pa.Array:
    try:
        return pa.concat_tables([pa.table({"": column}) for column in columns], promote_options="permissive")[""]
    except pa.ArrowException:
        return _column([value for column in columns for value in column.to_pylist()])


def is_scalar(kind: pa.DataType) -> bool:
    """Whether a column of this type holds single values that can be shown as text."""
    return not (pa.types.is_nested(kind) or is_bytes(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column of this type holds raw bytes."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Single values as text; a null or a float that is not a number stays null.

    >>> as_text(pa.chunked_array([[True, None]])).to_pylist()
    ['true', None]
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.chunked_array([[None if value is None else str(value) for value in column.to_pylist()]], pa.string())


def from_dicts(records: Sequence[dict[str, Any]]) -> pa.Table:
    """JSON records as columns; a key that a record lacks is null, values of mixed types become text."""
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table({mended(name): _column([record.get(name) for record in records]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    if any(map(are_turns, values)):  # whatever else they held, of each the first answer
        said = [answer(value) for value in values]
        values = [one and [{"from": "gpt", "value": mended(one)}] for one in said]
    try:
        return pa.array(values, from_pandas=True)
    except (ValueError, TypeError, OverflowError):  # mixed types, integers beyond 64 bits, half a surrogate pair
        pass
    if any(isinstance(value, list) for value in values):
        lists = [value if isinstance(value, list) or value is None else [value] for value in values]
        return pa.array([v if v is None else [_written(e) for e in v] for v in lists], pa.list_(pa.string()))
    return pa.array([_written(value) for value in values], pa.string())


def _written(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return mended(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def mended(text: str) -> str:
    """A text that can be stored: JSON and names of files can hold half of a surrogate pair, such as of an emoji cut in two."""
    return text.encode("utf-8", "replace").decode("utf-8")
