"""Grid features: what a vision encoder sees in each cell of a photo, for models that read photo and words together.

The cells are those of the encoder's last feature map before it is pooled to one vector: the last convolution's, or the
patches of a vision transformer, averaged to a grid of ``SIDE`` by ``SIDE`` (Jiang et al. 2020, In Defense of Grid Features
for Visual Question Answering, use the last map of a convolutional network in the place of detected objects).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import adaptive_avg_pool2d

from influencespace.features.corruptions import corrupt
from influencespace.features.encoder import Encoder
from influencespace.features.store import Rows, ahead, batches, open_photo
from influencespace.progress import Progress, silent

# Sixteen cells are about as many as a caption has words; 49 would triple the cost of a model that reads both.
SIDE = 4
CELLS = SIDE * SIDE
FLOAT16 = torch.finfo(torch.float16)


@dataclass(frozen=True)
class Grid:
    """The grid features of photos, each photo once.

    Attributes
    ----------
    cells
        (p, CELLS, width) float16, memory-mapped; cells row by row from the upper left.
    photo_of
        (n,) the row in them of each pair's photo.
    """

    cells: np.ndarray
    photo_of: np.ndarray

    def of(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), CELLS, width) float16, the cells of the photos of these pairs."""
        return self.cells[self.photo_of[rows]]


def boxes() -> np.ndarray:
    """(CELLS, 4) float32, where each cell lies in the photo: left, upper, right and lower edge in [0, 1]."""
    row, column = np.divmod(np.arange(CELLS), SIDE)
    return np.stack([column, row, column + 1, row + 1], axis=1).astype(np.float32) / SIDE


def see(encoder: Encoder, prepared: Sequence[dict[str, torch.Tensor]]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors and the grid features of photos that :meth:`Encoder.prepare` made ready, from one pass.

    Returns
    -------
    tuple of numpy.ndarray
        (b, d) float32 unit vectors and (b, CELLS, width) float16 grid features.
    """
    maps: list[torch.Tensor] = []
    tower = encoder.model.vision_model
    hook = tower.register_forward_hook(lambda tower, given, output: maps.append(output.last_hidden_state))
    try:
        vectors = encoder.embed_photos(prepared)
    finally:
        hook.remove()
    shapes = [one.get("spatial_shapes") for one in prepared]
    seen = (photo for part in maps for photo in part)
    return vectors, np.stack([_cells(photo, shape) for photo, shape in zip(seen, shapes, strict=True)])


def _cells(seen: torch.Tensor, shape: torch.Tensor | None) -> np.ndarray:
    """(CELLS, width) of the last map (width, h, w) or the last tokens (t, width) of one photo."""
    if seen.dim() == 2:
        if shape is not None:  # as many patches as the photo has, then padding
            height, width = shape.flatten().tolist()
            patches = seen[: height * width]
        else:  # a square of patches, after a class token and registers where there are any
            height = width = math.isqrt(len(seen))
            patches = seen[len(seen) - height * width :]
        seen = patches.T.reshape(-1, height, width)
    pooled = adaptive_avg_pool2d(seen.float(), SIDE).flatten(1).T
    return pooled.clamp(FLOAT16.min, FLOAT16.max).cpu().numpy().astype(np.float16)


def grid_features(
    encoder: Encoder, table: pd.DataFrame, folder: Path, corruption: str | None = None, batch_size: int = 64,
    progress: Progress = silent,
) -> Grid:
    """The grid features of all photos of a table of pairs, computed once for each photo and encoder.

    They are kept in ``folder`` by the encoder's digest and the photo's, so that another training, or pairs that were
    imported anew, only see the photos that are new; what a kill has cut short goes on where it stopped. A photo takes
    32 bytes times the width of the encoder's map on disk, and a batch of them memory.

    Parameters
    ----------
    encoder
        What sees.
    table
        The pairs; columns ``photo`` (digest), ``image_path`` and ``row`` are read.
    folder
        Where grid features are kept.
    corruption
        Look at the photos with this one of :data:`~influencespace.features.corruptions.CORRUPTIONS`.
    batch_size
        Photos at once.
    progress
        Told of every batch.

    Raises
    ------
    FeaturesError
        If a photo cannot be read (any more); the message names the file and its row.
    """
    code, digests = pd.factorize(table["photo"])
    digests = [digest if corruption is None else f"{digest} {corruption}" for digest in digests]
    first = np.unique(code, return_index=True)[1]
    paths, rows = table["image_path"].to_numpy(), table["row"].to_numpy()
    store = _Store(folder / f"{encoder.digest}-{SIDE}x{SIDE}", _width(encoder, paths[first[0]], int(rows[first[0]])))
    absent = [i for i, known in enumerate(store.places(digests) < 0) if known]
    workers = min(8, os.cpu_count() or 1)

    def prepared(i: int) -> tuple[str, dict]:
        photo = open_photo(paths[first[i]], int(rows[first[i]]))
        return digests[i], encoder.prepare(photo if corruption is None else corrupt(photo, corruption))

    done = len(digests) - len(absent)
    for batch in batches(ahead(prepared, absent, workers, 2 * batch_size), batch_size):
        store.append([digest for digest, _ in batch], see(encoder, [photo for _, photo in batch])[1])
        done += len(batch)
        progress(done, len(digests), f"grid features of the photos on {encoder.device.type}")
    return Grid(store.cells.read().reshape(-1, CELLS, store.width), store.places(digests)[code])


def _width(encoder: Encoder, path: str | None, row: int) -> int:
    return see(encoder, [encoder.prepare(open_photo(path, row))])[1].shape[2]


class _Store:
    """Cells of photos in a file that only grows, and the photos' digests in the same order in another, one a line."""

    def __init__(self, folder: Path, width: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.width = width
        self.cells, self.names = Rows(folder / "cells.f16", CELLS * width), folder / "photos"
        self.names.touch()
        # Cells are written before their names: after a kill there may be cells too many, or half a name.
        text = self.names.read_text(encoding="utf-8")
        self.digests = text[: text.rfind("\n") + 1].splitlines()[: self.cells.done]
        self.names.write_text("".join(f"{digest}\n" for digest in self.digests), encoding="utf-8")
        self.cells.cut(len(self.digests))

    def places(self, digests: Sequence[str]) -> np.ndarray:
        """(len(digests),) the row of each photo, -1 where it is not there yet."""
        return pd.Index(self.digests).get_indexer(digests)

    def append(self, digests: list[str], cells: np.ndarray) -> None:
        self.cells.append(cells.reshape(len(cells), -1))
        with self.names.open("a", encoding="utf-8") as file:
            file.writelines(f"{digest}\n" for digest in digests)
        self.digests += digests
