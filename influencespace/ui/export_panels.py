"""The panels of the export page that say what goes out: which version, in which format, its first rows and its size."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import streamlit as st

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.export.batches import Batch, Subset
from influencespace.export.options import FILES
from influencespace.export.photos import left_behind
from influencespace.export.sidecar import describe_plan
from influencespace.export.subset import check_pairs, estimated_bytes
from influencespace.spreadsheets import harmless_table
from influencespace.ui import planning, reading, selection
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.workspace import Artifact, Workspace

# The size is reckoned from so many rows, and so many of them are shown.
SAMPLE, FIRST = 1000, 50
LABELS = {
    "jsonl": "JSON lines", "csv": "CSV", "parquet": "Parquet", "coco": "COCO captions", "webdataset": "WebDataset",
    "imagefolder": "Image folder", "datacomp": "DataComp", "sampler": "PyTorch sampler", "plan": "The plan alone",
}
WHAT = {
    "jsonl": "One JSON object a pair, with its weight, cluster, disposition and reason. Most training code reads it.",
    "csv": "One row a pair, with its weight, cluster, disposition and reason, for spreadsheets and statistics. A text that a "
           "spreadsheet would take for a formula gets an apostrophe in front.",
    "parquet": "One row a pair, with its weight, cluster, disposition and reason; the smallest, and the quickest to read.",
    "coco": "One JSON file of COCO captions: an annotation a pair, with its weight, and an image a photo.",
    "webdataset": "A folder of tar shards: photo, caption and all that is known of each pair, its weight included, for "
                  "webdataset and OpenCLIP.",
    "imagefolder": "A folder of photos with metadata.jsonl, captions and weights in it, for Hugging Face datasets.",
    "datacomp": "The uids of the pairs, sorted, for DataComp's resharder; their weights in a second file.",
    "sampler": "Rows of the source's table and their weights, for PyTorch's WeightedRandomSampler.",
    "plan": "A small JSON document that rebuilds the subset from the original pairs, without any caption.",
}


def version(workspace: Workspace) -> bool:
    """Which version goes out; where the plan of it is not written down yet, a sentence with one button, and False."""
    head, shown = History(workspace).head(), planning.shown(workspace)
    called = escaped(f"“{head.name}”" if head.name else f"{head.id} ({head.what})")
    if shown.id != head.id:
        with st.container(horizontal=True, vertical_alignment="center"):
            other = escaped(shown.name or shown.id)
            st.info(f"The address shows version {other}; what goes out is the present one, version {called}.")
            st.button("Return to the one shown", on_click=_go_to, args=(workspace, shown.id), key="export_go_to")
    if workspace.state("plan") == "current":
        st.caption(f"Version {called} of the plan, made {head.created[:16].replace('T', ' ')} UTC.")
        return True
    box = st.container(border=True, horizontal_alignment="center", gap="medium")
    if any(name == "plan" for job in jobs.jobs(workspace) if job.unfinished for name, _ in job.commands):
        box.markdown("The plan is being made, and will show here.", text_alignment="center")
        return False
    box.markdown(
        "Something has been decided since the plan was last made. Make it, then the subset can be seen and written.",
        text_alignment="center",
    )
    box.button(
        "Make the plan", type="primary", icon=":material/play_arrow:", key="export_make_plan", on_click=_make_plan,
        args=(workspace,),
    )
    return False


def choose() -> str:
    """The format."""
    form = st.segmented_control(
        "Format", list(FILES), default="jsonl", required=True, format_func=LABELS.get, key="export_format", wrap=True,
        persist_state="session", help="All hold the same pairs with the same weights; docs/formats.md says how to read each.",
    )
    st.caption(WHAT[form])
    return form


def fits(workspace: Workspace, plan: Artifact, form: str) -> bool:
    """Whether the pairs have what the format needs; where not, a sentence says what they lack."""
    with guarded():
        check_pairs(_first(workspace, plan)[1], form)
        return True
    return False


def only_selected(workspace: Workspace, plan: Artifact, form: str) -> tuple[np.ndarray | None, int]:
    """A toggle, where something is selected, to write only that.

    Returns
    -------
    tuple
        The positions of the pairs that alone are wanted among the training pairs, or None for all; and how many go out.
    """
    kept = int(plan.facts["kept"])
    choice = selection.chosen(workspace)
    if form == "plan" or choice.kind == selection.ALL:
        return None, kept
    chosen = selection.resolve(workspace, reading.training(workspace), choice)
    if chosen is None or chosen.index is None:
        return None, kept
    weights = pq.read_table(plan.folder / "pairs.parquet", columns=["weight"])["weight"].to_numpy()
    count = int(np.count_nonzero(weights[chosen.index]))
    wanted = st.toggle(
        f"Only what is selected: {escaped(chosen.sentence)}, {count:,} of them kept", key="export_only", disabled=count == 0,
        help="What is selected on the pages Clusters and Curate, as far as the plan keeps it.",
    )
    return (chosen.index, count) if wanted and count else (None, kept)


def preview(workspace: Workspace, plan: Artifact, form: str, pairs: int) -> None:
    """The first rows of what goes out."""
    if form == "plan":
        st.markdown("**What the plan was**")
        st.json(describe_plan(workspace, FILES[form], form), expanded=1)
        st.caption(
            f"In the file: options and digests, and the ids and weights of the {pairs:,} kept pairs. docs/formats.md says how to "
            "rebuild the subset from it."
        )
        return
    st.markdown("**The first rows**")
    rows = _first(workspace, plan)[1].head(FIRST).rows
    st.dataframe(
        harmless_table(rows), hide_index=True, height=390, key="export_rows", alt="The first rows that go out",
        column_config={
            "caption": st.column_config.TextColumn(width="large"), "weight": st.column_config.NumberColumn(format="%.3g"),
        },
    )
    kept = plan.facts["kept"]
    some = f" Of these only the {pairs:,} selected go out." if pairs < kept else ""
    st.caption(f"The first {min(FIRST, kept):,} of the {kept:,} pairs that the plan keeps, in their order.{some}")
    if left := left_behind(workspace.artifact("pairs"), form):
        st.caption(left)


def size(workspace: Workspace, plan: Artifact, form: str, pairs: int) -> None:
    """How many pairs go out, and how large it will be."""
    counts = plan.facts
    left, middle, right = st.columns([1, 1.3, 1.15], gap="small")
    left.metric(
        "Pairs", f"{pairs:,}", border=True, help=f"Of {counts['pairs']:,} training pairs; {counts['removed']:,} are pruned."
    )
    middle.metric("Up-weighted", f"{counts['up_weighted']:,}", border=True,
                  help="Pairs of clusters that count more than their share. Training divides by the mean of all weights.")
    exact = form == "plan"
    count = (plan.folder / "plan.json").stat().st_size if exact else estimated_bytes(*_first(workspace, plan), form, pairs)
    right.metric(
        "Size", ("" if exact else "≈ ") + byte_words(count), border=True,
        help="Of the file." if exact else f"Reckoned from the first {SAMPLE:,} pairs.",
    )


def byte_words(count: float) -> str:
    """A number of bytes for a person."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


@guarded()
def _go_to(workspace: Workspace, number: int) -> None:
    History(workspace).go_to(number)
    st.query_params.pop(planning.VERSION, None)


@guarded()
def _make_plan(workspace: Workspace) -> None:
    # What is decided while it waits counts too.
    jobs.submit(workspace, [("plan", None)], "Making the plan")


def _first(workspace: Workspace, plan: Artifact) -> tuple[Subset, Batch]:
    return _read_first(str(workspace.path), plan.digest)


# A resource, for it is read-only.
@st.cache_resource(show_spinner=False, max_entries=4)
def _read_first(path: str, digest: str) -> tuple[Subset, Batch]:
    subset = Subset(Workspace(path))
    return subset, subset.head(SAMPLE)
