"""A subset as CSV: RFC 4180, UTF-8, every text in quotes, what is missing as an empty field."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write a header and one record a pair.

    Captions come out as they are, line breaks and a leading ``=`` included: a spreadsheet may take the latter for a
    formula, a reader of data will not.
    """
    rows.to_csv(path, index=False, encoding="utf-8", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
