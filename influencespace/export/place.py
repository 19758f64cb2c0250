"""An export takes its place whole or not at all, be it one file, several, or a folder, and whenever it is killed.

It is written in a draft: a hidden folder beside the place, locked by the process that writes. When it is complete, what
stood in the place is moved into the draft, and the new moved out, its chief part last: where that stands, all of it does.
A draft whose process is dead is settled by the next export beside it: what was moved aside comes back, unless the new
stands.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from influencespace.curated import FULL
from influencespace.errors import ExportError

# In a draft: the new parts, the old ones that stepped aside, the names of those to place once the old are aside, the lock.
NEW, OLD, PLACING, LOCK = "new", "old", "placing.json", "lock"
_DRAFT = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.draft", re.DOTALL)


@contextlib.contextmanager
def put_in_place(path: Path) -> Iterator[Path]:
    """A folder to write to; what is in it takes its place beside or as ``path`` when the block ends without an error.

    Parameters
    ----------
    path
        The chief part. The block writes it under its name into the folder, and the parts that lie beside it.

    Raises
    ------
    ExportError
        If it cannot be written, or another process is writing it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent))
        try:
            with FileLock(draft / LOCK, timeout=0):
                (draft / NEW).mkdir()
                if path.name in _clear(path.parent, but=draft):
                    raise ExportError(f"{path} is being written by another process; wait until it is done.")
                try:
                    yield draft / NEW
                    _take_place(draft, path)
                finally:
                    _settle(draft, path)
        finally:
            _delete(draft)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise ExportError(f"{path} cannot be written: {why}.{_room(path, error)}") from error


def _room(path: Path, error: OSError) -> str:
    """What to do where there was no room to write."""
    if error.errno not in FULL:
        return ""
    free = shutil.disk_usage(path.parent).free
    return f" Its disk has {free / 1e6:,.1f} MB left: free some, or choose another place. Nothing there was changed."


def clear_dead(folder: Path) -> None:
    """Settle and delete the drafts in a folder whose processes are dead."""
    with contextlib.suppress(OSError):  # a folder that is absent or not readable has none that could be in the way
        _clear(folder)


def _clear(folder: Path, but: Path | None = None) -> set[str]:
    """The names of what living processes are writing there; drafts of dead ones are settled and deleted."""
    living = set()
    for draft in list(folder.iterdir()):
        name = _DRAFT.fullmatch(draft.name)
        # Another person's could make us move or delete what is ours.
        if name is None or draft == but or draft.lstat().st_uid != os.geteuid():
            continue
        if not os.path.exists(draft / LOCK):  # it died before or after all else
            with contextlib.suppress(OSError):
                draft.rmdir()
            continue
        try:
            with FileLock(draft / LOCK, timeout=0):
                _settle(draft, folder / name[1])
        except Timeout:
            living.add(name[1])
            continue
        _delete(draft)
    return living


def _take_place(draft: Path, path: Path) -> None:
    names = sorted((entry.name for entry in (draft / NEW).iterdir()), key=lambda name: name == path.name)
    (draft / OLD).mkdir()
    for name in reversed(names):
        if os.path.lexists(path.with_name(name)):
            os.replace(path.with_name(name), draft / OLD / name)
    written = draft / f"{PLACING}.part"
    written.write_text(json.dumps(names), encoding="utf-8")
    written.replace(draft / PLACING)
    for name in names:
        os.replace(draft / NEW / name, path.with_name(name))


def _settle(draft: Path, path: Path) -> None:
    """Bring back what stepped aside, unless the new stands; killed in between, it is gone through again."""
    if (draft / PLACING).exists():
        if not (draft / NEW / path.name).exists():
            return
        for name in json.loads((draft / PLACING).read_text(encoding="utf-8")):
            if not (draft / NEW / name).exists():
                path.with_name(name).unlink(missing_ok=True)
        (draft / PLACING).unlink()
    if (draft / OLD).exists():
        for entry in (draft / OLD).iterdir():
            os.replace(entry, path.with_name(entry.name))


def _delete(draft: Path) -> None:
    """The lock goes last, for without it a draft is not known as one."""
    for part in (NEW, OLD):
        shutil.rmtree(draft / part, ignore_errors=True)
    shutil.rmtree(draft, ignore_errors=True)
