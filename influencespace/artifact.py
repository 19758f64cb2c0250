"""What one stage leaves in a workspace: a folder of tables, arrays, tensors and JSON, to read and to write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file


@dataclass(frozen=True)
class Artifact:
    """What one stage left: readers of its parts, and its record.

    ``record`` has ``stage, options, inputs, digest, created, seconds, version`` and ``facts`` (what the stage says of
    itself in plain JSON values).
    """

    name: str
    folder: Path
    record: dict[str, Any]

    @property
    def digest(self) -> str:
        """Identifies what the artifact was made from and with; equal digests mean equal content."""
        return self.record["digest"]

    @property
    def facts(self) -> dict[str, Any]:
        """What the stage says of its result."""
        return self.record["facts"]

    def table(self, name: str) -> pd.DataFrame:
        """A table of the artifact, from Parquet."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def columns(self, name: str, columns: list[str], coded: Sequence[str] = ()) -> pa.Table:
        """Some columns of a table, for those too long for strings of Python; ``coded`` ones come dictionary-encoded."""
        return pq.read_table(self.folder / f"{name}.parquet", columns=columns, read_dictionary=list(coded))

    def array(self, name: str) -> np.ndarray:
        """An array of the artifact, memory-mapped and read-only."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """Named arrays of the artifact, from safetensors."""
        return load_file(self.folder / f"{name}.safetensors")

    def json(self, name: str) -> Any:
        """A JSON document of the artifact."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def has(self, file: str) -> bool:
        """Whether the artifact holds a file of that name (with its extension)."""
        return (self.folder / file).exists()


@dataclass
class Draft:
    """An artifact while it is written. ``facts`` goes into its record; ``content`` names what options cannot say."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    content: str = ""

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as Parquet."""
        table.to_parquet(self.folder / f"{name}.parquet", index=False)

    def array(self, name: str, array: np.ndarray) -> None:
        """Write an array as npy."""
        np.save(self.folder / f"{name}.npy", array, allow_pickle=False)

    def tensors(self, name: str, tensors: dict[str, np.ndarray]) -> None:
        """Write named arrays as safetensors."""
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, self.folder / f"{name}.safetensors")

    def json(self, name: str, value: Any) -> None:
        """Write a JSON document, the same bytes for the same value."""
        (self.folder / f"{name}.json").write_text(canonical(value) + "\n", encoding="utf-8")


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare spaces: the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def hashed(text: str) -> str:
    """A digest of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
