"""Exporting a workspace's plan to one file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from influencespace.errors import ExportError
from influencespace.export.csv import write_csv
from influencespace.export.jsonl import write_jsonl
from influencespace.export.options import ExportOptions
from influencespace.export.parquet import write_parquet
from influencespace.export.rows import PlanTables, subset_rows
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact, Workspace, canonical

WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet,
}


def export_subset(workspace: Workspace, options: ExportOptions, progress: Progress = silent) -> Path:
    """Write the planned subset, or the plan itself; returns the file.

    The file appears whole or not at all. Folders above it are made where they are absent.

    Raises
    ------
    WorkspaceError
        If there is no plan yet.
    ExportError
        If the plan is stale, the file exists and is not to be replaced, lies where the pairs came from or inside the
        workspace, or cannot be written.
    """
    plan = workspace.artifact("plan")
    if workspace.state("plan") != "current":
        raise ExportError(
            f"The plan of {workspace.path} is stale: something before it, or a decision, has changed since it was made. "
            "Make it again with: python -m influencespace plan"
        )
    path = Path(options.file).expanduser().absolute()
    _check(path, workspace, options.overwrite)
    progress(0, 2, "reading the plan")
    if options.format == "plan":
        text = canonical(plan.json("plan")) + "\n"
        with _put_in_place(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    else:
        rows = planned_subset(workspace)
        progress(1, 2, f"writing {len(rows):,} pairs")
        with _put_in_place(path) as temporary:
            WRITERS[options.format](rows, temporary)
    progress(2, 2, f"wrote {path}")
    return path


def planned_subset(workspace: Workspace) -> pd.DataFrame:
    """The rows of the subset that the workspace's plan keeps (:func:`influencespace.export.rows.subset_rows`)."""
    pairs, clusters, plan = (workspace.artifact(name) for name in ("pairs", "clusters", "plan"))
    return subset_rows(PlanTables(
        pairs.table("pairs"), clusters.table("members"), clusters.table("clusters"), clusters.table("topics"),
        plan.table("pairs"), plan.table("clusters"),
    ))


def _check(path: Path, workspace: Workspace, overwrite: bool) -> None:
    real = path.resolve()
    if workspace.path.resolve() in real.parents:
        raise ExportError(f"{path} lies inside the workspace; choose a file outside of it with --output.")
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name a file in it with --output.")
    pairs = workspace.artifact("pairs")
    for source in _sources(pairs):
        if real == source or (source.is_dir() and source in real.parents):
            raise ExportError(f"{path} lies where the pairs came from, which is never written to; choose another file.")
    if not path.exists():
        return
    if not overwrite:
        raise ExportError(f"{path} exists. Choose another file with --output, or replace it with --overwrite.")
    images = pairs.table("pairs")["image_path"].dropna().unique()
    if any(image.exists() and image.samefile(path) for image in map(Path, images)):
        raise ExportError(f"{path} is one of the images of the pairs, which are never written to; choose another file.")


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
