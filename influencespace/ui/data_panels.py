"""The panels of the data page: counts, groups, problems, samples, where it all came from, and bringing in one's own."""

from __future__ import annotations

import json

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from influencespace import jobs
from influencespace.features.options import EmbedOptions
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.views import GROUP
from influencespace.ui import colours, forms, gallery, reading, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.influence_charts import plain
from influencespace.workspace import MADE_BY, NEEDS, Artifact, Workspace

SPLITS = {"train": "training", "validation": "validation", "test": "test"}
SAMPLES = 18
BASIC = ["source", "images", "groups", "lexicon", "validation"]
FURTHER = [
    "image_column", "caption_column", "id_column", "captions", "filter", "validation_filter", "test", "holdout_column",
    "holdout", "seed",
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


def groups(pairs: Artifact) -> None:
    """A bar for the share of each group among the pairs, by split."""
    table = reading.table(pairs, "pairs")
    attributes = [column for column in table.columns if column.startswith(GROUP)]
    if not attributes:
        st.caption("No group attributes were declared; influence and gaps are computed for all pairs together.")
    for column in attributes:
        st.plotly_chart(
            shares(table, column), key=f"data_{column}", config={"displayModeBar": False},
            alt=f"Share of each group of {column.removeprefix(GROUP)} among training and held-out pairs",
        )
    if pairs.facts.get("lexicon"):
        read = ", ".join(pairs.facts["lexicon"])
        st.caption(f"{read}: read from the words of captions; how people were written about, not who they are.")


def shares(table: pd.DataFrame, column: str) -> go.Figure:
    """Shares of the values of a group attribute among training and among held-out pairs, in percent."""
    training = table["split"] == "train"
    parts = {"training": table.loc[training, column], "validation and test": table.loc[~training, column]}
    order = table[column].astype(str).value_counts().index[::-1]
    figure = go.Figure()
    for (name, values), colour in zip(reversed(parts.items()), colours.CATEGORIES[1::-1], strict=True):
        part = 100 * values.astype(str).value_counts(normalize=True).reindex(order, fill_value=0)
        figure.add_bar(
            y=order, x=part, orientation="h", name=name, marker={"color": colour}, texttemplate="%{x:.1f}",
            textposition="outside", cliponaxis=False, hovertemplate="%{y}: %{x:.1f} % of " + name + "<extra></extra>",
        )
    figure.update_layout(title={"text": column.removeprefix(GROUP), "font": {"size": 15}}, legend_traceorder="reversed")
    figure.update_xaxes(title="% of the pairs", rangemode="tozero")
    figure = plain(figure, height=46 * len(order) + 110, legend=True)
    return figure.update_layout(margin={"t": 62, "r": 36})


def samples(workspace: Workspace, pairs: Artifact) -> None:
    """Some training pairs, drawn evenly from the whole table."""
    table = reading.table(pairs, "pairs")
    training = table[table["split"] == "train"]
    step = max(1, len(training) // SAMPLES)
    gallery.draw(workspace, training.iloc[::step].head(SAMPLES), key="data_samples")


def problems(pairs: Artifact) -> None:
    """What was wrong with single rows, and what was done about it."""
    found = reading.table(pairs, "problems")
    if found.empty:
        st.caption("Nothing was wrong with any row.")
        return
    st.dataframe(
        found, hide_index=True, height="auto" if len(found) <= 8 else 320, alt="Problems found, with their rows",
        column_config={
            "table": "File", "row": st.column_config.NumberColumn("Row", format="%d"), "id": "Name", "problem": "Problem",
            "detail": st.column_config.TextColumn("Detail", width="large"), "action": "What was done",
        },
    )


def provenance(workspace: Workspace) -> None:
    """Which stage made what, when, from what and with which options."""
    states = {"current": "up to date", "stale": "out of date", "missing": "not there yet"}
    rows = []
    for name in NEEDS:
        found = workspace.find(name)
        record = found.record if found else {}
        rows.append({
            "What": name, "Made by": MADE_BY[name], "State": states[workspace.state(name)],
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
    st.caption(f"The workspace lies in {workspace.path}.")


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
    later = [(MADE_BY[name], {}) for name in NEEDS if name not in ("pairs", "features", "verification", "training")]
    return [("import", pairs.recipe()), ("embed", {"encoder": features.encoder}), *later]
