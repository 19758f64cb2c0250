"""The panels of the page Ablations: which settings to vary, and what came out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import streamlit as st

from influencespace import jobs
from influencespace.errors import OptionError
from influencespace.evaluation.ablation_figures import GAP, csv
from influencespace.evaluation.ablation_options import KNOBS, AblationOptions, grid_of, own_values
from influencespace.evaluation.figures import DECIDES, RECALLS
from influencespace.options import describe
from influencespace.ui import ablation_charts, forms, reading
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.ui.results_panels import text
from influencespace.ui.wording import group
from influencespace.workspace import Artifact, Workspace

TITLE = "Varying the settings"
COMMAND = "ablate"
MEANING = {
    "topics": "Topics", "rank": "Rank of the curvature", "cap": "Up-weight cap", "fairness": "Fairness weight",
    "damping": "Damping of the curvature", "folds": "Cross-fitting folds",
}
LEVELS, DIFFERENCES = "Where it stands", "Difference from own"


def launch(workspace: Workspace) -> None:
    """Which settings to vary over which values, and the button that starts it."""
    given, described = _before(workspace), {field["name"]: field for field in describe(AblationOptions)}
    chosen = st.pills(
        "Settings", list(KNOBS), selection_mode="multi", default=list(given["knobs"]), key="ablate_knobs", wrap=True,
        format_func=MEANING.get, help="One is varied at a time; everything else stays as this workspace has it.",
    )
    with st.expander("Values"):
        texts = {
            knob: st.text_input(
                MEANING[knob], ", ".join(f"{value:g}" for value in given[knob]), key=f"ablate_{knob}",
                help=described[knob]["help"],
            ) for knob in KNOBS if knob in chosen
        }
    numbers = forms.fields(AblationOptions, ["seeds"], key="ablate", values=given)
    with st.expander("More options"):
        numbers |= forms.fields(AblationOptions, ["seed", "device"], key="ablate", values=given)
    values = {knob: _values(knob, typed) for knob, typed in texts.items()}
    _start(workspace, AblationOptions(knobs=tuple(knob for knob in KNOBS if knob in chosen), **values, **numbers))


def _values(knob: str, typed: str) -> tuple[Any, ...]:
    """The values that were typed, such as ``1, 2.5``."""
    kind = type(getattr(AblationOptions(), knob)[0])
    try:
        return tuple(kind(part) for part in typed.replace(",", " ").split())
    except ValueError:
        whole = "whole numbers" if kind is int else "numbers"
        raise OptionError(f"{MEANING[knob]}: {typed!r} is not a list of {whole}, such as 1, 2, 4.") from None


def _start(workspace: Workspace, options: AblationOptions) -> None:
    commands = [(COMMAND, dataclasses.asdict(options))]
    grid, missing = grid_of(options, own_values(workspace), workspace.artifact("pairs").facts["groups"])
    current = workspace.is_current("ablations", options)
    busy = any(job.unfinished and job.does(commands) for job in jobs.jobs(workspace))
    if current:
        words = "Just this was measured and stands beside. Change something to vary further."
    elif busy:
        words = "Just this is being computed or waits for it."
    else:
        words = (
            f"{options.runs(grid)} runs: heads trained on each plan with each seed. What takes longest is to find the plans, of "
            "other folds above all. What is finished before it is cancelled is kept and not done again."
        )
    st.caption(words)
    for knob, why in missing.items():
        st.caption(f"{MEANING[knob]} is left out: {escaped(why)}.")
    st.button(
        "Add to the queue" if jobs.active(workspace) is not None else "Start", type="primary", icon=":material/play_arrow:",
        width="stretch", key="ablate_start", disabled=current or busy, on_click=_submit, args=(workspace, commands),
        help="It runs in the background: you may go on, close this page, or come back later.",
    )


@guarded()
def _submit(workspace: Workspace, commands: list[tuple[str, dict[str, Any]]]) -> None:
    jobs.submit(workspace, commands, TITLE)


def shown(workspace: Workspace) -> None:
    """What came out of varying the settings; without any, what it is good for."""
    made = workspace.find("ablations")
    coming = any(command == COMMAND for job in jobs.jobs(workspace) if job.unfinished for command, _ in job.commands)
    if made is None:
        _nothing(coming)
        return
    figures = reading.table(made, "figures")
    _head(workspace, made, figures)
    if workspace.state("ablations") != "current":
        st.warning(
            "Something has changed since: these figures are of an earlier plan, or of what it was made from. They stay as they "
            "are until the settings are varied again.", icon=":material/history:",
        )
    metric, attribute, differences = _choices(figures)
    for knob in made.facts["grid"]:
        own = figures[figures["knob"] == knob]
        _knob(workspace, knob, own[own["metric"] == metric], own[(own["metric"] == GAP) & (own["attribute"] == attribute)],
              differences)
    for knob, why in made.facts["missing"].items():
        st.caption(f"{MEANING[knob]} was left out: {escaped(why)}.")
    with st.expander("All of it as a table"):
        st.dataframe(
            table(figures, metric, attribute), hide_index=True, placeholder="–", key="ablations_table",
            alt="Every value of every setting with its figures", column_config={
                "Setting": st.column_config.TextColumn(pinned=True),
                "Choosing": st.column_config.NumberColumn(
                    format="%.1f s", help="What finding the pairs took: proxies, scores and plan; mean of the seeds."
                ),
            },
        )


def _head(workspace: Workspace, made: Artifact, figures: pd.DataFrame) -> None:
    facts = made.facts
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("What the settings change", anchor=False, width="content")
        st.caption(
            f"On {facts['photos']:,} test photos with {facts['captions']:,} captions; {facts['seeds']} seeds; "
            f"{facts['runs']} runs, {made.record['created'][:10]}.", width="stretch",
        )
        _download(workspace, "", figures, "CSV")


def _download(workspace: Workspace, knob: str, figures: pd.DataFrame, label: str) -> None:
    name = "-".join(filter(None, (workspace.name, "ablations", knob)))
    st.download_button(
        label, lambda: csv(figures).encode(), f"{name}.csv", "text/csv", icon=":material/table:", on_click="ignore",
        key=f"ablations_csv_{knob}", help="Every figure with its interval and its difference from own, one a row.",
    )


def _choices(figures: pd.DataFrame) -> tuple[str, str, bool]:
    """The metric, the attribute whose gap is shown ("" where there is none), and whether differences are."""
    attributes = list(figures.loc[figures["metric"] == GAP, "attribute"].unique())
    with st.container(horizontal=True, gap="large"):
        metric = st.segmented_control(
            "Recall", list(RECALLS), default=DECIDES, required=True, key="ablations_metric", persist_state="session",
            help="How often the right answer is among the first 1, 5 or 10; mean of both directions.",
        )
        attribute = st.segmented_control(
            "Gap between", attributes, default=attributes[0], required=True, key="ablations_attribute", persist_state="session",
            format_func=lambda name: escaped(group(name)),
            help="Recall@10 of the group that is ahead with the own settings less that of the group behind.",
        ) if len(attributes) > 1 else "".join(attributes)
        view = st.segmented_control(
            "Show", [LEVELS, DIFFERENCES], default=LEVELS, required=True, key="ablations_view", persist_state="session",
            help="Intervals of where each value stands overlap even where a difference is sure: differences are paired, photo by "
            "photo and seed by seed.",
        )
    st.caption(
        "With 95 % intervals. The diamond is this workspace's own value. Blue is surely better than it, orange surely worse, "
        "light blue at most 2 points below, grey undecided; all by the paired difference."
    )
    return metric, attribute, view == DIFFERENCES


def _knob(workspace: Workspace, knob: str, recall: pd.DataFrame, gap: pd.DataFrame, differences: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{MEANING[knob]}**", help=_help(knob), width="stretch")
        _download(workspace, knob, pd.concat([recall, gap]), "CSV")
    places = st.columns(2, gap="medium")
    for place, rows, what in zip(places, (recall, gap), (recall["metric"].iloc[0], "gap"), strict=True):
        with place:
            if len(rows):
                st.plotly_chart(
                    ablation_charts.over_values(rows, differences), key=f"ablations_{knob}_{what}",
                    alt=f"{what} at each value of {MEANING[knob].lower()}, with its 95 % interval",
                )
            else:
                st.caption("There is no gap to show: no two groups with enough test photos are compared.")


def table(figures: pd.DataFrame, metric: str, attribute: str) -> pd.DataFrame:
    """One row a value: a recall and a gap, each with its interval and its difference from the own value."""
    rows = []
    for (knob, value), own in figures.groupby(["knob", "value"], sort=False):
        row = {"Setting": MEANING[knob], "Value": f"{value:g}" + (" (own)" if own["own"].iloc[0] else "")}
        for name, found in ((metric, own[own["metric"] == metric]),
                            ("Gap", own[(own["metric"] == GAP) & (own["attribute"] == attribute)])):
            if len(found):
                one = found.iloc[0]
                row |= {name: text(_entry(one, "mean", "low", "high")), f"{name}, difference": text(
                    _entry(one, "change", "change_low", "change_high"))}
        rows.append(row | {"Pairs": own["pairs"].iloc[0], "Choosing": own["scoring_seconds"].iloc[0]})
    return pd.DataFrame(rows)


def _entry(row: pd.Series, mean: str, low: str, high: str) -> dict[str, float | None]:
    return {key: None if pd.isna(row[name]) else row[name] for key, name in (("mean", mean), ("low", low), ("high", high))}


def _help(knob: str) -> str:
    return next(field["help"] for field in describe(KNOBS[knob]) if field["name"] == knob)


def _nothing(coming: bool) -> None:
    st.subheader("What varying shows", anchor=False)
    st.markdown(
        "The settings are being varied; what comes out will show here." if coming else
        "No setting has been varied here yet. Each is tried at several values, everything else as it is: heads are trained on "
        "the plan that each value gives, and measured on the test photos. So one sees which settings matter, and which do not."
    )


def _before(workspace: Workspace) -> dict[str, Any]:
    """The options that were asked for last, or else the defaults."""
    asked = next((
        options for job in jobs.jobs(workspace) for command, options in job.commands if command == COMMAND and options
    ), None)
    made = workspace.find("ablations")
    return dataclasses.asdict(AblationOptions()) | (asked or (made.record["options"] if made else {}))
