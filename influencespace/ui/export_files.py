"""The panels of the export page that write: to a path by a job, or through the browser."""

from __future__ import annotations

import functools
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.curation.sets import save
from influencespace.errors import ExportError
from influencespace.export.datacomp import WEIGHTS
from influencespace.export.destination import check_destination, parts, stands
from influencespace.export.options import FILES, FOLDERS, ExportOptions
from influencespace.export.sidecar import SUFFIX
from influencespace.export.subset import export_subset, prepared
from influencespace.jobs import roots
from influencespace.ui import reading, served
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.export_panels import byte_words
from influencespace.ui.guard import guarded
from influencespace.workspace import Artifact, Workspace

# So many pairs are written in a moment; more are a job, and the file then comes piece by piece.
AT_ONCE = 20_000
LATEST = 5
MIME = {
    "jsonl": "application/jsonl", "csv": "text/csv", "parquet": "application/vnd.apache.parquet", "coco": "application/json",
    "datacomp": "application/octet-stream", "sampler": "application/zip", "plan": "application/json",
}
# What lies beside a file, by how its name ends.
BESIDE = {
    SUFFIX: ("and what it was made with", "application/json", "Options, decisions, counts and digests of the plan, as JSON."),
    WEIGHTS: ("and the weights", "application/octet-stream", "One number for each uid, in the same order."),
}


def write_to_path(workspace: Workspace, form: str, chosen: np.ndarray | None) -> None:
    """A form that has a job write to a path on this machine."""
    busy, folder = _pending(workspace), form in FOLDERS
    kind = "folder" if folder else "file"
    with st.form("export_path", border=False):
        path = st.text_input(
            "Write it to", str(workspace.path.parent / f"{workspace.name}-{FILES[form]}"), key=f"export_to_{form}",
            help=f"The path of a {kind} on the machine that runs the app; folders are made where they are absent.",
        )
        shard_pairs = st.number_input(
            "Pairs in a shard, at most", 1, value=ExportOptions.shard_pairs, step=1000, key="export_shard_pairs",
            help="A shard also ends with 3 GB.",
        ) if form == "webdataset" else ExportOptions.shard_pairs
        overwrite = st.toggle(
            f"Replace the {kind} if it exists", key="export_overwrite",
            help="What the pairs came from is never replaced" + (", nor a folder that no export has made." if folder else "."),
        )
        asked = st.form_submit_button(
            f"Write the {kind}", icon=":material/save:", type="primary", disabled=busy, width="stretch",
        )
    if asked:
        with guarded():
            if not path.strip():
                raise ExportError(f"There is no {kind} named; say where to write it.")
            roots.check({"output": path.strip()})
            only = _stored(reading.training(workspace), workspace, chosen)
            options = ExportOptions(form, path.strip(), only, overwrite, shard_pairs)
            _replace_nothing(check_destination(workspace, replace(options, overwrite=True)), options)
            _submit(workspace, options)
            st.rerun()
    if form != "plan":
        st.caption(
            "Beside it goes a small file, named like it and ending in .plan.json: options, decisions, counts and digests of the "
            "plan, so that the subset can always be told from others."
            + (" The weights go into another, ending in .weights.npy." if form == "datacomp" else "")
        )


def download(workspace: Workspace, plan: Artifact, form: str, pairs: int, chosen: np.ndarray | None) -> None:
    """The file through the browser: at once where it is small, else made by a job and sent piece by piece."""
    if form in FOLDERS:
        st.caption("The folder is written on the machine that runs the app; photos do not go through the browser.")
        return
    st.markdown("**Or take it through the browser**")
    if pairs <= AT_ONCE or form == "plan":
        training = reading.training(workspace)

        def content(which: int) -> bytes:
            return _content(workspace, form, _stored(training, workspace, chosen))[which]

        with st.container(horizontal=True):
            st.download_button(
                f"Download {FILES[form]}", lambda: content(0), FILES[form], MIME[form],
                icon=":material/download:", on_click="ignore", key=f"export_download_{form}",
            )
            for which, part in enumerate(parts(Path(FILES[form]), form)[1:], 1):
                label, kind, told = _told(part)
                st.download_button(
                    label, functools.partial(content, which), part.name, kind, on_click="ignore", key=f"export_{part.name}",
                    type="tertiary", help=told,
                )
        return
    if chosen is not None:
        st.caption(f"More than {AT_ONCE:,} selected pairs: write them to a file instead.")
        return
    file = prepared(workspace, form)
    if not file.exists():
        st.button(
            "Prepare the download", icon=":material/download:", on_click=_prepare, args=(workspace, form),
            disabled=_pending(workspace), help="The file is made first; its link then stands here.",
        )
        return
    with st.container(horizontal=True):
        words = f"Download {FILES[form]} ({byte_words(file.stat().st_size)})"
        st.link_button(words, served.file(f"{plan.digest}-{form}", file, FILES[form]), icon=":material/download:")
        for which, part in enumerate(parts(file, form)[1:], 1):
            label, _, told = _told(part)
            st.link_button(label, served.file(f"{plan.digest}-{form}-{which}", part, part.name), type="tertiary", help=told)


def written(workspace: Workspace) -> None:
    """What jobs have written of late, and where to."""
    rows = [row for job in jobs.jobs(workspace) for row in _rows_of(workspace, job)][:LATEST]
    if not rows:
        return
    st.markdown("**Written of late**")
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="The files that were written last", key="export_written", placeholder="–",
        column_config={"File": st.column_config.TextColumn(width="large")},
    )


def _rows_of(workspace: Workspace, job: jobs.Job) -> list[dict]:
    rows = []
    for name, values in job.commands:
        path = Path(values.get("output", "")) if name == "export" else None
        if path is None or workspace.path in path.parents:
            continue
        state = {"done": "written", "running": "being written", "queued": "waits"}.get(job.status, job.status)
        there = job.status == "done" and path.exists()
        rows.append({
            "File": str(path), "State": state if job.status != "done" or there else "moved or deleted",
            "Size": byte_words(path.stat().st_size) if there and path.is_file() else None,
            "When": time.strftime("%d %b %H:%M", time.localtime(job.finished or job.submitted)),
        })
    return rows


def _pending(workspace: Workspace) -> bool:
    return any(name == "export" for job in jobs.jobs(workspace) if job.unfinished for name, _ in job.commands)


def _replace_nothing(files: list[Path], options: ExportOptions) -> None:
    """What the shell says with its flag, the page says with its switch."""
    there = [path for path in files if stands(path)]
    if there and not options.overwrite:
        kind = "folder" if options.format in FOLDERS else "file"
        raise ExportError(f"{there[0]} exists. Name another {kind}, or switch on “Replace the {kind} if it exists”.")


def _told(part: Path) -> tuple[str, str, str]:
    return next(told for ending, told in BESIDE.items() if part.name.endswith(ending))


def _stored(pairs: TrainingPairs, workspace: Workspace, chosen: np.ndarray | None) -> str:
    """The digest of the chosen pairs as a stored set."""
    return "" if chosen is None else save(workspace, pairs.text("id").take(np.sort(chosen)).combine_chunks())


@guarded()
def _prepare(workspace: Workspace, form: str) -> None:
    file = prepared(workspace, form)
    for other in file.parent.parent.glob("*"):
        if other != file.parent:
            shutil.rmtree(other, ignore_errors=True)
    _submit(workspace, ExportOptions(form, str(file), overwrite=True))


def _submit(workspace: Workspace, options: ExportOptions) -> None:
    jobs.submit(workspace, [("export", options.recipe())], f"Writing {Path(options.output).name}")


def _content(workspace: Workspace, form: str, only: str) -> list[bytes]:
    """The file and what lies beside it."""
    with tempfile.TemporaryDirectory() as folder:
        file = export_subset(workspace, ExportOptions(form, str(Path(folder) / FILES[form]), only))
        return [part.read_bytes() for part in parts(file, form)]
