"""The panels of the export page that write: to a path by a job, or through the browser."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.curation.sets import save
from influencespace.errors import ExportError
from influencespace.export.options import FILES, ExportOptions
from influencespace.export.sidecar import beside
from influencespace.export.subset import check_destination, export_subset, prepared
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
    "jsonl": "application/jsonl", "csv": "text/csv", "parquet": "application/vnd.apache.parquet",
    "plan": "application/json",
}


def write_to_path(workspace: Workspace, form: str, chosen: np.ndarray | None) -> None:
    """A form that has a job write the file to a path on this machine."""
    busy = _pending(workspace)
    with st.form("export_path", border=False):
        path = st.text_input(
            "Write it to", str(workspace.path.parent / f"{workspace.name}-{FILES[form]}"), key=f"export_to_{form}",
            help="A path on the machine that runs the app; folders are made where they are absent.",
        )
        overwrite = st.toggle(
            "Replace the file if it exists", key="export_overwrite", help="What the pairs came from is never replaced.",
        )
        asked = st.form_submit_button(
            "Write the file", icon=":material/save:", type="primary", disabled=busy, width="stretch",
        )
    if asked:
        with guarded():
            if not path.strip():
                raise ExportError("There is no file named; say where to write it.")
            roots.check({"output": path.strip()})
            options = ExportOptions(form, path.strip(), _stored(reading.training(workspace), workspace, chosen), overwrite)
            _replace_nothing(options)
            check_destination(workspace, options)
            _submit(workspace, options)
            st.rerun()
    if form != "plan":
        st.caption(
            "Beside it goes a small file, named like it and ending in .plan.json: options, decisions, counts and digests of the "
            "plan, so that the subset can always be told from others."
        )


def download(workspace: Workspace, plan: Artifact, form: str, pairs: int, chosen: np.ndarray | None) -> None:
    """The file through the browser: at once where it is small, else made by a job and sent piece by piece."""
    if pairs <= AT_ONCE or form == "plan":
        training = reading.training(workspace)

        def content(which: int) -> bytes:
            return _content(workspace, form, _stored(training, workspace, chosen))[which]

        with st.container(horizontal=True):
            st.download_button(
                f"Download {FILES[form]}", lambda: content(0), FILES[form], MIME[form],
                icon=":material/download:", on_click="ignore", key=f"export_download_{form}",
            )
            if form != "plan":
                st.download_button(
                    "and what it was made with", lambda: content(1), beside(Path(FILES[form])).name,
                    "application/json", on_click="ignore", key=f"export_sidecar_{form}", type="tertiary",
                    help="Options, decisions, counts and digests of the plan, as JSON.",
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
        st.link_button(
            "and what it was made with", served.file(f"{plan.digest}-{form}-plan", beside(file), beside(Path(FILES[form])).name),
            type="tertiary", help="Options, decisions, counts and digests of the plan, as JSON.",
        )


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
            "Size": byte_words(path.stat().st_size) if there else None,
            "When": time.strftime("%d %b %H:%M", time.localtime(job.finished or job.submitted)),
        })
    return rows


def _pending(workspace: Workspace) -> bool:
    return any(name == "export" for job in jobs.jobs(workspace) if job.unfinished for name, _ in job.commands)


def _replace_nothing(options: ExportOptions) -> None:
    """What the shell says with its flag, the page says with its switch."""
    file = Path(options.output).expanduser()
    there = [path for path in (file, beside(file)) if path.is_file()]
    if there and not options.overwrite:
        raise ExportError(f"{there[0]} exists. Name another file, or switch on “Replace the file if it exists”.")


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


def _content(workspace: Workspace, form: str, only: str) -> tuple[bytes, bytes]:
    """The file and, unless it is the plan, what lies beside it."""
    with tempfile.TemporaryDirectory() as folder:
        file = export_subset(workspace, ExportOptions(form, str(Path(folder) / FILES[form]), only))
        return file.read_bytes(), beside(file).read_bytes() if beside(file).exists() else b""
