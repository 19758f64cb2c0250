"""The panels of the export page: what goes out, in which format, and where to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from influencespace.export.options import FILES, ExportOptions
from influencespace.export.subset import export_subset, planned_subset
from influencespace.options import describe
from influencespace.ui.guard import guarded
from influencespace.workspace import Artifact, Workspace

# A download is built in memory; what is larger is better written to a file.
DOWNLOAD_PAIRS = 100_000
MIME = {
    "jsonl": "application/jsonl", "csv": "text/csv", "parquet": "application/vnd.apache.parquet",
    "plan": "application/json",
}
LABELS = {"jsonl": "JSON lines", "csv": "CSV", "parquet": "Parquet", "plan": "The plan alone"}


def choose() -> str:
    """The format."""
    text = next(field["help"] for field in describe(ExportOptions) if field["name"] == "format")
    return st.segmented_control(
        "Format", list(FILES), default="jsonl", required=True, format_func=LABELS.get, key="export_format", help=text,
    )


def preview(workspace: Workspace, plan: Artifact, form: str) -> None:
    """The first rows of what goes out."""
    if form == "plan":
        st.caption("A small JSON document that rebuilds the subset from the original pairs.")
        st.json(plan.json("plan"), expanded=1)
        return
    rows = _rows(str(workspace.path), plan.digest)
    st.caption(f"{len(rows):,} pairs go out; these are the first.")
    st.dataframe(rows.head(50), hide_index=True, height=360, alt="The first rows of the subset")


def download(workspace: Workspace, plan: Artifact, form: str) -> None:
    """A button that saves the file through the browser, as long as it is small."""
    if len(_rows(str(workspace.path), plan.digest)) > DOWNLOAD_PAIRS:
        st.caption(f"More than {DOWNLOAD_PAIRS:,} pairs: write them to a file instead.")
        return
    st.download_button(
        f"Download {FILES[form]}", _content(str(workspace.path), plan.digest, form), FILES[form], MIME[form],
        icon=":material/download:", type="primary", on_click="ignore",
    )


def write_to_path(workspace: Workspace, form: str) -> None:
    """A form that writes the file to a path on this machine."""
    with st.form("export_path", border=False):
        path = st.text_input(
            "Write it to", str(workspace.path.parent / f"{workspace.name}-{FILES[form]}"), key=f"export_to_{form}",
            help="A path on the machine that runs the app; folders are made where they are absent.",
        )
        overwrite = st.toggle("Replace the file if it exists", key="export_overwrite")
        if st.form_submit_button("Write the file", icon=":material/save:"):
            with guarded():
                written = export_subset(workspace, ExportOptions(format=form, output=path.strip(), overwrite=overwrite))
                st.success(f"Written: {written}", icon=":material/check_circle:")


@st.cache_data(show_spinner=False, max_entries=2)
def _rows(path: str, digest: str):
    return planned_subset(Workspace(path))


@st.cache_data(show_spinner=False, max_entries=4)
def _content(path: str, digest: str, form: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        options = ExportOptions(format=form, output=str(Path(folder) / FILES[form]))
        return export_subset(Workspace(path), options).read_bytes()
