"""The subset batch by batch: of a million pairs no table is read whole, and the first rows are there at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from influencespace.curation.sets import places
from influencespace.export.rows import OWN, PlanTables, kept_pairs, outside_names, subset_rows
from influencespace.pairs.views import training_rows
from influencespace.workspace import Workspace

BATCH = 20_000
SOURCES = ["row", "image_path", "photo"]
_TYPES = {"weight": pa.float64(), "topic": pa.int64()}


@dataclass(frozen=True)
class Batch:
    """Some pairs that go out.

    Attributes
    ----------
    rows
        What goes out (:func:`influencespace.export.rows.subset_rows`).
    sources
        Where the same pairs come from, with the same index: ``row`` (1-based, of the source's table), ``image_path`` (str or
        missing) and ``photo`` (digest), for formats that hold positions or photos; of a source by splits also ``split`` and
        ``split_row`` (0-based, in all rows of that split).
    """

    rows: pd.DataFrame
    sources: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    def head(self, count: int) -> Batch:
        """The first pairs of it."""
        return Batch(self.rows.head(count), self.sources.head(count))


class Subset:
    """The pairs that the workspace's plan keeps, in batches that are read as often as one likes.

    Parameters
    ----------
    workspace
        With a plan.
    only
        The ids of the pairs that alone are wanted; None for all.

    Attributes
    ----------
    pairs
        How many rows there are.
    """

    def __init__(self, workspace: Workspace, only: pa.Array | None = None) -> None:
        pairs, clusters, plan = (workspace.artifact(name) for name in ("pairs", "clusters", "plan"))
        # Opened now, so that a plan that is made meanwhile changes nothing of what is read.
        self._pairs, self._members, self._decided = (
            _Rows(made.folder / f"{name}.parquet", columns) for made, name, columns in (
                (pairs, "pairs", None), (clusters, "members", ["topic", "cluster"]), (plan, "pairs", ["weight", "disposition"]),
            )
        )
        self._parts = _Parts(pairs.facts["parts"]) if "parts" in pairs.facts else None
        self._clusters, self._topics, self._reasons = clusters.table("clusters"), clusters.table("topics"), plan.table("clusters")
        self._only = None if only is None else set(only.to_pylist())
        self.pairs = int(plan.facts["kept"]) if only is None else self._count(only)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, the same for every batch."""
        source = self._pairs.schema
        names = {column: column for column in ("id", "image", "caption")} | outside_names(source.names)
        own = [(name, _TYPES.get(name, source.field(name).type if name in names else pa.string())) for name in OWN]
        return pa.schema(own + [(name, source.field(column).type) for column, name in names.items() if name not in OWN])

    def batches(self, rows: int = BATCH) -> Iterator[Batch]:
        """The pairs in their order, from ``rows`` rows of the table of pairs at a time; numbered on."""
        members, decided = self._members.reader(rows), self._decided.reader(rows)
        done = 0
        for batch in self._pairs.batches(rows):
            pairs = batch.to_pandas()
            count = len(training_rows(pairs))
            tables = PlanTables(pairs, members.take(count), self._clusters, self._topics, decided.take(count), self._reasons)
            found, sources = subset_rows(tables), kept_pairs(tables)[SOURCES]
            if self._parts is not None:
                sources = self._parts.told(sources)
            if self._only is not None:
                wanted = found["id"].isin(self._only)
                found, sources = found[wanted], sources[wanted]
            found.index = sources.index = pd.RangeIndex(done, done + len(found))
            done += len(found)
            yield Batch(found, sources)

    def _count(self, only: pa.Array) -> int:
        table = self._pairs.column("id").filter(pc.equal(self._pairs.column("split"), "train"))
        rows = places(table, only)
        return int(np.count_nonzero(self._decided.column("weight").to_numpy()[rows[rows >= 0]]))

    def head(self, count: int) -> Batch:
        """The first pairs."""
        parts: list[Batch] = []
        for batch in self.batches(2 * count):
            parts.append(batch)
            if sum(map(len, parts)) >= count:
                break
        return Batch(pd.concat([part.rows for part in parts]), pd.concat([part.sources for part in parts])).head(count)


class _Parts:
    """The files of a source by splits, each with its split and how many rows it has."""

    def __init__(self, parts: list[tuple[str, int]]) -> None:
        starts, rows = [0], Counter()
        earlier = []  # rows of the same split before each file
        for split, size in parts:
            earlier.append(rows[split])
            rows[split] += size
            starts.append(starts[-1] + size)
        self._splits = np.array([split for split, _ in parts], dtype=object)
        self._starts, self._earlier = np.array(starts[:-1]), np.array(earlier)

    def told(self, sources: pd.DataFrame) -> pd.DataFrame:
        """With the split of each row, and its place in that."""
        row = sources["row"].to_numpy() - 1
        part = np.searchsorted(self._starts, row, side="right") - 1
        return sources.assign(split=self._splits[part], split_row=row - self._starts[part] + self._earlier[part])


class _Rows:
    """A table that is read from its start as often as one likes."""

    def __init__(self, file: Path, columns: list[str] | None) -> None:
        self._file, self._columns = pq.ParquetFile(file, memory_map=True), columns
        self.schema = self._file.schema_arrow

    def column(self, name: str) -> pa.ChunkedArray:
        return self._file.read([name]).column(0)

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        return self._file.iter_batches(rows, columns=self._columns)

    def reader(self, rows: int) -> _Reader:
        return _Reader(self.batches(rows))


class _Reader:
    """Takes as many rows as are wanted, whatever the batches that they come in."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._left = pa.Table.from_batches([next(batches)])

    def take(self, count: int) -> pd.DataFrame:
        parts = [self._left]
        while sum(map(len, parts)) < count:
            parts.append(pa.Table.from_batches([next(self._batches)]))
        table = pa.concat_tables(parts)
        self._left = table.slice(count)
        return table.slice(0, count).to_pandas()
