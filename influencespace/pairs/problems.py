"""The problems table: what is wrong with single rows, while the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

LEFT_OUT = "left out"

# The kinds of problems; docs/formats.md says what each means and what to do.
MALFORMED_ROW = "malformed row"
DAMAGED_SHARD = "damaged shard"
REFUSED_MEMBER = "refused member"
MISSING_ID = "missing id"
REPEATED_ID = "repeated id"
EMPTY_CAPTION = "empty caption"
OVERLONG_CAPTION = "overlong caption"
NO_IMAGE_NAMED = "no image named"
NOT_A_FILE = "not a file"
OUTSIDE = "outside the source"
MISSING_FILE = "missing file"
UNREADABLE_IMAGE = "unreadable image"
OVERSIZED_IMAGE = "oversized image"
UNUSABLE_EMBEDDING = "unusable embedding"
UNKNOWN_SPLIT = "unknown split"
ALSO_HELD_OUT = "photo also held out"
ALSO_IN_VALIDATION = "photo also in validation"

COLUMNS = {"table": "str", "row": "int64", "id": "str", "problem": "str", "detail": "str", "action": "str"}


class Problems:
    """Collects problems, in the order in which they are found."""

    def __init__(self) -> None:
        self._found: list[pd.DataFrame] = []

    def report(
        self, problem: str, table: str | Path | Iterable[str], rows: Iterable[int], *, ids: Iterable[str] = "",
        detail: Iterable[str] = "", action: str = LEFT_OUT,
    ) -> None:
        """Report one kind of problem for some rows (1-based; -1 where it is about the whole table).

        ``table``, ``ids`` and ``detail`` are one text for all of the rows, or one a row.
        """
        rows = list(rows)
        if rows:
            said = {"table": table, "row": rows, "id": ids, "problem": problem, "detail": detail, "action": action}
            columns = {name: str(value) if isinstance(value, str | Path) else list(value) for name, value in said.items()}
            self._found.append(pd.DataFrame(columns, index=range(len(rows))).astype(COLUMNS))

    def table(self) -> pd.DataFrame:
        """All problems, with the columns of ``problems.parquet``."""
        if not self._found:
            return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in COLUMNS.items()})
        return pd.concat(self._found, ignore_index=True)

    def counts(self) -> dict[str, int]:
        """How many rows have each kind of problem, the most frequent first."""
        counts = self.table()["problem"].value_counts()
        return {str(kind): int(count) for kind, count in counts.items()}

    def added_to(self, *sentences: str) -> str:
        """Sentences of an error message with the most frequent kinds after the first of them, if there are any."""
        return " ".join(filter(None, (sentences[0], self.summary(), *sentences[1:])))

    def summary(self, kinds: int = 3) -> str:
        """The most frequent kinds in one sentence for an error message, with a place where each can be seen; else empty."""
        table = self.table()
        if table.empty:
            return ""
        parts = []
        for kind, count in list(self.counts().items())[:kinds]:
            first = table[table["problem"] == kind].iloc[0]
            where = f"row {first['row']} of {first['table']}" if first["row"] >= 0 else first["table"]
            parts.append(f"{count:,} x {kind} (such as {where}{': ' + first['detail'] if first['detail'] else ''})")
        return "Most frequent problems: " + "; ".join(parts) + "."
