"""Where an export may be written: never over what the pairs came from, and over a folder only if an export made it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from influencespace.errors import ExportError
from influencespace.export.datacomp import weights_beside
from influencespace.export.options import FOLDERS, ExportOptions
from influencespace.export.place import clear_dead
from influencespace.export.sidecar import beside
from influencespace.pairs.stretch import container
from influencespace.workspace import Artifact, Workspace

# Files that a page has asked for to hand them to a browser.
PREPARED = "exports"
# What exports write into their folders, by format: a folder that holds anything else is not deleted.
CONTENT = {
    "webdataset": re.compile(r"\d{5,}\.tar"),
    "imagefolder": re.compile(r"metadata\.jsonl|photos/[0-9a-f]{2}/[0-9a-f]{32}\.[a-z0-9]+"),
}


def check_destination(workspace: Workspace, options: ExportOptions) -> list[Path]:
    """What an export will write (:func:`parts`), once it is clear that it may.

    Raises
    ------
    ExportError
        If it exists and is not to be replaced, lies where the pairs came from or inside the workspace, is a folder that no
        export has made, or its folder cannot be written.
    """
    if options.format == "plan" and options.only:
        raise ExportError("A plan is of all pairs; choose another format to write only some of them.")
    path = Path(options.file).expanduser().absolute()
    files = parts(path, options.format)
    folder = options.format in FOLDERS
    for file in files:
        _check(file, workspace, folder and file == path)
    clear_dead(path.parent)
    for file in files:
        if stands(file):
            _check_replaced(file, options)
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ExportError(f"{path} cannot be written: {above} is no folder that may be written to. Choose another place.")
    return files


def parts(path: Path, form: str) -> list[Path]:
    """What an export in a format writes: the file or folder itself, then the files beside it."""
    if form == "plan":
        return [path]
    return [path, weights_beside(path), beside(path)] if form == "datacomp" else [path, beside(path)]


def stands(path: Path) -> bool:
    """Whether something is there that would be replaced; an empty folder is as good as none."""
    return any(path.iterdir()) if path.is_dir() else path.exists()


def spare_images(workspace: Workspace, files: list[Path]) -> None:
    """See to it that none of the files, or in the folders, that are replaced is a photo, be it under another name.

    Raises
    ------
    ExportError
        If one is.
    """
    replaced = {_identity(file): file for path in files if path.exists() for file in (_walk(path) if path.is_dir() else [path])}
    if not replaced:
        return
    for image in _images(workspace.artifact("pairs")):
        file = replaced.get(_identity(image)) if image.exists() else None
        if file is not None:
            raise ExportError(f"{file} is one of the images of the pairs, which are never written to; choose another place.")


def _check(path: Path, workspace: Workspace, folder: bool) -> None:
    real = path.resolve()
    if workspace.path.resolve() in real.parents and workspace.private(PREPARED).resolve() not in real.parents:
        raise ExportError(f"{path} lies inside the workspace; choose a place outside of it.")
    if path.is_dir() and not folder:
        raise ExportError(f"{path} is a folder; name a file in it.")
    if folder and (path.is_file() or path.is_symlink()):
        raise ExportError(f"{path} is a file or a link; this format writes a folder, so name one.")
    for source in _sources(workspace.artifact("pairs")):
        if real == source or (source.is_dir() and source in real.parents) or (folder and real in source.parents):
            raise ExportError(f"{path} lies where the pairs came from, which is never written to; choose another place.")


def _check_replaced(path: Path, options: ExportOptions) -> None:
    if not options.overwrite:
        raise ExportError(f"{path} exists. Choose another place, or replace it with --overwrite.")
    if not path.is_dir():
        return
    content = CONTENT.get(_exported_as(path))
    foreign = path if content is None else next(
        (file for file in _walk(path) if not content.fullmatch(file.relative_to(path).as_posix())), None,
    )
    if foreign is not None:
        raise ExportError(
            f"{path} holds files that no export has written, such as {foreign.name}, and is not replaced; choose another folder."
            if foreign != path else f"{path} is a folder that no export has made, and is not replaced; choose another one."
        )


def _exported_as(folder: Path) -> str | None:
    """The format in which an export made the folder, as what lies beside it says; None if no export did."""
    try:
        file = json.loads(beside(folder).read_text(encoding="utf-8"))["file"]
        return file["format"] if file["name"] == folder.name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _walk(folder: Path) -> Iterator[Path]:
    """All that is no folder, at any depth; links are not followed."""
    for above, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(above, name))]
        yield from (Path(above, name) for name in (*files, *links))


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino


def _images(pairs: Artifact) -> Iterator[Path]:
    """The files that hold the photos of all pairs, some of them several times."""
    last = None
    for batch in pq.ParquetFile(pairs.folder / "pairs.parquet").iter_batches(columns=["image_path"]):
        for path in batch.column(0).drop_null().unique().to_pylist():
            if (image := container(path)) != last:
                yield image
                last = image


def _sources(pairs: Artifact) -> Iterator[Path]:
    """The files and folders that the pairs were read from."""
    named = (pairs.facts["source"], *(pairs.record["options"].get(name) for name in ("validation", "test")))
    return (Path(name).expanduser().resolve() for name in named if name)
