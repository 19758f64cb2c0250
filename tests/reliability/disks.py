"""Disks of the tests' own: small ones in memory that can be full, and folders made read-only; skipped without mounts."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small(folder: Path, size: int) -> Iterator[Path]:
    """A disk of that many bytes in place of a folder, for as long as the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)):
        yield folder


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written in the folder for as long as the block lasts."""
    with _mounted(folder, "--bind", str(folder), str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield


def fill(disk: Path, left: int) -> None:
    """Leave so many bytes free, in a file ``filler`` that can be taken away again."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(b"\0" * max(0, free - left))


@contextlib.contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[None]:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not allowed here: it needs the superuser, and a container that may")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
