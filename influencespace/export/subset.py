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

from influencespace.errors import ExportError
from influencespace.export.batches import Subset
from influencespace.export.csv import write_csv
from influencespace.export.jsonl import write_jsonl
from influencespace.export.options import FILES, ExportOptions
from influencespace.export.parquet import write_parquet
from influencespace.export.sidecar import beside, describe_plan
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact, Workspace, canonical

WRITERS: dict[str, Callable[[Iterable[pd.DataFrame], pa.Schema, Path], None]] = {
    "jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet,
}
# Files that a page has asked for to hand them to a browser.
PREPARED = "exports"
# The size of a file is estimated from so many rows.
SAMPLE = 1000


def export_subset(workspace: Workspace, options: ExportOptions, progress: Progress = silent) -> Path:
    """Write the planned subset and beside it what the plan was, or the plan itself; returns the file.

    The file appears whole or not at all. Folders above it are made where they are absent.

    Raises
    ------
    WorkspaceError
        If there is no plan yet.
    ExportError
        If the plan is stale, a file exists and is not to be replaced, lies where the pairs came from or inside the
        workspace, or cannot be written.
    """
    plan = workspace.artifact("plan")
    if workspace.state("plan") != "current":
        raise ExportError(
            f"The plan of {workspace.path} is stale: something before it, or a decision, has changed since it was made. "
            "Make it again with: python -m influencespace plan"
        )
    path = Path(options.file).expanduser().absolute()
    files = [path] if options.format == "plan" else [path, beside(path)]
    for file in files:
        _check(file, workspace, options.overwrite)
    total = int(plan.facts["kept"])
    progress(0, total, "reading the plan")
    if options.format == "plan":
        text = canonical(plan.json("plan")) + "\n"
        with _put_in_place(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    else:
        subset = Subset(workspace)
        told = json.dumps(describe_plan(workspace, path.name, options.format), indent=1, ensure_ascii=False)
        with _put_in_place(files[1]) as words, _put_in_place(path) as temporary:
            words.write_text(told + "\n", encoding="utf-8", newline="\n")
            WRITERS[options.format](_reported(subset, progress), subset.schema, temporary)
    progress(total, total, f"wrote {path}")
    return path


def planned_subset(workspace: Workspace) -> pd.DataFrame:
    """The rows of the subset that the workspace's plan keeps (:func:`influencespace.export.rows.subset_rows`)."""
    return pd.concat(Subset(workspace).batches())


def estimated_bytes(workspace: Workspace, form: str, head: pd.DataFrame) -> int:
    """How large a file of a format will be: exactly for the plan, else as the first rows (``head``) are."""
    plan = workspace.artifact("plan")
    if form == "plan":
        return (plan.folder / "plan.json").stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        sizes = []
        for rows in (head.iloc[:0], head):
            WRITERS[form]([rows], Subset(workspace).schema, Path(folder) / "rows")
            sizes.append((Path(folder) / "rows").stat().st_size)
    empty, full = sizes
    return empty + round((full - empty) * plan.facts["kept"] / max(len(head), 1))


def prepared(workspace: Workspace, form: str) -> Path:
    """The file that is handed to a browser: under the plan's digest, so that a file of another plan is never taken for it."""
    return workspace.private(PREPARED) / workspace.artifact("plan").digest / FILES[form]


def _reported(subset: Subset, progress: Progress) -> Iterator[pd.DataFrame]:
    done = 0
    for rows in subset.batches():
        yield rows
        done += len(rows)
        progress(done, subset.pairs, "writing pairs")


def _check(path: Path, workspace: Workspace, overwrite: bool) -> None:
    real = path.resolve()
    if workspace.path.resolve() in real.parents and workspace.private(PREPARED).resolve() not in real.parents:
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
