"""What has come of the pieces of a stage, kept until its artifact stands: a run that was killed goes on with the next piece.

A training keeps what a seed draws anew in the same way. It lies in one file of the workspace's cache, named by the digest of all
that the pieces depend on, to which is added as work goes on. An entry is a digest, a length, and that many bytes of
safetensors: what a kill has left half written, or a disk has damaged, is found by its digest and made again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

import influencespace
from influencespace.engines import Engine, Piece, Run, Share, Tell, Work

# Pieces are written once computing them took so many seconds, and so many times as long as writing takes: a local disk takes
# some hundredths of that time, and a slow one a tenth.
EVERY, WORTH = 0.02, 10
# Other versions of these may come to something else.
LIBRARIES = ("torch", "numpy", "sklearn", "umap", "PIL")
# What stands with a piece: the seconds that computing it took.
TOOK = "seconds it took"
_DIGEST, _HEAD = 32, 40  # bytes of a digest, and of what stands before the bytes of an entry


class Pieces:
    """Pieces by name, in a file that only grows.

    Parameters
    ----------
    folder
        For the pieces of one stage alone; made, in one that is there, when there is something to keep. Files of other recipes
        in it are removed.
    recipe
        All that the pieces depend on, as plain JSON values; the code and the libraries are added to it.
    writing
        Stands around whatever is written, to explain its errors.

    Attributes
    ----------
    spared
        Seconds that computing took, in an earlier run, for what was taken over by now.
    """

    def __init__(
        self, folder: Path, recipe: dict[str, Any],
        writing: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        self.folder = folder
        self._recipe, self._writing, self.spared = recipe, writing, 0.0
        self._held: dict[str, Piece] = {}  # computed, and not yet worth an entry
        self._since, self._spent = time.monotonic(), 0.0  # the least that writing took
        self._last: tuple[int, dict[str, Piece]] = (-1, {})  # the entry that was read last, by its place

    def begin(self) -> None:
        """Count what is computed from now on as work on pieces, and not what came before, such as reading."""
        self._since = time.monotonic()

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def names(self) -> list[str]:
        """The names of those that are there."""
        return list(self._places)

    def get(self, name: str) -> Piece:
        """What has come of a piece that is there."""
        place, size = self._places[name]
        if self._last[0] != place:
            with self._file.open("rb") as file:
                file.seek(place)
                self._last = place, _unpacked(file.read(size))
        return self._last[1][name]

    def keep(self, name: str, piece: Piece) -> None:
        """Keep what has come of a piece, together with the next ones if it took no time worth speaking of."""
        self._held[name] = piece
        if time.monotonic() - self._since < max(EVERY, WORTH * self._spent):
            return
        with self._writing():
            self.folder.mkdir(exist_ok=True)
            target, began = self._file, time.monotonic()
            data = _packed(self._held)
            size = len(data).to_bytes(_HEAD - _DIGEST, "little")
            with target.open("ab") as file:
                file.write(hashlib.sha256(size + data).digest() + size + data)
        self._held, self._since = {}, time.monotonic()
        self._spent = min(self._spent or math.inf, self._since - began)

    def clear(self) -> None:
        """Remove all that is kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @functools.cached_property
    def _file(self) -> Path:
        recipe = self._recipe | _code()
        return self.folder / hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]

    @functools.cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Where the entry of each piece begins, and its size; what is no entry at the end of the file is cut off."""
        if not self.folder.is_dir():
            return {}
        for other in self.folder.iterdir():
            if other != self._file:
                other.unlink(missing_ok=True)
        if not self._file.exists():
            return {}
        found, end, whole = {}, 0, self._file.stat().st_size
        with self._file.open("rb") as file:
            while len(head := file.read(_HEAD)) == _HEAD:
                size = int.from_bytes(head[_DIGEST:], "little")
                if size > whole - file.tell():
                    break
                data = file.read(size)
                if hashlib.sha256(head[_DIGEST:] + data).digest() == head[:_DIGEST]:
                    found |= dict.fromkeys(_unpacked(data), (end + _HEAD, size))
                end = file.tell()
        if end < whole:
            with self._writing():
                os.truncate(self._file, end)
        return found


@dataclass
class Keeping:
    """An engine that computes no piece that is kept, and keeps what another engine computes.

    Pieces are told apart by the order in which a stage asks for them, which is always the same.
    """

    engine: Engine
    pieces: Pieces

    def __post_init__(self) -> None:
        self._asked = 0
        self.pieces.begin()

    @property
    def remote(self) -> bool:
        """See :class:`~influencespace.engines.Engine`."""
        return self.engine.remote

    @property
    def workers(self) -> int:
        """See :class:`~influencespace.engines.Engine`."""
        return self.engine.workers

    @property
    def spared(self) -> float:
        """See :class:`~influencespace.engines.Engine`."""
        return self.pieces.spared

    def map(self, work: Work, count: int) -> Iterator[Piece]:
        """See :meth:`~influencespace.engines.Engine.map`."""
        return self._mapped(work, self._names(type(work).__name__, count))

    def once(self, step: str, make: Callable[[], Piece]) -> Piece:
        """See :meth:`~influencespace.engines.Engine.once`."""
        (name,) = self._names(step, 1)
        if name in self.pieces:
            return self._earlier(name)
        return self._computed(name, lambda: self.engine.once(step, make))

    def runs(self, share: Share, wanted: list[Run], tell: Tell, folder: Path) -> Iterator[Run]:
        """See :meth:`~influencespace.engines.Engine.runs`; they keep themselves."""
        return self.engine.runs(share, wanted, tell, folder)

    def _names(self, what: str, count: int) -> list[str]:
        self._asked += 1
        return [f"{self._asked} {what} {piece} of {count}" for piece in range(count)]

    def _mapped(self, work: Work, names: list[str]) -> Iterator[Piece]:
        missing = tuple(piece for piece, name in enumerate(names) if name not in self.pieces)
        computed = self.engine.map(Some(work, missing), len(missing)) if missing else iter(())
        for name in names:
            yield self._earlier(name) if name in self.pieces else self._computed(name, lambda: next(computed))

    def _earlier(self, name: str) -> Piece:
        found = self.pieces.get(name)
        self.pieces.spared += float(found[TOOK])
        return {key: value for key, value in found.items() if key != TOOK}

    def _computed(self, name: str, make: Callable[[], Piece]) -> Piece:
        began = time.perf_counter()
        found = make()
        self.pieces.keep(name, found | {TOOK: time.perf_counter() - began})
        return found


@dataclass(frozen=True)
class Some:
    """Some of the pieces of a work, numbered from 0."""

    work: Work
    which: tuple[int, ...]

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields what the work yields for them."""
        return self.work(self.which[piece] for piece in pieces)


def _packed(pieces: dict[str, Piece]) -> bytes:
    return save({
        f"{name}\t{key}": np.asarray(value, order="C") for name, piece in pieces.items() for key, value in piece.items()
    })


def _unpacked(data: bytes) -> dict[str, Piece]:
    found: dict[str, Piece] = {}
    for both, value in load(data).items():
        name, _, key = both.rpartition("\t")
        found.setdefault(name, {})[key] = value[()]
    return found


@functools.cache
def _code() -> dict[str, Any]:
    """Size and time of the files of the code, and of the first one of each library: told in no time, unlike digests."""
    root = os.path.dirname(influencespace.__file__)
    own = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if name.endswith(".py")]
    libraries = [spec.origin for name in LIBRARIES if (spec := importlib.util.find_spec(name)) and spec.origin]
    stats = [(file, os.stat(file)) for file in sorted(own) + libraries]
    return {"code": [(os.path.basename(file), stat.st_size, stat.st_mtime_ns) for file, stat in stats]}
