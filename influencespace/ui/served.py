"""What the browser fetches beside the page: columns of the map, thumbnails, and the words on a single pair.

A page registers what it shows under a digest of its content and hands the address to an element; the browser keeps what it
got for ever, so that going from page to page sends nothing again. A server that was started anew knows no digests: it
answers 404, and the element asks for a run of the page, which registers them. Nothing outside of what pages have registered
can be asked for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from streamlit import config

from influencespace.errors import InfluenceSpaceError
from influencespace.ui import thumbnails
from influencespace.ui.columns import INFLUENCE, TrainingPairs

T = TypeVar("T")
# A column of a million pairs has 1 to 6 MB.
COLUMNS, TABLES, FILES = 96, 8, 32
# "identity" keeps the server from compressing what hardly can be, which costs more than sending it.
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable", "Content-Encoding": "identity"}
NO_STORE = {"Cache-Control": "no-store"}


@dataclass
class _Column:
    """Made when it is first asked for, once; what it is made from may go then."""

    make: Callable[[], np.ndarray] | None
    content: bytes | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> bytes:
        with self.lock:
            if self.content is None:
                self.content, self.make = np.ascontiguousarray(self.make()).tobytes(), None
            return self.content


class _Recent(Generic[T]):
    """The things registered last, by key; safe between the threads of scripts and routes."""

    def __init__(self, most: int) -> None:
        self.most, self._kept, self._lock = most, OrderedDict(), threading.Lock()

    def add(self, key: str, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
            return self._kept[key]

    def get(self, key: str) -> T | None:
        with self._lock:
            return self._kept.get(key)


_columns: _Recent[_Column] = _Recent(COLUMNS)
_tables: _Recent[TrainingPairs] = _Recent(TABLES)
_files: _Recent[tuple[Path, str]] = _Recent(FILES)


def column(digest: str, make: Callable[[], np.ndarray]) -> str:
    """The address of a column, whose bytes ``make`` gives when the browser first asks, in a thread of the server.

    Parameters
    ----------
    digest
        Identifies the content, and is part of the address: letters, digits, dots and dashes.
    make
        The values, little-endian, in the type that the element reads.
    """
    _columns.add(digest, lambda: _Column(make))
    return f"{root()}/-/column/{digest}"


def photo(pairs: TrainingPairs, row: int) -> str:
    """The address of a thumbnail of the photo in that row of the table of pairs, of any split."""
    return f"{root()}/-/photo/{_register(pairs)}/{int(row)}"


def pair_url(pairs: TrainingPairs) -> str:
    """What becomes the address of the words on a pair, as JSON, when the index of a training pair is added to it."""
    return f"{root()}/-/pair/{_register(pairs)}/"


def file(digest: str, path: Path, name: str) -> str:
    """The address of a file for the browser to save under ``name``; it is sent piece by piece, however large."""
    _files.add(digest, lambda: (path, name))
    return f"{root()}/-/file/{digest}"


def routes() -> list[Route]:
    """The routes of the app, below the path that the server is told to answer under."""
    under = f"{root()}/-"
    return [
        Route(f"{under}/column/{{digest}}", _send_column), Route(f"{under}/photo/{{key}}/{{row:int}}", _send_photo),
        Route(f"{under}/pair/{{key}}/{{index:int}}", _send_pair), Route(f"{under}/file/{{digest}}", _send_file),
        Route(f"{under}/{{other:path}}", _send_nothing),  # else Streamlit would answer with its page
    ]


def root() -> str:
    """The path that the server is told to answer under, without a slash at its end."""
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def _register(pairs: TrainingPairs) -> str:
    _tables.add(pairs.key, lambda: pairs)
    return pairs.key


async def _send_column(request: Request) -> Response:
    found = _columns.get(request.path_params["digest"])
    if found is None:
        return Response(status_code=404, headers=NO_STORE)
    content = await _made(found.read)
    if content is None:
        return Response(status_code=404, headers=NO_STORE)
    return Response(content, media_type="application/octet-stream", headers=FOR_EVER)


async def _send_photo(request: Request) -> Response:
    pairs = _tables.get(request.path_params["key"])
    content = None if pairs is None else await _made(_thumbnail, pairs, request.path_params["row"])
    if content is None:
        return Response(status_code=404, headers=NO_STORE)
    return Response(content, media_type="image/jpeg", headers=FOR_EVER)


async def _send_pair(request: Request) -> Response:
    pairs, index = _tables.get(request.path_params["key"]), request.path_params["index"]
    words = None if pairs is None else await _made(_words, pairs, index)
    if words is None:
        return Response(status_code=404, headers=NO_STORE)
    return JSONResponse(words, headers=FOR_EVER)


async def _send_file(request: Request) -> Response:
    found = _files.get(request.path_params["digest"])
    if found is None or not found[0].is_file():
        return Response(status_code=404, headers=NO_STORE)
    return FileResponse(found[0], filename=found[1], headers=NO_STORE)


async def _send_nothing(request: Request) -> Response:
    return Response(status_code=404, headers=NO_STORE)


async def _made(make: Callable[..., T | None], *given: object) -> T | None:
    """What ``make`` gives, in a thread of the server; None where what it is made from is gone or was replaced meanwhile."""
    try:
        return await run_in_threadpool(make, *given)
    except (InfluenceSpaceError, FileNotFoundError):
        return None


def _thumbnail(pairs: TrainingPairs, row: int) -> bytes | None:
    source = pairs.source(row)
    return None if source is None else thumbnails.jpeg(pairs.workspace, *source)


def _words(pairs: TrainingPairs, index: int) -> dict | None:
    if not 0 <= index < len(pairs):
        return None
    [pair] = pairs.rows(np.array([index])).to_dict("records")
    lines = []
    if "agreement" in pair:
        lines.append(f"caption fit {pair['agreement']:+.2f}")
    helps = pair.get(f"{INFLUENCE}overall")
    if helps is not None:
        lines.append("helps" if helps > 0 else "harms" if helps < 0 else "no effect")
    return {"caption": pair["caption"][:400], "image": photo(pairs, pair["row"]), "lines": lines}
