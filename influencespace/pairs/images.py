"""Photos on disk: where a path in a table leads, whether the file holds a whole image, and its digest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from influencespace.ahead import PATIENCE, ahead
from influencespace.engines.kept import Pieces
from influencespace.pairs.problems import MISSING_FILE, NOT_A_FILE, OUTSIDE, OVERSIZED_IMAGE, UNREADABLE_IMAGE
from influencespace.pairs.stretch import container, open_image
from influencespace.progress import Progress

DIGEST_CHARACTERS = 32
# Photos that are begun before they are asked for.
DEPTH = 256
# Photos whose check is kept at once.
PIECE = 16
# What changes with a file: its number, size and times; empty if that cannot be told.
State = list[int]
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""What counts as an image. Pillow knows more, some of which start other programs (EPS, WMF) or are no photos."""
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|data:")


@dataclass(frozen=True)
class Photo:
    """What was found where a table names an image: a digest, or a problem and its detail."""

    path: str | None
    digest: str | None = None
    problem: str = ""
    detail: str = ""


def digest(data: bytes) -> str:
    """The digest by which photos are told apart: SHA-256, the first 32 hex digits."""
    return hashlib.sha256(data).hexdigest()[:DIGEST_CHARACTERS]


class Finder:
    """Where the paths in a table lead; images are read from inside of one folder alone.

    A table from elsewhere could otherwise name any file of this machine, and a link could lead to it. A path is relative
    to ``images``; where that leads out of it, to the table's own folder, so that a table that lies beside the folder of its
    images and says ``../images/a.jpg`` needs only be told the folder above both.

    Parameters
    ----------
    folder
        Of the table. Without ``images`` it is the one that images must lie in.
    images
        The folder that the curator named.
    """

    def __init__(self, folder: Path, images: Path | None = None) -> None:
        self._bases = [folder] if images is None else [images, folder]
        self._root = os.path.realpath(self._bases[0])
        self._real_folders: dict[str, str] = {}

    def __call__(self, image: str) -> Photo:
        """Where an image is, whether or not it exists; addresses, and what lies outside, are problems."""
        if _ADDRESS.match(image):
            return Photo(None, problem=NOT_A_FILE, detail="is an address; download the image and name the file")
        if "\0" in image:
            return Photo(None, problem=NOT_A_FILE, detail="the path holds a zero byte")
        for base in self._bases:
            path = os.path.abspath(os.path.join(base, image))
            if self._is_inside(path):
                return Photo(path)
        detail = f"lies outside of {self._root}; if it belongs to the pairs, name a folder that holds all images: --images"
        return Photo(None, problem=OUTSIDE, detail=detail)

    def _is_inside(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        real = os.path.realpath(path) if os.path.islink(path) else os.path.join(self._real_folders[folder], name)
        return os.path.commonpath([self._root, real]) == self._root


def check_images(paths: Sequence[str], progress: Progress, pieces: Pieces | None = None) -> dict[str, Photo]:
    """Decode every image completely, each path once, and take the digest of its file.

    Nothing less than decoding finds a truncated file. Pillow lets go of the interpreter while it decodes, so
    threads help.

    Parameters
    ----------
    pieces
        Where is kept what was found, some photos a piece. What is there already counts as long as its file is the same.

    Returns
    -------
    dict
        For each path its :class:`Photo`, with a digest or a problem.
    """
    distinct = list(dict.fromkeys(paths))
    found: dict[str, Photo] = {}
    checked = Checked(pieces)
    workers = min(8, max(2, os.cpu_count() or 2))
    with warnings.catch_warnings():
        # Set here once for all threads, which share these filters.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for done, (photo, state) in enumerate(ahead(checked, distinct, workers, DEPTH, late=_unanswered), 1):
            found[photo.path] = photo
            checked.keep(photo, state)
            if done % 64 == 0 or done == len(distinct):
                progress(done, len(distinct), "photos checked")
    return found


class Checked:
    """Checks photos, and keeps the digests of whole ones together with the state of their files.

    Parameters
    ----------
    pieces
        Where they are kept; None for nowhere.
    """

    def __init__(self, pieces: Pieces | None) -> None:
        self._pieces = pieces
        self._known: dict[str, list] = {}
        self._new: list[list] = []
        if pieces is not None:
            pieces.begin()
            for name in pieces.names():
                self._known |= {path: found for path, *found in json.loads(pieces.get(name)["json"].tobytes())}
            self._number = count(len(pieces.names()))

    def __call__(self, path: str) -> tuple[Photo, State]:
        """The photo, examined unless its file is as it was then, and the state of its file if it is new; for threads."""
        if self._pieces is None:
            return _examine(path), []
        state = _state(path)  # before it is read: what changes meanwhile is examined again by the next run
        before, found = self._known.get(path, (None, None))
        if state and before == state:
            return Photo(path, found), []
        return _examine(path), state

    def keep(self, photo: Photo, state: State) -> None:
        """Keep what was found, once it is enough for a piece."""
        if not state or photo.digest is None:
            return
        self._new.append([photo.path, state, photo.digest])
        if len(self._new) == PIECE:
            piece = {"json": np.frombuffer(json.dumps(self._new).encode(), dtype=np.uint8)}
            self._pieces.keep(f"photos {next(self._number)}", piece)
            self._new = []


def _state(path: str) -> State:
    try:
        found = os.stat(container(path))
    except (OSError, ValueError):
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _unanswered(path: str) -> tuple[Photo, State]:
    detail = f"was not read within {PATIENCE:.0f} seconds: its disk does not answer, or its file keeps the decoder busy for ever"
    return Photo(path, problem=UNREADABLE_IMAGE, detail=detail), []


def _examine(path: str) -> Photo:
    try:
        # Asked before opening: to open a pipe would wait forever.
        if not stat.S_ISREG(os.stat(container(path)).st_mode):
            return Photo(path, problem=NOT_A_FILE, detail="is a folder or a device")
        with open_image(path) as file:
            if file.seek(0, os.SEEK_END) == 0:
                return Photo(path, problem=UNREADABLE_IMAGE, detail="the file is empty (0 bytes)")
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_CHARACTERS]
            file.seek(0)
            with Image.open(file, formats=FORMATS) as image:
                image.load()
    except (FileNotFoundError, NotADirectoryError):
        return Photo(path, problem=MISSING_FILE, detail=f"{path} does not exist")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        return Photo(path, problem=OVERSIZED_IMAGE, detail=str(error).split(",")[0])
    except Exception as error:  # decoders raise whatever they stumble over in a damaged file
        return Photo(path, problem=UNREADABLE_IMAGE, detail=str(error).partition(" <")[0] or type(error).__name__)
    return Photo(path, found)
