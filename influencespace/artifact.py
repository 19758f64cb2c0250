"""What one stage leaves in a workspace: a folder of tables, arrays, tensors and JSON, to read and to write."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from influencespace import integrity
from influencespace.engines.kept import Pieces
from influencespace.errors import DamagedError, InfluenceSpaceError

MADE_BY = {
    "pairs": "import", "features": "embed", "proxy": "proxy", "clusters": "cluster", "scores": "score", "plan": "plan",
    "effects": "effects", "verification": "verify", "training": "train", "ablations": "ablate",
}
# The stages in the order of the road, and what each reads. stages.py says what they do.
NEEDS: dict[str, tuple[str, ...]] = {
    "pairs": (),
    "features": ("pairs",),
    "proxy": ("pairs", "features"),
    "clusters": ("pairs", "features", "proxy"),
    "scores": ("pairs", "features", "proxy", "clusters"),
    "plan": ("pairs", "features", "proxy", "clusters", "scores"),
    "effects": ("pairs", "features", "proxy", "clusters", "scores"),
    "verification": ("pairs", "features", "proxy", "clusters", "scores", "effects"),
    "training": ("pairs", "features", "proxy", "clusters", "scores", "plan"),
    "ablations": ("pairs", "features", "proxy", "clusters", "scores", "plan"),
}
# What readers raise on a file that is broken; only asked where the record is of before files were listed in it.
UNREADABLE = (OSError, ValueError, EOFError, SafetensorError, pa.ArrowException)


@dataclass(frozen=True)
class Artifact:
    """What one stage left: readers of its parts, and its record.

    ``record`` has ``stage, options, inputs, digest, created, seconds, version``, ``facts`` (what the stage says of itself in
    plain JSON values) and ``files`` (:func:`influencespace.integrity.listing`; artifacts from before lack it). Every reader
    raises :class:`~influencespace.errors.DamagedError` if its file is not as it was written.
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
        with self.reading(f"{name}.parquet") as path:
            return pd.read_parquet(path)

    def columns(self, name: str, columns: list[str], coded: Sequence[str] = ()) -> pa.Table:
        """Some columns of a table, for those too long for strings of Python; ``coded`` ones come dictionary-encoded."""
        with self.reading(f"{name}.parquet") as path:
            return pq.read_table(path, columns=columns, read_dictionary=list(coded))

    def array(self, name: str) -> np.ndarray:
        """An array of the artifact, memory-mapped and read-only."""
        with self.reading(f"{name}.npy") as path:
            return np.load(path, mmap_mode="r", allow_pickle=False)

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """Named arrays of the artifact, from safetensors."""
        with self.reading(f"{name}.safetensors") as path:
            return load_file(path)

    def json(self, name: str) -> Any:
        """A JSON document of the artifact."""
        with self.reading(f"{name}.json") as path:
            return json.loads(path.read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def reading(self, file: str) -> Iterator[Path]:
        """The path of a file of the artifact, to be read inside the block.

        Raises
        ------
        DamagedError
            If the block fails, and the file is not as it was written.
        """
        try:
            yield self.folder / file
        except InfluenceSpaceError:
            raise
        except Exception as error:
            why = self._damage(file, error)
            if why is None:
                raise
            integrity.mark(self.folder, why)
            raise damaged(self.name, why) from error

    def _damage(self, file: str, error: Exception) -> str | None:
        """What is wrong with a file that could not be read, if that is not the reader's fault."""
        try:
            present = json.loads((self.folder / integrity.RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            present = None
        if present != self.record:
            return None  # another one was put in its place meanwhile
        if "files" in self.record:
            return integrity.altered(self.folder, self.record["files"], [file])
        return f"{self.folder / file} cannot be read ({error})" if isinstance(error, UNREADABLE) else None

    def has(self, file: str) -> bool:
        """Whether the artifact holds a file of that name (with its extension)."""
        return (self.folder / file).exists()


@dataclass
class Draft:
    """An artifact while it is written. ``facts`` goes into its record; ``content`` names what options cannot say; ``pieces``
    are kept until it stands; ``spent`` are seconds of work that went before."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    content: str = ""
    pieces: Pieces | None = None
    spent: float = 0.0

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as Parquet."""
        table.to_parquet(self.folder / f"{name}.parquet", index=False)

    def array(self, name: str, array: np.ndarray) -> None:
        """Write an array as npy."""
        self.parts(name, array.dtype, array.shape, [array])

    def parts(self, name: str, dtype: np.dtype, shape: tuple[int, ...], parts: Iterable[np.ndarray]) -> None:
        """Write an array as npy whose rows come in parts.

        They are written, not mapped: on a full disk a memory map ends the process (SIGBUS), and a write is an error.
        """
        if dtype.hasobject:
            raise ValueError(f"{name} holds objects, which only a pickle could keep")
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        with (self.folder / f"{name}.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype=dtype).data)

    def tensors(self, name: str, tensors: dict[str, np.ndarray]) -> None:
        """Write named arrays as safetensors."""
        with told_by_safetensors():
            save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, self.folder / f"{name}.safetensors")

    def json(self, name: str, value: Any) -> None:
        """Write a JSON document, the same bytes for the same value."""
        (self.folder / f"{name}.json").write_text(canonical(value) + "\n", encoding="utf-8")


@contextlib.contextmanager
def told_by_safetensors() -> Iterator[None]:
    """Make what safetensors says of a file that it cannot write the error of the system that it is."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(str(error)) from error


def damaged(name: str, why: str) -> DamagedError:
    """The error of an artifact that is damaged, which says what makes it again."""
    sentence = f"The artifact {name} is damaged: {why}. It is made again by: python -m influencespace {MADE_BY[name]}"
    return DamagedError(sentence, why)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare spaces: the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def hashed(text: str) -> str:
    """A digest of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
