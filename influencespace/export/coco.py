"""A subset as COCO captions: one annotation a pair, which carries its weight, and one image a photo."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from influencespace import __version__
from influencespace.export.batches import Batch
from influencespace.export.jsonl import json_text
from influencespace.export.rows import nested_records
from influencespace.pairs.images import DIGEST_CHARACTERS

INFO = {"description": "Image-text pairs that InfluenceSpace keeps", "version": __version__}


def write_coco(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write ``info``, ``licenses`` (none), ``annotations`` and ``images``.

    COCO's ids are whole numbers: annotations and images are numbered from 1 in the order of the pairs. The pair's own id is
    the annotation's ``pair``, the photo's digest the image's ``photo``. Captions stream through; of photos the digests are
    held, 16 bytes each. The batches are gone through twice.
    """
    image_ids = _image_ids(batches)
    done = images = 0
    with path.open("w", encoding="utf-8", newline="\n") as file, tempfile.TemporaryFile(
        "w+", encoding="utf-8", newline="\n", dir=path.parent,
    ) as later:
        file.write(f'{{"info": {json_text(INFO)}, "licenses": [], "annotations": [')
        for batch in batches:
            numbers = image_ids[done : done + len(batch)].tolist()
            for image_id, photo, row in zip(numbers, batch.sources["photo"], nested_records(batch.rows), strict=True):
                if image_id > images:
                    images = image_id
                    image = {"id": image_id, "file_name": row["source"]["image"], "photo": photo}
                    later.write(_separator(image_id) + json_text(image))
                done += 1
                pair = {"pair" if name == "id" else name: value for name, value in row.items()}
                file.write(_separator(done) + json_text({"id": done, "image_id": image_id} | pair))
        file.write('\n], "images": [')
        later.seek(0)
        shutil.copyfileobj(later, file)
        file.write("\n]}\n")


def _image_ids(batches: Iterable[Batch]) -> np.ndarray:
    """(k,) the number of each pair's photo, from 1 in the order in which photos first occur."""
    digests = b"".join(bytes.fromhex("".join(batch.sources["photo"])) for batch in batches)
    size = DIGEST_CHARACTERS // 2
    photos = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(digests) // size, [None, pa.py_buffer(digests)])
    return photos.dictionary_encode().indices.to_numpy() + 1


def _separator(number: int) -> str:
    return "\n" if number == 1 else ",\n"
