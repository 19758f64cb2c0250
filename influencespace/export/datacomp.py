"""A subset as DataComp's resharder reads it: the uids, sorted, as pairs of 64-bit numbers; weights beside, for it has none."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from influencespace.errors import ExportError
from influencespace.export.batches import Batch

# Of resharder.py in github.com/mlfoundations/datacomp: the upper and the lower 64 bits of a uid of 128.
UID = np.dtype("u8,u8")
WEIGHTS = ".weights.npy"
_DIGITS = r"[0-9a-fA-F]{32}"


def write_datacomp(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write the (k,) uids, sorted, and beside them the (k,) float32 weights in the same order.

    20 bytes a pair are held until they are sorted.

    Raises
    ------
    ExportError
        If an id is no uid of 32 hex digits.
    """
    found, weights = [np.empty(0, UID)], [np.empty(0, np.float32)]
    for batch in batches:
        found.append(as_uids(batch.rows["id"]))
        weights.append(batch.rows["weight"].to_numpy(np.float32))
    uids = np.concatenate(found)
    order = np.lexsort((uids["f1"], uids["f0"]))
    _save(path, uids[order])
    _save(weights_beside(path), np.concatenate(weights)[order])


def weights_beside(path: Path) -> Path:
    """The file of weights beside one of uids: ``subset.weights.npy`` beside ``subset.npy``."""
    return path.with_name(path.name.removesuffix(".npy") + WEIGHTS)


def as_uids(ids: pd.Series) -> np.ndarray:
    """(k,) of dtype :data:`UID`, from uids of 32 hex digits.

    Raises
    ------
    ExportError
        If one is something else.
    """
    fits = ids.str.fullmatch(_DIGITS).astype(bool)
    if not fits.all():
        raise ExportError(
            f"DataComp names pairs by uids of 32 hex digits, and the id {ids[~fits].iloc[0]!r} is none. Import with the column "
            "of uids as --id-column, or choose another format."
        )
    halves = np.frombuffer(bytes.fromhex("".join(ids)), dtype=">u8").astype(np.uint64)
    return halves.view(UID)


def _save(path: Path, array: np.ndarray) -> None:
    # Not straight to the file, for numpy says nothing of a disk that is full but how many items were written.
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    path.write_bytes(content.getbuffer())
