"""A subset as JSON lines: one object a pair, UTF-8, what is missing or no finite number as null."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from influencespace.export.batches import Batch
from influencespace.export.rows import records


def write_jsonl(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write one JSON object a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for batch in batches:
            file.writelines(json_text(row) + "\n" for row in records(batch.rows))


def json_text(value: Any) -> str:
    """A value as JSON in one line; values that JSON does not know, such as dates from Parquet, as text."""
    return json.dumps(value, ensure_ascii=False, default=str)
