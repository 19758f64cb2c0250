"""Images that come inside of tables: copied as they are, one after the other, into a file of the workspace."""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from influencespace.errors import PairsError
from influencespace.pairs.stretch import stretch

SUFFIX = ".images"


class KeptImages:
    """Takes images, each content once, and says where they are once all of them have come.

    Attributes
    ----------
    path
        The file, named by the digest of what it holds, so that the same images come to the same file again.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.path = Path()
        self._file, self._end, self._all = file, 0, hashlib.sha256()
        self._known: dict[bytes, int] = {}

    def add(self, data: bytes) -> tuple[int, int]:
        """Where in the file an image is: offset and size."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._known:
            self._file.write(data)
            self._all.update(digest)
            self._known[digest] = self._end
            self._end += len(data)
        return self._known[digest], len(data)

    def image_path(self, place: tuple[int, int]) -> str:
        """The ``image_path`` of an image; after all have come."""
        return stretch(self.path, *place)

    @property
    def name(self) -> str:
        """Of the file with what has come so far."""
        return self._all.hexdigest()[:32] + SUFFIX


@contextlib.contextmanager
def keeping(folder: Path) -> Iterator[KeptImages]:
    """Take images into a file of a folder; it is there, whole, after the block, unless none came or an error did.

    Raises
    ------
    PairsError
        If the folder cannot be written.
    """
    try:
        with NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
            try:
                kept = KeptImages(file)
                yield kept
                file.flush()
                kept.path = folder.absolute() / kept.name
                # One that an earlier import has left stays, and with it what is known of the images that were checked in it.
                if not _same(file.name, kept.path):
                    os.replace(file.name, kept.path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file.name)
    except OSError as error:
        raise PairsError(
            f"{folder} cannot be written ({error.strerror or error}); images that come inside of a table are copied there."
        ) from error


def _same(file: str, other: Path) -> bool:
    """Whether two files hold the same; one that is not there, or cannot be read, does not."""
    try:
        return filecmp.cmp(file, other, shallow=False)
    except OSError:
        return False


def forget(folder: Path, needed: set[Path]) -> None:
    """Remove what earlier imports have kept in a folder, or left half done, but for the files that are needed."""
    for file in folder.iterdir():
        if file not in needed:
            file.unlink(missing_ok=True)
