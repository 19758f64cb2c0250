"""The members of an uncompressed tar from hands that nobody vouches for: in one pass, in bounded memory, nothing unpacked.

Only regular files with a name inside the archive are handed on. ``tarfile`` parses the headers; what it trusts (sizes,
the order of members, how much a header may hold) is checked here.
"""

from __future__ import annotations

import itertools
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from influencespace.pairs.records import mended

MOST_MEMBERS = 1_000_000
LONGEST_HEADER = 2**16
"""Bytes of a long name or of extended attributes; a header that claims more would be read into memory whole."""
MOST_ATTRIBUTES = 100
"""That hold for all members; each member costs as much time as there are."""
# Longer than any name of a file; tarfile before Python 3.11.10 takes the square of its length for such a number.
_ENDLESS = re.compile(rb"\d{300}")


@dataclass(frozen=True)
class Member:
    """A regular file in a tar: its name, where its bytes begin, and how many they are."""

    name: str
    offset: int
    size: int


@dataclass
class Tar:
    """A walk through a tar.

    Attributes
    ----------
    refused
        What was passed over so far, each with why.
    damage
        Why the walk ended before the end of the archive; empty if it did not.
    """

    refused: list[str] = field(default_factory=list)
    damage: str = ""

    def members(self, file: BinaryIO) -> Iterator[Member]:
        """The regular files, in order; ``file`` is the tar opened for reading, and may be read from in between."""
        size, last, headers, archive = file.seek(0, os.SEEK_END), 0, _Headers(file), None
        for count in itertools.count():
            try:
                archive = archive or tarfile.TarFile(fileobj=headers)
                found = archive.next()
            except Exception as error:  # a damaged header makes tarfile raise whatever it stumbles over
                self.damage = f"a header after byte {last:,} cannot be read ({error or type(error).__name__})"
                return
            if found is None:
                self.damage = _ending(headers, archive.offset)
                return
            archive.members.clear()  # tarfile would keep them all
            self.damage = _damage(found, count, last, size, len(archive.pax_headers))
            if self.damage:
                return
            last, why = found.offset_data, _objection(found)
            if why:
                self.refused.append(f"{_shown(found.name)} {why}")
            elif found.isreg():
                yield Member(mended(found.name.removeprefix("./")), found.offset_data, found.size)


class _Headers:
    """A tar's file as ``tarfile`` reads it: header by header, none of them large."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise ValueError(f"it claims {size:,} bytes")
        self._file.seek(self._at)
        data = self._file.read(size)
        if _ENDLESS.search(data):
            raise ValueError("it holds a number without end")
        self._at += len(data)
        return data

    def seek(self, offset: int) -> int:
        if offset < 0:
            raise ValueError("it leads before the beginning")
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at


def _damage(member: tarfile.TarInfo, count: int, last: int, size: int, shared: int) -> str:
    if count >= MOST_MEMBERS:
        return f"it has more than {MOST_MEMBERS:,} members; split it into shards"
    if shared > MOST_ATTRIBUTES:
        return f"it has more than {MOST_ATTRIBUTES} attributes that hold for all members"
    if member.offset_data <= last or member.size < 0:
        return f"the member {_shown(member.name)} leads back to what came before"
    if member.isreg() and not member.issparse() and member.offset_data + member.size > size:
        return f"it is cut off within {_shown(member.name)}"
    return ""


def _objection(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"is a link to {_shown(member.linkname)}"
    if not (member.isreg() or member.isdir()) or member.issparse():
        return "is no regular file"
    if member.name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", member.name):
        return "has a name that leads out of the archive"
    return ""


def _ending(file: _Headers, offset: int) -> str:
    file.seek(offset)
    rest = file.read(tarfile.BLOCKSIZE)
    if not rest:
        return "it ends without its end mark, so that members may be missing"
    return f"what follows byte {offset:,} is no header" if rest.strip(b"\0") else ""


def _shown(name: str) -> str:
    return repr(name if len(name) <= 200 else name[:200] + "...")
