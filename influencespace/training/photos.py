"""Photos as the vision tower of an encoder takes them: prepared once, kept as they fit on the disk, read again every epoch.

A prepared photo is a row of float16 numbers, whatever tensors the image processor makes of it. Rows are rounded alike
whether they are kept or made anew, so that the disk decides how fast a training is but not what comes out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from influencespace.errors import FeaturesError, TrainingError
from influencespace.features.encoder import Encoder
from influencespace.features.store import Rows, ahead, batches, open_photo
from influencespace.progress import Progress, silent

# As a rule 300 kB a photo, so that 50,000 photos are kept; of the free disk at most this share is taken.
BUDGET = 16 * 2**30
SHARE = 0.5
WORKERS = min(8, os.cpu_count() or 1)
TOGETHER = 64


class PreparedPhotos:
    """Some photos, each as the tensors that an encoder's image processor makes of it.

    Parameters
    ----------
    encoder
        Whose image processor.
    count
        How many photos.
    photo
        ``photo(i)`` opens photo i; called from several threads.

    Attributes
    ----------
    example
        The tensors of a batch of one black photo.
    """

    def __init__(self, encoder: Encoder, count: int, photo: Callable[[int], Image.Image]) -> None:
        self.encoder, self.count, self.photo = encoder, count, photo
        # An image processor makes tensors of the same shapes of all photos, else no two could share a batch.
        self.example = encoder.prepare(Image.new("RGB", (64, 48)))
        self._parts = {name: (value.shape[1:], value.dtype) for name, value in self.example.items()}
        self.width = sum(shape.numel() for shape, _ in self._parts.values())
        self._kept: np.ndarray | None = None

    def keep(self, file: Path, progress: Progress = silent) -> None:
        """Prepare all photos now and keep them in a file, if they fit; goes on where the file ends."""
        size = self.count * self.width * np.dtype(np.float16).itemsize
        there = file.stat().st_size if file.exists() else 0
        if size > BUDGET or size - there > SHARE * shutil.disk_usage(file.parent).free:
            return
        rows = Rows(file, self.width)
        for batch in self._rows_from(rows.done):
            rows.append(batch)
            progress(rows.done, self.count, "preparing photos")
        self._kept = rows.read()

    def batch(self, photos: np.ndarray) -> dict[str, torch.Tensor]:
        """The tensors of these photos, (len(photos), ...) each, on the CPU."""
        if self._kept is not None:
            return self._tensors(self._kept[photos])
        with ThreadPoolExecutor(WORKERS) as pool, _unwarned():
            return self._tensors(np.stack(list(pool.map(self._row, photos))))

    def batches_from(self, start: int) -> Iterator[dict[str, torch.Tensor]]:
        """The tensors of photos ``start`` and on, in order, some at a time."""
        return map(self._tensors, self._rows_from(start))

    def _rows_from(self, start: int) -> Iterator[np.ndarray]:
        with _unwarned():
            for rows in batches(ahead(self._row, range(start, self.count), WORKERS, 2 * TOGETHER), TOGETHER):
                yield np.stack(rows)

    def _row(self, i: int) -> np.ndarray:
        prepared = self.encoder.prepare(self.photo(int(i)))
        return np.concatenate([prepared[name].numpy().ravel() for name in self._parts], dtype=np.float16, casting="unsafe")

    def _tensors(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        found, start = {}, 0
        for name, (shape, dtype) in self._parts.items():
            part = torch.from_numpy(rows[:, start : start + shape.numel()].astype(np.float32))
            found[name] = part.reshape(len(rows), *shape).to(dtype)
            start += shape.numel()
        return found


class PooledPhotos:
    """Photos as a vision tower sees them that stays as it is: the vectors that it pools, each photo's computed once.

    Parameters
    ----------
    prepared
        The photos.
    pool
        What the tower makes of a batch of them: ``pool(tensors) -> (b, d)``.
    """

    def __init__(self, prepared: PreparedPhotos, pool: Callable[[dict[str, torch.Tensor]], torch.Tensor]) -> None:
        self.prepared, self._pool = prepared, pool
        self._kept: np.ndarray | None = None

    def keep(self, file: Path, progress: Progress = silent) -> None:
        """Let the tower see all photos now, and keep what it makes of them in a file; goes on where the file ends."""
        rows = Rows(file, self._pool(self.prepared.example).shape[1])
        for batch in self.prepared.batches_from(rows.done):
            rows.append(self._pool(batch).cpu().numpy())
            progress(rows.done, self.prepared.count, "preparing photos")
        self._kept = rows.read()

    def batch(self, photos: np.ndarray) -> dict[str, torch.Tensor]:
        """``pooled``, (len(photos), d) float32."""
        if self._kept is None:
            return {"pooled": self._pool(self.prepared.batch(photos)).float().cpu()}
        return {"pooled": torch.from_numpy(self._kept[photos].astype(np.float32))}


def table_photos(table: pd.DataFrame, encoder: Encoder) -> tuple[PreparedPhotos, np.ndarray]:
    """The distinct photos of a table of pairs (by content digest), and which of them each pair shows: (n,) int."""
    photo_of, photos = pd.factorize(table["photo"])
    first = np.unique(photo_of, return_index=True)[1]
    paths, numbers = (table[name].to_numpy(dtype=object)[first] for name in ("image_path", "row"))
    return PreparedPhotos(encoder, len(photos), lambda i: _opened(paths[i], numbers[i])), photo_of


def _opened(path: str | None, row: int) -> Image.Image:
    if not isinstance(path, str):
        raise TrainingError(
            f"The pair of row {row} came without its photo, so that only heads on the imported features can be trained "
            "(--trainer heads); to train on photos, import again with --images."
        )
    try:
        return open_photo(path, row)
    except FeaturesError as error:
        raise TrainingError(str(error)) from error


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    # Set once for all threads: import has judged these files already.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
