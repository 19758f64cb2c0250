"""Files of columns: Parquet, and Arrow, in streams as Hugging Face ``datasets`` writes them or in files.

Single values are read at once; images and embeddings, which are large, some rows at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from influencespace.errors import PairsError
from influencespace.pairs.labels import with_names
from influencespace.pairs.records import is_bytes, refuse_repeated
from influencespace.pairs.vectors import WIDEST, Part

PARQUET, ARROW = (".parquet", ".pq"), ".arrow"
# What an Arrow file begins with, and a stream does not.
MAGIC = b"ARROW1"
VECTORS_TOGETHER = 4096


@dataclass(frozen=True)
class ColumnFile:
    """A file of columns.

    Attributes
    ----------
    path
        Where it lies.
    arrow
        Whether it is Arrow; else it is Parquet.
    schema
        Names and types of its columns.
    rows
        How many.
    """

    path: Path
    arrow: bool
    schema: pa.Schema
    rows: int

    @classmethod
    def open(cls, path: Path) -> ColumnFile:
        """Look at a file: Arrow by its name, else Parquet.

        Raises
        ------
        PairsError
            If it cannot be read, has rows and no columns, or two columns have one name.
        """
        with _reading(path):
            if path.suffix.lower() == ARROW:
                with _arrow(path) as (schema, batches):
                    found = cls(path, True, schema, sum(batch.num_rows for batch in batches))
            else:
                # Not read_table: it would take folders such as split=train on the way for columns.
                with pa.parquet.ParquetFile(path) as file:
                    found = cls(path, False, file.schema_arrow, file.metadata.num_rows)
            _names(found.schema)  # in a damaged file one may be no text
        if found.rows and not found.schema.names:
            raise PairsError(f"{path} has {found.rows:,} rows and no columns.")
        refuse_repeated(path, found.schema.names)
        return found

    def kind(self, name: str) -> pa.DataType | None:
        """The type of a column, None if there is none."""
        return self.schema.field(name).type if name in self.schema.names else None

    def table(self, without: set[str]) -> pa.Table:
        """All columns but some; classes that ``datasets`` has numbered by their names.

        Raises
        ------
        PairsError
            If it cannot be read to its end.
        """
        with _reading(self.path):
            if self.arrow:
                with _arrow(self.path) as (schema, batches):
                    table = pa.Table.from_batches(batches, schema)
            else:
                with pa.parquet.ParquetFile(self.path) as file:
                    wanted = [name for name in self.schema.names if name not in without]
                    table = file.read(columns=wanted if without else None)
            table = table.select([name for name in table.column_names if name not in without])
            # The content of a file is not trusted to lie where its own offsets say.
            table.validate(full=True)
            return with_names(table, self.schema)

    def column(self, name: str, together: int) -> Iterator[pa.Array]:
        """A column, some rows at a time.

        Raises
        ------
        PairsError
            If there is none, or it cannot be read to its end.
        """
        if self.kind(name) is None:
            raise PairsError(f"{self.path} has no column {name!r}, which other files of the source have.")
        with _reading(self.path):
            if self.arrow:
                with _arrow(self.path) as (_, batches):
                    for batch in batches:
                        column = batch.column(name)
                        column.validate(full=True)
                        yield from (column.slice(start, together) for start in range(0, len(column), together))
            else:
                with pa.parquet.ParquetFile(self.path, pre_buffer=False) as file:
                    for batch in file.iter_batches(together, columns=[name]):
                        batch.column(name).validate(full=True)
                        yield batch.column(name)


@contextlib.contextmanager
def _arrow(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    with pa.memory_map(str(path)) as file:
        whole = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        if whole:
            with pa.ipc.open_file(file) as reader:
                yield reader.schema, map(reader.get_batch, range(reader.num_record_batches))
        else:
            with pa.ipc.open_stream(file) as reader:
                yield reader.schema, iter(reader)


def holds_images(kind: pa.DataType | None) -> bool:
    """Whether a column of this type holds images: bytes, or records with ``bytes`` as ``datasets`` keeps them."""
    if kind is None:
        return False
    return is_bytes(kind) or (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
                              and is_bytes(kind.field("bytes").type))


def holds_vectors(kind: pa.DataType | None) -> bool:
    """Whether a column of this type holds lists of floats."""
    return _is_list(kind) and pa.types.is_floating(kind.value_type)


def vector_part(file: ColumnFile, name: str) -> Part:
    """The embeddings in a column of lists of floats; where a row has none they are NaN.

    Raises
    ------
    PairsError
        If the column is none of such lists, or these are of different lengths.
    """
    kind, what = file.kind(name), f"{name} of {file.path}"
    if not holds_vectors(kind):
        there = ", ".join(file.schema.names) or "none"
        found = "There is no such column" if kind is None else f"It holds {kind}"
        raise PairsError(
            f"{what} must be lists of floats. {found}. The columns: {there}. Name others with --image-embedding and "
            "--text-embedding."
        )
    lengths = (pc.list_value_length(column.drop_null()) for column in file.column(name, VECTORS_TOGETHER))
    width = next((found[0].as_py() for found in lengths if len(found)), 0)
    if not 0 < width <= WIDEST:
        raise PairsError(f"{what} must be lists of floats, of 1 to {WIDEST:,} dimensions, not {width}.")

    def blocks() -> Iterator[np.ndarray]:
        for column in file.column(name, VECTORS_TOGETHER):
            there = column.is_valid().to_numpy(zero_copy_only=False)
            lists = column.drop_null()
            if not pc.all(pc.equal(pc.list_value_length(lists), width), min_count=0).as_py():
                raise PairsError(f"{what} has rows of other lengths than the first, which has {width} dimensions.")
            found = np.full((len(column), width), np.nan, dtype=np.float32)
            with np.errstate(over="ignore"):
                found[there] = lists.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
            yield found

    return Part(what, file.rows, width, blocks)


def _names(fields: Iterable[pa.Field]) -> list[str]:
    inner = ((field.type.field(i) for i in range(field.type.num_fields)) for field in fields)
    return [*(field.name for field in fields), *(name for some in inner for name in _names(list(some)))]


def _is_list(kind: pa.DataType | None) -> bool:
    return kind is not None and (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = "it is empty" if path.is_file() and path.stat().st_size == 0 else error
        kind = "Arrow" if path.suffix.lower() == ARROW else "Parquet"
        raise PairsError(f"{path} cannot be read as {kind}: {reason}.") from None
