"""A subset as Parquet, with the types that the columns have in the workspace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from influencespace.export.batches import Batch


def write_parquet(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write one row a pair."""
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_pandas(batch.rows, schema, preserve_index=False))
