"""A subset as what PyTorch's ``WeightedRandomSampler`` draws by: rows of the source, and the weight of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from influencespace.export.batches import Batch


def write_sampler(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write ``rows`` (k,) int64, 0-based positions in the source's table, and ``weights`` (k,) float32, as npz.

    12 bytes a pair are held until the end.
    """
    rows, weights = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for batch in batches:
        rows.append(batch.sources["row"].to_numpy(np.int64) - 1)
        weights.append(batch.rows["weight"].to_numpy(np.float32))
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, rows=np.concatenate(rows), weights=np.concatenate(weights))
