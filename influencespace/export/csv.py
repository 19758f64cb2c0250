"""A subset as CSV: RFC 4180, UTF-8, every text in quotes, what is missing as an empty field."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa


def write_csv(batches: Iterable[pd.DataFrame], schema: pa.Schema, path: Path) -> None:
    """Write a header and one record a pair.

    Captions come out as they are, line breaks and a leading ``=`` included: a spreadsheet may take the latter for a
    formula, a reader of data will not.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(schema.names)
        for rows in batches:
            rows.to_csv(file, index=False, header=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
