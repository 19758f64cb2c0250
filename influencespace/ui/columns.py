"""The training pairs of a workspace as columns: read when they are first asked for, mapped into memory, shared by all visitors.

A table of a million rows with captions takes seconds to read and to copy, and a page looks at sixty of them. So numbers are
arrays, categories are codes, and texts lie in an Arrow file in the workspace's cache, of which single rows are read from disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from influencespace.errors import WorkspaceError
from influencespace.pairs.views import GROUP
from influencespace.workspace import Artifact, Workspace

INFLUENCE = "influence."
# Where the columns of the training rows come from, beside the table of pairs.
_MEMBERS = ("topic", "cluster", "x", "y")


@dataclass(frozen=True)
class Codes:
    """A column of categories.

    Attributes
    ----------
    labels
        (k,) the distinct values, sorted; a missing text is "unknown".
    code
        (n,) int32, the position of each pair's value in ``labels``.
    counts
        (k,) int64, how many pairs have each.
    """

    labels: np.ndarray
    code: np.ndarray
    counts: np.ndarray

    def of(self, label: object) -> np.ndarray:
        """(n,) bool, which pairs have the value."""
        found = np.flatnonzero(self.labels == label)
        return self.code == found[0] if len(found) else np.zeros(len(self.code), dtype=bool)


class TrainingPairs:
    """One training pair a row, with all that is known of it so far.

    The columns are those of the artifact ``pairs``; ``agreement`` once captions were compared with photos; ``topic``,
    ``cluster``, ``x`` and ``y`` once there are clusters; and ``influence.TARGET`` for each target once there are scores.

    Parameters
    ----------
    workspace
        Where to read.
    made
        The artifacts that belong together, by name; ``pairs`` at least.
    key
        Identifies what they were made from: equal keys mean equal columns.
    """

    def __init__(self, workspace: Workspace, made: dict[str, Artifact], key: str) -> None:
        self.workspace, self.key = workspace, key
        self._made = made
        self._kept: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self.training_rows)

    @cached_property
    def training_rows(self) -> np.ndarray:
        """(n,) int64, the row of each training pair in the table of pairs."""
        split = self._read("pairs", ["split"], dictionary=["split"])["split"]
        return np.flatnonzero(pc.equal(split, "train").to_numpy(zero_copy_only=False))

    @cached_property
    def _order(self) -> np.ndarray:
        """All rows of the table of pairs, the training rows first: as the texts lie in the cache."""
        rest = np.ones(pq.read_metadata(self._file("pairs")).num_rows, dtype=bool)
        rest[self.training_rows] = False
        return np.concatenate([self.training_rows, np.flatnonzero(rest)])

    @cached_property
    def _places(self) -> np.ndarray:
        """Where each row of the table of pairs lies among the texts."""
        return np.argsort(self._order)

    @cached_property
    def columns(self) -> list[str]:
        """The names of all columns."""
        names = [*self._schema("pairs").names]
        names += ["agreement"] if "proxy" in self._made else []
        names += _MEMBERS if "clusters" in self._made else ()
        return names + [INFLUENCE + target for target in self.targets]

    @cached_property
    def targets(self) -> list[str]:
        """The targets that there is influence on; the overall one comes first."""
        return self._schema("scores").names if "scores" in self._made else []

    @property
    def attributes(self) -> list[str]:
        """The group attributes."""
        return [name.removeprefix(GROUP) for name in self.columns if name.startswith(GROUP)]

    def has(self, name: str) -> bool:
        """Whether there is a column of that name."""
        return name in self.columns

    def numbers(self, name: str) -> np.ndarray:
        """(n,) float32: agreement, x, y, influence.TARGET or another column of numbers; read-only."""
        return self._once("numbers", name, self._numbers)

    def codes(self, name: str) -> Codes:
        """A column of categories: topic, cluster, group.NAME or any other text."""
        return self._once("codes", name, self._codes)

    def text(self, name: str) -> pa.ChunkedArray:
        """(n,) texts, such as caption or id, mapped from disk."""
        return self._texts[name].slice(0, len(self))

    def source(self, row: int) -> tuple[str | None, str] | None:
        """The file and the digest of the photo in a row of the table of pairs, of any split; None where there is no such row."""
        if not 0 <= row < len(self._places):
            return None
        at = int(self._places[row])
        return self._texts["image_path"][at].as_py(), self._texts["photo"][at].as_py()

    @cached_property
    def test(self) -> pd.DataFrame:
        """The pairs of the test split in the order of the table of pairs, where each has its ``row``."""
        rest = self._order[len(self) :]
        table = self._texts.slice(len(self)).select(["split", "caption"]).to_pandas().assign(row=rest)
        return table.loc[table["split"] == "test", ["row", "caption"]].reset_index(drop=True)

    def rows(self, index: np.ndarray) -> pd.DataFrame:
        """All that is known of a few pairs, in the order of their (k,) indices, which become the table's index."""
        index = np.asarray(index, dtype=np.int64)
        table = self._texts.take(index).to_pandas()
        table["row"] = self.training_rows[index]
        for name in self.columns:
            if name == "agreement" or name in ("x", "y") or name.startswith(INFLUENCE):
                table[name] = self.numbers(name)[index]
            elif name in _MEMBERS:
                codes = self.codes(name)
                table[name] = codes.labels[codes.code[index]]
        return table.set_index(pd.Index(index, name="pair"))

    def _numbers(self, name: str) -> np.ndarray:
        if name == "agreement":
            return np.asarray(self._made["proxy"].array("agreement"), dtype=np.float32)
        if name.startswith(INFLUENCE):
            column = self._read("scores", [name.removeprefix(INFLUENCE)]).column(0)
        elif name in _MEMBERS:
            column = self._read("clusters", [name]).column(0)
        else:
            column = self.text(name)
        values = column.to_numpy().astype(np.float32)
        values.flags.writeable = False
        return values

    def _codes(self, name: str) -> Codes:
        if name in _MEMBERS:
            column = self._read("clusters", [name]).column(0)
        else:
            column = self.text(name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = column.fill_null("unknown")
        encoded = column.dictionary_encode().combine_chunks()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        labels = encoded.dictionary.to_numpy(zero_copy_only=False)
        order = np.argsort(labels)
        place = np.empty(len(labels), dtype=np.int32)
        place[order] = np.arange(len(labels), dtype=np.int32)
        code = place[encoded.indices.to_numpy()]
        code.flags.writeable = False
        return Codes(labels[order], code, np.bincount(code, minlength=len(labels)))

    @cached_property
    def _texts(self) -> pa.Table:
        """The table of pairs, training rows first: mapped from the cache, or in memory where that cannot be written."""
        with self._lock:
            try:
                file = self.workspace.private("rows") / f"{self._made['pairs'].digest}.arrow"
                if not file.exists():
                    self._write_texts(file)
                return pa.ipc.open_file(pa.memory_map(str(file))).read_all()
            except WorkspaceError:
                return self._ordered_table()

    def _ordered_table(self) -> pa.Table:
        return self._read("pairs", self._schema("pairs").names).take(self._order).combine_chunks()

    def _write_texts(self, file: Path) -> None:
        table = self._ordered_table()
        temporary = file.with_suffix(f".{threading.get_ident()}.part")
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        temporary.replace(file)

    def _file(self, name: str) -> Path:
        return self._made[name].folder / ("members.parquet" if name == "clusters" else "pairs.parquet")

    def _schema(self, name: str) -> pa.Schema:
        return pq.read_schema(self._file(name))

    def _read(self, name: str, columns: list[str], dictionary: list[str] | None = None) -> pa.Table:
        found = self.workspace.find(name)
        if found is None or found.digest != self._made[name].digest:
            raise WorkspaceError(f"The {name} of {self.workspace.name} have changed meanwhile; load the page again.")
        return pq.read_table(self._file(name), columns=columns, read_dictionary=dictionary, memory_map=True)

    def _once(self, kind: str, name: str, make: Callable[[str], Any]) -> Any:
        with self._lock:
            if (kind, name) not in self._kept:
                self._kept[kind, name] = make(name)
            return self._kept[kind, name]
