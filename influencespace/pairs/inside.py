"""Tables that hold more than single values: images as bytes, embeddings as lists of floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from influencespace.errors import PairsError
from influencespace.pairs.columnar import ColumnFile, holds_images, holds_vectors, vector_part
from influencespace.pairs.kept import keeping
from influencespace.pairs.problems import OVERSIZED_IMAGE, Problems
from influencespace.pairs.records import Records, concatenated
from influencespace.pairs.splits import with_splits
from influencespace.pairs.stretch import LARGEST
from influencespace.pairs.vectors import Vectors, usable

IMAGE_COLUMNS = ("image", "image_path", "file_name", "jpg", "png", "webp", "filepath", "filename")
EMBEDDINGS = ("image_embedding", "text_embedding")
TOGETHER = 64


@dataclass(frozen=True)
class Inside:
    """What to look for inside of tables.

    Attributes
    ----------
    images
        Columns that may hold images; the first that does counts.
    embeddings
        The columns of image and of text embeddings; None takes :data:`EMBEDDINGS` where a table has both.
    folder
        Where images that come as bytes are copied to; None refuses them.
    """

    images: tuple[str, ...] = IMAGE_COLUMNS
    embeddings: tuple[str, str] | None = None
    folder: Path | None = None


def read_columns(
    path: Path, form: str, files: Sequence[ColumnFile], inside: Inside, problems: Problems,
    splits: Sequence[str] | None = None,
) -> Records:
    """The rows of some files, numbered over all of them; nothing that is large is in memory whole.

    Parameters
    ----------
    path, form
        What the curator named, and its format.
    splits
        The split that each file holds, which becomes the column ``split``.

    Raises
    ------
    PairsError
        If a file cannot be read or does not fit the others, or there are no rows.
    """
    first = next((file for file in files if file.rows), None)
    if first is None:
        raise PairsError(f"{path} holds no rows.")
    image = next((name for name in inside.images if holds_images(first.kind(name))), None)
    embeddings = inside.embeddings or (EMBEDDINGS if _seems_embedded(first, inside) else ())
    tables = [file.table({image, *embeddings} - {None}) for file in files]
    tables, split_column = with_splits(tables, splits)
    columns, places, keep = concatenated(tables), None, np.ones(sum(map(len, tables)), dtype=bool)
    if image is not None:
        labels, places, keep = _images(files, image, inside.folder, path, problems)
        if columns.column_names and len(columns) != len(labels):
            raise PairsError(f"{path} is damaged: its columns have {len(columns):,} rows and {len(labels):,}.")
        # A table without any other column has no rows either.
        columns = columns.append_column(image, labels) if columns.column_names else pa.table({image: labels})
    vectors = {kind: _vectors(files, name) for kind, name in zip(("image", "text"), embeddings, strict=False)}
    rows = np.arange(1, len(keep) + 1)
    if vectors:
        keep = keep & usable(vectors, path, rows, problems)
    parts = tuple(zip(splits, (file.rows for file in files), strict=True)) if splits else ()
    found = Records(path, form, columns, rows, **vectors, inside=places, split_column=split_column, parts=parts)
    return found.take(keep)


def _seems_embedded(file: ColumnFile, inside: Inside) -> bool:
    """Whether a table is taken for one of embeddings: it holds both, or has a column of that name and none of images."""
    named = set(file.schema.names)
    return all(holds_vectors(file.kind(name)) for name in EMBEDDINGS) or (
        not named.isdisjoint(EMBEDDINGS) and named.isdisjoint(inside.images)
    )


def _vectors(files: Sequence[ColumnFile], name: str) -> Vectors:
    parts = [vector_part(file, name) for file in files if file.rows]
    for part in parts:
        if part.width != parts[0].width:
            raise PairsError(f"{part.name} has {part.width} dimensions, but {parts[0].name} has {parts[0].width}.")
    return Vectors.of(parts)


def _images(
    files: Sequence[ColumnFile], name: str, folder: Path | None, source: Path, problems: Problems
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, np.ndarray]:
    """Of each row what it calls its image, where that lies if it is inside (else null), and whether it is not too large."""
    if folder is None:
        raise PairsError(f"{source} holds images; they need a folder to be copied to, which a workspace has.")
    labels: list[str | None] = []
    places: list[tuple[int, int] | None] = []
    large: dict[int, str] = {}
    with keeping(folder) as kept:
        for value in (value for file in files for column in file.column(name, TOGETHER) for value in column.to_pylist()):
            label, data = _image(value)
            if data is not None and len(data) > LARGEST:
                large[len(labels) + 1] = f"has {len(data):,} bytes"
                data = None
            labels.append(label or (f"image {len(labels) + 1}" if data is not None else None))
            places.append(None if data is None else kept.add(data))
    problems.report(OVERSIZED_IMAGE, source, large, detail=large.values())
    found = (None if place is None else kept.image_path(place) for place in places)
    keep = np.ones(len(labels), dtype=bool)
    keep[np.array(list(large), dtype=np.int64) - 1] = False
    return pa.chunked_array([pa.array(labels, pa.string())]), pa.chunked_array([pa.array(found, pa.string())]), keep


def _image(value: Any) -> tuple[str | None, bytes | None]:
    """What a row calls its image, and its bytes; one file of a source may hold both and another paths alone."""
    label, data = (value.get("path"), value.get("bytes")) if isinstance(value, dict) else (value, value)
    return label if isinstance(label, str) else None, data if isinstance(data, bytes) else None
