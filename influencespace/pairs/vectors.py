"""Embeddings that come in: they stay in the files that hold them and are read a block of rows at a time, in order."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from influencespace.errors import PairsError
from influencespace.pairs.problems import UNUSABLE_EMBEDDING, Problems

BLOCK = 16_384
WIDEST = 65_536
"""Dimensions. No encoder has so many; what claims more is damaged, or made to fill the memory."""


@dataclass(frozen=True)
class Part:
    """Embeddings in one file: its name, how many ``rows`` of what ``width``, and ``blocks()``, all (b, width) in order."""

    name: str
    rows: int
    width: int
    blocks: Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Vectors:
    """(n, width) float16 embeddings.

    Attributes
    ----------
    parts
        Where they lie, all of one width.
    at
        (n,) ascending: which rows of all parts together.
    """

    parts: tuple[Part, ...]
    at: np.ndarray

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Vectors:
        """All rows of some parts."""
        return cls(tuple(parts), np.arange(sum(part.rows for part in parts)))

    @classmethod
    def joined(cls, together: Sequence[Vectors]) -> Vectors:
        """The rows of several, one after the other."""
        starts = np.cumsum([0, *(sum(part.rows for part in vectors.parts) for vectors in together[:-1])])
        at = np.concatenate([vectors.at + start for vectors, start in zip(together, starts, strict=True)])
        return cls(tuple(part for vectors in together for part in vectors.parts), at)

    def __len__(self) -> int:
        return len(self.at)

    @property
    def width(self) -> int:
        """Of all rows."""
        return self.parts[0].width

    @property
    def shape(self) -> tuple[int, int]:
        """``(n, width)``."""
        return len(self), self.width

    def take(self, keep: np.ndarray) -> Vectors:
        """The rows that a (n,) mask keeps, or that ascending positions name."""
        return Vectors(self.parts, self.at[keep])

    def blocks(self) -> Iterator[np.ndarray]:
        """All rows in order, some at a time: (b, width) float16; what is too large for float16 is infinite.

        Raises
        ------
        PairsError
            If a file cannot be read to its end.
        """
        start = 0
        for part in self.parts:
            first, last = np.searchsorted(self.at, [start, start + part.rows])
            if first < last:
                yield from _chosen(part, self.at[first:last] - start)
            start += part.rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.concatenate([np.empty((0, self.width), np.float16), *self.blocks()]).astype(dtype or np.float16)


def _chosen(part: Part, rows: np.ndarray) -> Iterator[np.ndarray]:
    start = 0
    for block in part.blocks():
        first, last = np.searchsorted(rows, [start, start + len(block)])
        if first < last:
            with np.errstate(over="ignore"):
                yield np.ascontiguousarray(block[rows[first:last] - start]).astype(np.float16)
        start += len(block)


def usable(kinds: dict[str, Vectors], path: Path, rows: np.ndarray, problems: Problems) -> np.ndarray:
    """(n,) mask of the rows all of whose embeddings are finite and not all zero; the others are reported.

    Parameters
    ----------
    kinds
        ``image`` and ``text``, n rows each.
    path, rows
        Of the source, and the (n,) numbers of its rows.
    """
    good = np.ones(len(rows), dtype=bool)
    for kind, vectors in kinds.items():
        finite, zero, start = np.empty(len(rows), dtype=bool), np.empty(len(rows), dtype=bool), 0
        for block in vectors.blocks():
            stop = start + len(block)
            finite[start:stop], zero[start:stop] = np.isfinite(block).all(axis=1), ~block.any(axis=1)
            start = stop
        for bad, reason in ((~finite, "holds NaN or infinity in float16"), (zero, "is all zero")):
            problems.report(UNUSABLE_EMBEDDING, path, rows[bad & good], detail=f"the {kind} embedding {reason}")
            good &= ~bad
    return good


def npy_part(file: Path) -> Part:
    """The embeddings in an npy file.

    Raises
    ------
    PairsError
        If the file cannot be read or holds no embeddings.
    """
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        shape, dtype = array.shape, array.dtype
    except Exception as error:  # of damaged headers numpy raises whatever it stumbles over
        raise PairsError(f"{file} cannot be read as an array: {error}.") from None
    _check(str(file), shape, dtype)
    return Part(str(file), *shape, lambda: (array[start : start + BLOCK] for start in range(0, len(array), BLOCK)))


def npz_part(file: Path, name: str) -> Part:
    """The embeddings that an npz file holds under a name; they are read as a stream, whatever they unpack to.

    Raises
    ------
    PairsError
        If the file cannot be read, has no array of that name, or it holds no embeddings.
    """
    what = f"{name} of {file}"
    with _values(file, name) as (_, shape, dtype):
        pass
    _check(what, shape, dtype)

    def blocks() -> Iterator[np.ndarray]:
        with _values(file, name) as (stream, _, _):
            for start in range(0, shape[0], BLOCK):
                count = (min(start + BLOCK, shape[0]) - start) * shape[1]
                yield np.frombuffer(stream.read(count * dtype.itemsize), dtype, count).reshape(-1, shape[1])

    return Part(what, *shape, blocks)


@contextlib.contextmanager
def _values(file: Path, name: str) -> Iterator[tuple[BinaryIO, tuple[int, ...], np.dtype]]:
    """The stream of an array's values in an npz file, their shape and type."""
    try:
        with zipfile.ZipFile(file) as archive:
            arrays = [entry.removesuffix(".npy") for entry in archive.namelist()]
            if name not in arrays:
                there = ", ".join(arrays[:20]) or "none"
                raise PairsError(
                    f"{file} holds no array {name!r}. Its arrays: {there}. Name others with --image-embedding and "
                    "--text-embedding."
                )
            with archive.open(f"{name}.npy") as stream:
                version = np.lib.format.read_magic(stream)
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
                shape, by_column, dtype = read(stream)
                if by_column:
                    raise ValueError("it is stored by columns; save numpy.ascontiguousarray of it")
                yield stream, shape, dtype
    except PairsError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each have errors of their own for damage
        raise PairsError(f"{name} of {file} cannot be read as an array: {error or type(error).__name__}.") from None


def _check(what: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if len(shape) != 2 or not 0 < shape[1] <= WIDEST or not np.issubdtype(dtype, np.floating):
        raise PairsError(
            f"{what} must hold floats of shape (rows, dimensions), not {dtype} of shape {shape}. "
            "Save it as float16 or float32."
        )
