"""A subset as what PyTorch's ``WeightedRandomSampler`` draws by: rows of the source, and the weight of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from influencespace.export.batches import Batch


def write_sampler(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write ``rows`` (k,) int64, 0-based positions in the source's table, and ``weights`` (k,) float32, as npz.

    Of a source by splits also ``split`` (k,) str and ``split_rows`` (k,) int64, 0-based positions in the rows of that split. 12
    bytes a pair are held until the end, and some 40 more with splits.
    """
    found: dict[str, list[np.ndarray]] = {"rows": [np.empty(0, np.int64)], "weights": [np.empty(0, np.float32)]}
    for batch in batches:
        found["rows"].append(batch.sources["row"].to_numpy(np.int64) - 1)
        found["weights"].append(batch.rows["weight"].to_numpy(np.float32))
        if "split" in batch.sources:
            found.setdefault("split", []).append(batch.sources["split"].to_numpy(dtype=str))
            found.setdefault("split_rows", []).append(batch.sources["split_row"].to_numpy(np.int64))
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: np.concatenate(parts) for name, parts in found.items()})
