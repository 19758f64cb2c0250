"""A subset as Parquet, with the types that the columns have in the workspace."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def write_parquet(rows: pd.DataFrame, path: Path) -> None:
    """Write one row a pair."""
    rows.to_parquet(path, index=False)
