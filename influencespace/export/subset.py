"""Exporting a workspace's plan, in any of the formats."""

from __future__ import annotations

import functools
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from influencespace.curation.sets import load
from influencespace.errors import DamagedError, ExportError
from influencespace.export.batches import Batch, Subset
from influencespace.export.coco import write_coco
from influencespace.export.csv import write_csv
from influencespace.export.datacomp import as_uids, write_datacomp
from influencespace.export.destination import PREPARED, check_destination, spare_images
from influencespace.export.imagefolder import write_imagefolder
from influencespace.export.jsonl import write_jsonl
from influencespace.export.options import FILES, FOLDERS, ExportOptions
from influencespace.export.parquet import write_parquet
from influencespace.export.photos import require
from influencespace.export.place import put_in_place
from influencespace.export.sampler import write_sampler
from influencespace.export.sidecar import beside, describe_plan
from influencespace.export.webdataset import write_webdataset
from influencespace.pairs.stretch import open_image
from influencespace.progress import Progress, silent
from influencespace.workspace import Workspace

Writer = Callable[[Iterable[Batch], pa.Schema, Path], None]
# What a subset is read from.
READ = ("pairs", "clusters", "plan")
# How often a writer goes through the pairs, where that is not once.
PASSES = {"coco": 2}
# Of so many photos the size is looked up for an estimate. Members of a tar fill blocks, and have one more as a header.
SAMPLED_PHOTOS, BLOCK = 100, 512


def export_subset(workspace: Workspace, options: ExportOptions, progress: Progress = silent) -> Path:
    """Write the planned subset and beside it what the plan was, or the plan itself; returns the file or folder.

    It appears whole or not at all (:mod:`influencespace.export.place`). Folders above it are made where they are absent.

    Raises
    ------
    WorkspaceError
        If there is no plan yet, or what is read for it is not as it was written.
    ExportError
        If the plan is stale, or keeps none of the pairs that are wanted; if there is something in the place that is not to be
        replaced, or it lies where the pairs came from or inside the workspace, or cannot be written; or if the pairs have not
        what the format needs: photos, or uids.
    """
    plan = workspace.artifact("plan")
    if workspace.state("plan") != "current":
        raise ExportError(
            f"The plan of {workspace.path} is stale: something before it, or a decision, has changed since it was made. "
            "Make it again with: python -m influencespace plan"
        )
    for why in workspace.check(READ).values():
        raise DamagedError(why)
    files = check_destination(workspace, options)
    spare_images(workspace, files)
    path = files[0]
    progress(0, 1, "reading the plan")
    if options.format == "plan":
        with put_in_place(path) as folder:
            shutil.copyfile(plan.folder / "plan.json", folder / path.name)
    else:
        subset = Subset(workspace, _only(workspace, options.only))
        if subset.pairs == 0:
            raise ExportError("The plan keeps none of the selected pairs; select others, or keep some of these first.")
        only = {"set": options.only, "pairs": subset.pairs} if options.only else None
        told = json.dumps(describe_plan(workspace, path.name, options.format, only), indent=1, ensure_ascii=False)
        with put_in_place(path) as folder:
            batches = _Reported(subset, progress, PASSES.get(options.format, 1))
            writers(options.shard_pairs)[options.format](batches, subset.schema, folder / path.name)
            beside(folder / path.name).write_text(told + "\n", encoding="utf-8", newline="\n")
    progress(1, 1, f"wrote {path}")
    return path


def check_pairs(head: Batch, form: str) -> None:
    """See to it that the first pairs have what a format needs, before more of them are read.

    Raises
    ------
    ExportError
        If one has no photo, or an id that is no uid.
    """
    if form == "datacomp":
        as_uids(head.rows["id"])
    if form in FOLDERS:
        for image_path, pair in zip(head.sources["image_path"], head.rows["id"], strict=True):
            require(image_path, pair)


def writers(shard_pairs: int = ExportOptions.shard_pairs) -> dict[str, Writer]:
    """What writes each format but the plan: to a path in a folder of its own, all that lies beside it too."""
    return {
        "jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet, "coco": write_coco,
        "webdataset": functools.partial(write_webdataset, shard_pairs=shard_pairs), "imagefolder": write_imagefolder,
        "datacomp": write_datacomp, "sampler": write_sampler,
    }


def planned_subset(workspace: Workspace) -> pd.DataFrame:
    """The rows of the subset that the workspace's plan keeps (:func:`influencespace.export.rows.subset_rows`)."""
    return pd.concat([batch.rows for batch in Subset(workspace).batches()])


def estimated_bytes(subset: Subset, head: Batch, form: str, pairs: int) -> int:
    """How large an export of so many pairs will be, going by the first of them (``head``).

    Photos are not written for it; what they take is the mean of a few.

    Raises
    ------
    ExportError
        If the pairs have not what the format needs (:func:`check_pairs`).
    """
    words = "jsonl" if form in FOLDERS else form
    with tempfile.TemporaryDirectory() as folder:
        file, sizes = Path(folder) / "rows", []
        for batch in (head.head(0), head):
            writers()[words]([batch], subset.schema, file)
            sizes.append(sum(part.stat().st_size for part in Path(folder).iterdir()))
    one = (sizes[1] - sizes[0]) / max(len(head), 1)
    if form == "imagefolder":
        photos = head.head(SAMPLED_PHOTOS).sources.drop_duplicates("photo")["image_path"]
        one += sum(map(_photo_bytes, photos)) / max(min(len(head), SAMPLED_PHOTOS), 1)
    if form == "webdataset":
        blocks = [_blocks(_photo_bytes(path)) for path in head.head(SAMPLED_PHOTOS).sources["image_path"]]
        one = BLOCK * (3 + sum(blocks) / max(len(blocks), 1) + 1 + _blocks(one))  # a caption fills one block as a rule
    return sizes[0] + round(one * pairs)


def _photo_bytes(image_path: object) -> int:
    try:
        with open_image(image_path) as file:
            return file.seek(0, os.SEEK_END)
    except (OSError, ValueError):  # the export will say so
        return 0


def _blocks(count: float) -> int:
    return math.ceil(count / BLOCK)


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


class _Reported:
    """The batches of a subset, which tell of their progress, however often they are gone through."""

    def __init__(self, subset: Subset, progress: Progress, passes: int) -> None:
        self._subset, self._progress, self._passes, self._done = subset, progress, passes, 0

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._subset.batches():
            yield batch
            self._done += len(batch)
            self._progress(self._done, self._subset.pairs * self._passes, "writing pairs")
