"""A subset as a folder that Hugging Face ``datasets`` reads: photos, and metadata.jsonl with captions and weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from influencespace.export.batches import Batch
from influencespace.export.jsonl import json_text
from influencespace.export.photos import ending, read_photo
from influencespace.export.rows import nested_records


def write_imagefolder(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write a folder of ``metadata.jsonl`` and ``photos/ab/DIGEST.jpg``: copies, so that nothing done to them reaches the source.

    A photo with several captions is copied once and named in several lines. What came with the source is one text, as JSON:
    ``datasets`` reads every column of a single type, opens whatever a column called ``..._file_name`` names, and calls the photo
    ``image``.

    Raises
    ------
    ExportError
        If a photo is missing.
    """
    path.mkdir()
    with (path / "metadata.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for batch in batches:
            for row, source in zip(nested_records(batch.rows), batch.sources.itertuples(), strict=True):
                name = _copied(path, source.image_path, source.photo, row)
                told = {"text" if key == "caption" else key: value for key, value in row.items()}
                file.write(json_text({"file_name": name} | told | {"source": json_text(row["source"])}) + "\n")


def _copied(path: Path, image_path: object, photo: str, row: dict) -> str:
    """Where in the folder the photo is, once it is there; its name is its digest, as safe as it is unique."""
    name = f"photos/{photo[:2]}/{photo}.{ending(row['source']['image'], image_path, row['id'])}"
    if not (path / name).exists():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(read_photo(image_path, row["id"]))
    return name
