"""The panels of the data page: counts, groups, problems, samples, where it all came from, and bringing in one's own."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow.parquet as pq
import streamlit as st

from influencespace import jobs
from influencespace.features.options import EmbedOptions
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.views import GROUP
from influencespace.spreadsheets import harmless_table
from influencespace.ui import colours, forms, gallery, reading, wording, workspaces
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.guard import guarded
from influencespace.ui.influence_charts import plain
from influencespace.ui.markdown import escaped
from influencespace.workspace import MADE_BY, NEEDS, Artifact, Workspace

SPLITS = {"train": "training", "validation": "validation", "test": "test"}
SAMPLES, ACROSS, PROBLEMS = 18, 6, 50
BASIC = ["source", "images", "groups", "lexicon", "validation"]
FURTHER = [
    "image_column", "caption_column", "id_column", "image_embedding", "text_embedding", "captions", "filter",
    "validation_filter", "test", "holdout_column", "holdout", "seed",
]


def counts(pairs: Artifact) -> None:
    """How many pairs and photos there are for each use, and how many were left out."""
    facts = pairs.facts
    with st.grid(4, min_column_width=150):
        for split, word in SPLITS.items():
            photos = facts["photos"].get(split, 0)
            st.metric(
                f"Pairs for {word}", f"{facts['counts'].get(split, 0):,}", f"{photos:,} photos", delta_color="off",
                delta_arrow="off", border=True,
            )
        problems = reading.table(pairs, "problems")
        out = int((problems["action"] == "left out").sum())
        st.metric(
            "Rows left out", f"{out:,}", f"problems found: {len(problems):,}", delta_color="off", delta_arrow="off",
            border=True,
        )


@guarded()
def groups(pairs: Artifact) -> None:
    """A bar for the share of each group among the pairs, by split."""
    attributes = [name for name in pq.read_schema(pairs.folder / "pairs.parquet").names if name.startswith(GROUP)]
    if not attributes:
        st.caption(
            "No groups were declared, so influence and gaps are computed for all pairs together. To compare groups, bring the "
            "pairs in again and name the columns that hold them."
        )
    for column in attributes:
        name = column.removeprefix(GROUP)
        st.plotly_chart(
            shares(counted(str(pairs.folder), pairs.digest, column), name), key=f"data_{column}",
            config={"displayModeBar": False}, alt=f"Share of each group of {name} among training and held-out pairs",
        )
    if pairs.facts.get("lexicon"):
        read = ", ".join(pairs.facts["lexicon"])
        st.caption(f"{escaped(read)}: read from the words of captions; how people were written about, not who they are.")


@st.cache_data(show_spinner=False, max_entries=64)
def counted(folder: str, digest: str, column: str) -> pd.DataFrame:
    """How many training and how many held-out pairs have each value of a column; the values are the index."""
    read = {"columns": ["split", column], "read_dictionary": ["split", column], "memory_map": True}
    table = pq.read_table(f"{folder}/pairs.parquet", **read).group_by(["split", column]).aggregate([([], "count_all")])
    rows = table.to_pandas().astype({"split": str}).assign(part=lambda rows: rows["split"].eq("train"))
    rows["value"] = rows[column].astype(object).fillna("unknown").astype(str)
    found = rows.pivot_table(index="value", columns="part", values="count_all", aggfunc="sum", fill_value=0)
    return found.reindex(columns=[True, False], fill_value=0).set_axis(["training", "validation and test"], axis=1)


def shares(counts: pd.DataFrame, name: str) -> go.Figure:
    """Shares of the values of a group attribute among training and among held-out pairs, in percent."""
    counts = counts.rename(index=wording.group)
    order = counts.sum(axis=1).sort_values(kind="stable").index
    figure = go.Figure()
    for (part, values), colour in zip(reversed(list(counts.items())), colours.CATEGORIES[1::-1], strict=True):
        percent = 100 * values.reindex(order) / max(values.sum(), 1)
        figure.add_bar(
            y=order, x=percent, orientation="h", name=part, marker={"color": colour}, texttemplate="%{x:.1f}",
            textposition="outside", cliponaxis=False, hovertemplate="%{y}: %{x:.1f} % of " + part + "<extra></extra>",
        )
    figure.update_layout(title={"text": f"Shares of {name}", "font": {"size": 15}}, legend_traceorder="reversed")
    figure.update_xaxes(title="% of the pairs", rangemode="tozero")
    figure = plain(figure, height=46 * len(order) + 110, legend=True)
    return figure.update_layout(margin={"t": 62, "r": 36})


def samples(pairs: TrainingPairs) -> None:
    """Some training pairs, drawn evenly from the whole table."""
    if len(pairs):
        index = np.linspace(0, len(pairs) - 1, min(SAMPLES, len(pairs))).round().astype(int)
        gallery.draw(pairs, pairs.rows(index), key="data_samples", label="Some of the training pairs", columns=ACROSS)


@guarded()
def problems(pairs: Artifact) -> None:
    """What was wrong with single rows, and what was done about it, by kind and page by page."""
    found = reading.table(pairs, "problems")
    if found.empty:
        st.caption("Nothing was wrong with any row.")
        return
    kinds = found["problem"].value_counts()
    kind = st.selectbox(
        "Kind of problem", [None, *kinds.index], key="problems_kind", width=360, label_visibility="collapsed",
        format_func=lambda kind: f"All kinds ({len(found):,})" if kind is None else f"{kind} ({kinds[kind]:,})",
    )
    rows = found if kind is None else found[found["problem"] == kind]
    slot, pages = st.container(), -(-len(rows) // PROBLEMS)
    page = st.pagination(pages, key=f"problems_page_{kind}_{pages}", max_visible_pages=7) if pages > 1 else 1
    rows = rows.iloc[(page - 1) * PROBLEMS : page * PROBLEMS]
    slot.dataframe(
        harmless_table(rows), hide_index=True, height="auto" if len(rows) <= 8 else 320, alt="Problems found, with their rows",
        column_config={
            "table": "File", "row": st.column_config.NumberColumn("Row", format="%d"), "id": "Name", "problem": "Problem",
            "detail": st.column_config.TextColumn("Detail", width="large"), "action": "What was done",
        },
    )


def provenance(workspace: Workspace) -> None:
    """Which stage made what, when, from what and with which options."""
    states = {"current": "up to date", "stale": "out of date", "missing": "not there yet", "damaged": "damaged"}
    rows = []
    for name in NEEDS:
        state, record = states[workspace.state(name)], workspace.recorded(name) or {}
        rows.append({
            "What": name, "Made by": MADE_BY[name], "State": state,
            "When": record.get("created", ""), "Seconds": record.get("seconds"), "Digest": record.get("digest", "")[:12],
            "Options": json.dumps(record["options"], ensure_ascii=False) if record else "",
        })
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Where everything in the workspace came from",
        column_config={
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            "Options": st.column_config.TextColumn(width="large"),
        },
    )
    st.caption(f"The workspace lies in {escaped(workspace.path)}.")


def bring_in() -> None:
    """A form for one's own pairs; it starts a job that takes them up to a plan."""
    with st.form("bring_in", border=False):
        left, right = st.columns(2, gap="large")
        with left:
            name = st.text_input("Workspace", "my-pairs", key="bring_in_name", help="A folder of this name is made.")
            values = forms.fields(ImportOptions, BASIC[:2], key="bring_in", values={"source": ""})
            values |= forms.fields(EmbedOptions, ["encoder"], key="bring_in")
        with right:
            values |= forms.fields(ImportOptions, BASIC[2:], key="bring_in")
        with st.expander("More options"), st.grid(2):
            values |= forms.fields(ImportOptions, FURTHER, key="bring_in")
        if st.form_submit_button("Bring them in", type="primary", icon=":material/upload_file:"):
            _start(name, values)


def _start(name: str, values: dict) -> None:
    with guarded():
        embed = {"encoder": values.pop("encoder")}
        commands = import_commands(ImportOptions(**values), EmbedOptions(**embed))
        workspace = workspaces.make(name.strip())
        jobs.submit(workspace, commands, f"Bringing in {values['source']}")
        workspaces.go_to(workspace)
        st.rerun()


def import_commands(pairs: ImportOptions, features: EmbedOptions) -> list[tuple[str, dict]]:
    """All stages from import to plan, and what it is predicted to do."""
    later = [(MADE_BY[name], {}) for name in (*NEEDS["plan"], "plan", "effects") if name not in ("pairs", "features")]
    return [("import", pairs.recipe()), ("embed", {"encoder": features.encoder}), *later]
