"""Embedding all photos and captions of a table, so that a kill at any moment costs at most the batch it hit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NoReturn, TypeVar

import numpy as np
import pandas as pd
from PIL import Image

from influencespace.ahead import PATIENCE, ahead
from influencespace.engines import HERE, Engine, Piece
from influencespace.errors import FeaturesError
from influencespace.features.encoder import Encoder
from influencespace.features.photos import load_photo
from influencespace.progress import Progress

A = TypeVar("A")


class Rows:
    """A file of float16 vectors that only grows: its size says how many are done.

    A kill can leave at most a torn vector at its end, which the next writer cuts off. There is no count beside it that
    could disagree, and a full disk is an error at the write, not a crash as it would be in a memory map.

    Parameters
    ----------
    path
        The file; made when absent.
    width
        Numbers in a vector.
    """

    def __init__(self, path: Path, width: int) -> None:
        self.path, self.width = path, width
        path.touch()
        self.cut(self.done)

    @property
    def _size(self) -> int:
        return self.width * np.dtype(np.float16).itemsize

    @property
    def done(self) -> int:
        """How many vectors are in the file."""
        return self.path.stat().st_size // self._size

    def cut(self, done: int) -> None:
        """Keep the first ``done`` vectors and nothing after them."""
        with self.path.open("r+b") as file:
            file.truncate(done * self._size)

    def append(self, vectors: np.ndarray) -> None:
        """Add (b, width) vectors."""
        with self.path.open("ab") as file:
            file.write(np.ascontiguousarray(vectors, dtype=np.float16).data)

    def read(self) -> np.ndarray:
        """(done, width) float16, memory-mapped."""
        return np.memmap(self.path, dtype=np.float16, mode="r", shape=(self.done, self.width))


@dataclass(frozen=True)
class Embeddings:
    """Every distinct photo and caption once, and which of them each pair has.

    Attributes
    ----------
    photos, captions
        (p, d) and (c, d) float16, memory-mapped.
    photo_of, caption_of
        (n,) the row of each pair's photo and caption in them.
    """

    photos: np.ndarray
    captions: np.ndarray
    photo_of: np.ndarray
    caption_of: np.ndarray


@dataclass(frozen=True)
class PhotoBatches:
    """Reads and embeds photos; a piece is a batch of ``size``, by (path, row) of the pairs that they came with."""

    encoder: Encoder
    sources: list[tuple[str | None, int]]
    size: int

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``vectors`` (b, d) float16 a piece."""
        wanted = chain.from_iterable(self.sources[piece * self.size : (piece + 1) * self.size] for piece in pieces)
        workers = min(8, os.cpu_count() or 1)
        with warnings.catch_warnings():
            # Set once for all threads: import has judged these files already.
            warnings.simplefilter("ignore")
            photos_ahead = ahead(self._prepared, wanted, workers, 2 * self.size, late=unanswered)
            for batch in batches(photos_ahead, self.size):
                yield {"vectors": self.encoder.embed_photos(batch).astype(np.float16)}

    def _prepared(self, source: tuple[str | None, int]) -> dict:
        return self.encoder.prepare(open_photo(*source))


@dataclass(frozen=True)
class CaptionBatches:
    """Embeds captions; a piece is a batch of ``size``."""

    encoder: Encoder
    captions: list[str]
    size: int

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``vectors`` (b, d) float16 a piece."""
        for piece in pieces:
            batch = self.captions[piece * self.size : (piece + 1) * self.size]
            yield {"vectors": self.encoder.embed_captions(batch).astype(np.float16)}


def embed_pairs(
    encoder: Encoder, table: pd.DataFrame, folder: Path, batch_size: int, progress: Progress, engine: Engine = HERE
) -> Embeddings:
    """Embed the photos (one by content digest) and captions of a table of pairs, going on where ``folder`` ends.

    Parameters
    ----------
    encoder
        What embeds.
    table
        The pairs; columns ``photo``, ``image_path``, ``row`` and ``caption`` are read.
    folder
        Where finished vectors are kept. It must belong to just this table and this encoder.
    batch_size
        Photos or captions at once, which are a piece for the engine.
    progress
        Told of every batch.

    Raises
    ------
    FeaturesError
        If a photo cannot be read (any more); the message names the file and its row.
    """
    photo_of, photos = pd.factorize(table["photo"])
    first = np.unique(photo_of, return_index=True)[1]
    # The longest first: what does not fit into memory shows at once, and captions of like length share a batch.
    captions = sorted(table["caption"].unique(), key=lambda caption: (-len(caption), caption))
    caption_of = pd.Index(captions).get_indexer(table["caption"])
    seen, read = Rows(folder / "photos.f16", encoder.width), Rows(folder / "captions.f16", encoder.width)
    sources = list(zip(table["image_path"].to_numpy()[first], table["row"].to_numpy()[first], strict=True))
    rest = [
        (seen, PhotoBatches(encoder, sources[seen.done :], batch_size), len(photos) - seen.done, "photos"),
        (read, CaptionBatches(encoder, captions[read.done :], batch_size), len(captions) - read.done, "captions"),
    ]
    for kept, work, left, what in rest:
        for found in engine.map(work, -(-left // batch_size)) if left else ():
            kept.append(found["vectors"])
            progress(seen.done + read.done, len(photos) + len(captions), f"embedding {what} on {encoder.device.type}")
    return Embeddings(seen.read(), read.read(), photo_of, caption_of)


def open_photo(path: str | None, row: int) -> Image.Image:
    """The photo of a pair; ``row`` is that of the pair in its table, for the message if it cannot be read.

    Raises
    ------
    FeaturesError
        If the pair came without its photo, or its file is gone or broken.
    """
    if not isinstance(path, str):
        raise FeaturesError(
            f"The pair of row {row} came without its photo, so no encoder can see it. Leave out --encoder to use the "
            "imported embeddings, or import again with --images."
        )
    try:
        return load_photo(path)
    except Exception as error:
        # PIL and the file system raise almost anything on a broken file.
        raise FeaturesError(
            f"The photo {path} of row {row} can no longer be read ({type(error).__name__}: {error}). "
            "Put it back, or run import again, which leaves it out and says so."
        ) from error


def unanswered(source: tuple[str | None, int]) -> NoReturn:
    """Give up on a photo, by path and row, that was begun and never came."""
    path, row = source
    raise FeaturesError(
        f"The photo {path} of row {row} was not read within {PATIENCE:.0f} seconds: its disk does not answer, or its file keeps "
        "the decoder busy for ever. Put it on another disk, or run import again, which leaves it out; what was embedded is kept."
    )


def batches(items: Iterable[A], size: int) -> Iterator[list[A]]:
    """The items in lists of ``size``, the last one shorter."""
    batch: list[A] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
