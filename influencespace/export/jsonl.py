"""A subset as JSON lines: one object a pair, UTF-8, what is missing or no finite number as null."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from influencespace.export.rows import records


def write_jsonl(batches: Iterable[pd.DataFrame], schema: pa.Schema, path: Path) -> None:
    """Write one JSON object a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for rows in batches:
            # Values that JSON does not know, such as dates from Parquet, are written as text.
            file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in records(rows))
