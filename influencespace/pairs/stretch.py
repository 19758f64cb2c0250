"""Where the bytes of an image lie: a file of its own, or a stretch of a larger one.

``image_path`` of pairs is an absolute path, or ``bytes:OFFSET+SIZE:/absolute/path.tar``: a member of an uncompressed tar,
or an image that came inside a table and was copied into a file of the workspace. No absolute path begins with ``bytes:``.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import BinaryIO

LARGEST = 2**27
"""Bytes of an image within a larger file, which is read at once."""
_PREFIX = "bytes:"
_STRETCH = re.compile(r"bytes:(\d+)\+(\d+):(/.*)", re.DOTALL | re.ASCII)


def stretch(file: str | Path, offset: int, size: int) -> str:
    """The ``image_path`` of ``size`` bytes of an absolute ``file``, from ``offset``.

    >>> stretch("/shards/00000.tar", 512, 2048)
    'bytes:512+2048:/shards/00000.tar'
    """
    return f"bytes:{offset}+{size}:{file}"


def is_stretch(image_path: object) -> bool:
    """Whether an image lies inside of a larger file."""
    return str(image_path).startswith(_PREFIX)


def open_image(image_path: str | Path) -> BinaryIO:
    """The bytes of an image, open for reading and seeking; they end where the image ends.

    A stretch is read at once, so that its file is not held open.

    Raises
    ------
    OSError
        If the file cannot be read, or has become shorter than the stretch.
    ValueError
        If this is no path of an image.
    """
    file, offset, size = _parts(image_path)
    if size is None:
        return open(file, "rb")
    with open(file, "rb") as whole:
        if offset + size > os.fstat(whole.fileno()).st_size:
            raise OSError(f"{file} has become shorter: it ends before byte {offset + size:,}")
        whole.seek(offset)
        return io.BytesIO(whole.read(size))


def container(image_path: str | Path) -> Path:
    """The file on disk that holds an image.

    Raises
    ------
    ValueError
        If this is no path of an image.
    """
    return _parts(image_path)[0]


def _parts(image_path: str | Path) -> tuple[Path, int, int | None]:
    text = str(image_path)
    if not is_stretch(text):
        return Path(text), 0, None
    found = _STRETCH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no stretch of a file, such as bytes:512+2048:/shards/00000.tar")
    return Path(found[3]), int(found[1]), int(found[2])
