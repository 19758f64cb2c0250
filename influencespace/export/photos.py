"""The photos of pairs that go out, as they are, byte for byte."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

from influencespace.errors import ExportError
from influencespace.export.options import FOLDERS
from influencespace.pairs.stretch import is_stretch, open_image
from influencespace.workspace import Artifact

# The endings that both webdataset and datasets take for images.
_ENDINGS = {"jpg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm"}
_USUAL = {"JPEG": "jpg", "MPO": "jpg"}
# These name the photos and hold none.
NAMING = ("jsonl", "csv", "parquet", "coco")
FIRST = 50


def left_behind(pairs: Artifact, form: str) -> str:
    """What a format that only names photos leaves behind, where they are no files but lie inside of larger ones; else nothing.

    Parameters
    ----------
    pairs
        The artifact, by whose first photos it is told.
    """
    if form not in NAMING:
        return ""
    first = next(pq.ParquetFile(pairs.folder / "pairs.parquet").iter_batches(FIRST, columns=["image_path"])).column(0)
    return "" if not any(map(is_stretch, first.to_pylist())) else (
        "These photos are no files: they lie inside of the source's tables or tars, and are named as they are there. "
        f"To take them along, export {' or '.join(FOLDERS)}."
    )


def require(image_path: object, pair: str) -> None:
    """See to it that a pair has a photo.

    Raises
    ------
    ExportError
        If it came without one.
    """
    if pd.isna(image_path):
        raise ExportError(
            f"This format holds photos, and the pair {pair!r} came without one, as an embedding. Import with --images, or choose "
            "a format without photos: jsonl, csv, parquet, coco, datacomp or sampler."
        )


def read_photo(image_path: object, pair: str) -> bytes:
    """The bytes of a pair's photo.

    Parameters
    ----------
    image_path
        As the pairs have it; null for pairs that came without photos.
    pair
        The pair's id.

    Raises
    ------
    ExportError
        If there is none, or it cannot be read.
    """
    with _opened(image_path, pair) as file:
        return file.read()


def ending(image: object, image_path: object, pair: str) -> str:
    """What the name of a photo ends with, without the dot: as the source has it, else by the photo's content; ``jpg`` for JPEG.

    Raises
    ------
    ExportError
        If the photo is needed to tell and cannot be read.
    """
    named = PurePath(str(image)).suffix.lower().removeprefix(".")
    if named in _ENDINGS:
        return named
    with _opened(image_path, pair) as file, Image.open(file) as photo:
        return _USUAL.get(photo.format, photo.format.lower())


@contextlib.contextmanager
def _opened(image_path: object, pair: str) -> Iterator[BinaryIO]:
    require(image_path, pair)
    try:
        with open_image(image_path) as file:
            yield file
    except (OSError, ValueError) as error:  # also of a decoder
        why = getattr(error, "strerror", None) or error
        raise ExportError(
            f"The photo of the pair {pair!r} cannot be read from {image_path}: {why}. Put it back, or import the pairs again."
        ) from None
