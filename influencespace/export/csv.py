"""A subset as CSV: RFC 4180, UTF-8, every text in quotes and harmless to spreadsheets, what is missing as an empty field."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from influencespace.export.batches import Batch
from influencespace.spreadsheets import harmless, harmless_table


def write_csv(batches: Iterable[Batch], schema: pa.Schema, path: Path) -> None:
    """Write a header and one record a pair; :func:`influencespace.spreadsheets.original` gives texts back to the letter."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(map(harmless, schema.names))
        for batch in batches:
            harmless_table(batch.rows).to_csv(
                file, index=False, header=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC,
            )
