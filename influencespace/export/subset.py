"""Exporting a workspace's plan to one file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from influencespace.curation.sets import load
from influencespace.errors import ExportError
from influencespace.export.batches import Subset
from influencespace.export.csv import write_csv
from influencespace.export.jsonl import write_jsonl
from influencespace.export.options import FILES, ExportOptions
from influencespace.export.parquet import write_parquet
from influencespace.export.sidecar import beside, describe_plan
from influencespace.pairs.stretch import container
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact, Workspace, canonical

WRITERS: dict[str, Callable[[Iterable[pd.DataFrame], pa.Schema, Path], None]] = {
    "jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet,
}
# Files that a page has asked for to hand them to a browser.
PREPARED = "exports"


def export_subset(workspace: Workspace, options: ExportOptions, progress: Progress = silent) -> Path:
    """Write the planned subset and beside it what the plan was, or the plan itself; returns the file.

    The file appears whole or not at all. Folders above it are made where they are absent.

    Raises
    ------
    WorkspaceError
        If there is no plan yet.
    ExportError
        If the plan is stale, a file exists and is not to be replaced, lies where the pairs came from or inside the
        workspace, or cannot be written, or none of the pairs that alone are wanted is kept.
    """
    plan = workspace.artifact("plan")
    if workspace.state("plan") != "current":
        raise ExportError(
            f"The plan of {workspace.path} is stale: something before it, or a decision, has changed since it was made. "
            "Make it again with: python -m influencespace plan"
        )
    files = check_destination(workspace, options)
    _spare_images(workspace, files)
    path = files[0]
    progress(0, 1, "reading the plan")
    if options.format == "plan":
        text = canonical(plan.json("plan")) + "\n"
        with _put_in_place(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    else:
        subset = Subset(workspace, _only(workspace, options.only))
        if subset.pairs == 0:
            raise ExportError("The plan keeps none of the selected pairs; select others, or keep some of these first.")
        only = {"set": options.only, "pairs": subset.pairs} if options.only else None
        told = json.dumps(describe_plan(workspace, path.name, options.format, only), indent=1, ensure_ascii=False)
        with _put_in_place(files[1]) as words, _put_in_place(path) as temporary:
            words.write_text(told + "\n", encoding="utf-8", newline="\n")
            WRITERS[options.format](_reported(subset, progress), subset.schema, temporary)
    progress(1, 1, f"wrote {path}")
    return path


def planned_subset(workspace: Workspace) -> pd.DataFrame:
    """The rows of the subset that the workspace's plan keeps (:func:`influencespace.export.rows.subset_rows`)."""
    return pd.concat(Subset(workspace).batches())


def estimated_bytes(subset: Subset, head: pd.DataFrame, form: str, pairs: int) -> int:
    """How large a file with so many pairs will be, going by the first rows of the subset (``head``)."""
    with tempfile.TemporaryDirectory() as folder:
        file, sizes = Path(folder) / "rows", []
        for rows in (head.iloc[:0], head):
            WRITERS[form]([rows], subset.schema, file)
            sizes.append(file.stat().st_size)
    return sizes[0] + round((sizes[1] - sizes[0]) * pairs / max(len(head), 1))


def prepared(workspace: Workspace, form: str) -> Path:
    """The file that is handed to a browser: under the plan's digest, so that a file of another plan is never taken for it."""
    return workspace.private(PREPARED) / workspace.artifact("plan").digest / FILES[form]


def _only(workspace: Workspace, digest: str) -> pa.Array | None:
    if not digest:
        return None
    found = load(workspace, digest)
    if found is None:
        raise ExportError(f"There is no stored set of pairs {digest!r}; select the pairs again.")
    return found.ids


def _reported(subset: Subset, progress: Progress) -> Iterator[pd.DataFrame]:
    done = 0
    for rows in subset.batches():
        yield rows
        done += len(rows)
        progress(done, subset.pairs, "writing pairs")


def check_destination(workspace: Workspace, options: ExportOptions) -> list[Path]:
    """The files that an export will write, once it is clear that it may; a second one lies beside a subset.

    Raises
    ------
    ExportError
        If one exists and is not to be replaced, lies where the pairs came from or inside the workspace, or its folder cannot be
        written.
    """
    if options.format == "plan" and options.only:
        raise ExportError("A plan is of all pairs; choose another format to write only some of them.")
    path = Path(options.file).expanduser().absolute()
    files = [path] if options.format == "plan" else [path, beside(path)]
    for file in files:
        _check(file, workspace, options.overwrite)
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ExportError(f"{path} cannot be written: {above} is no folder that may be written to. Choose another file.")
    return files


def _check(path: Path, workspace: Workspace, overwrite: bool) -> None:
    real = path.resolve()
    if workspace.path.resolve() in real.parents and workspace.private(PREPARED).resolve() not in real.parents:
        raise ExportError(f"{path} lies inside the workspace; choose a file outside of it.")
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name a file in it.")
    for source in _sources(workspace.artifact("pairs")):
        if real == source or (source.is_dir() and source in real.parents):
            raise ExportError(f"{path} lies where the pairs came from, which is never written to; choose another file.")
    if path.exists() and not overwrite:
        raise ExportError(f"{path} exists. Choose another file, or replace it with --overwrite.")


def _spare_images(workspace: Workspace, files: list[Path]) -> None:
    """See to it that none of the files is one of the photos, be it under another name."""
    there = [file for file in files if file.exists()]
    if not there:
        return
    paths = workspace.artifact("pairs").table("pairs")["image_path"].dropna().unique()
    images = dict.fromkeys(map(container, paths))
    known = {(found.st_dev, found.st_ino) for found in (image.stat() for image in images if image.exists())}
    for file in there:
        if (file.stat().st_dev, file.stat().st_ino) in known:
            raise ExportError(f"{file} is one of the images of the pairs, which are never written to; choose another file.")


def _sources(pairs: Artifact) -> Iterator[Path]:
    """The files and folders that the pairs were read from."""
    named = (pairs.facts["source"], *(pairs.record["options"].get(name) for name in ("validation", "test")))
    return (Path(name).expanduser().resolve() for name in named if name)


@contextlib.contextmanager
def _put_in_place(path: Path) -> Iterator[Path]:
    """A file to write to, which takes the place of ``path`` when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}.") from error
