"""The panels of the page Train that show how far a training has come."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from influencespace import jobs
from influencespace.jobs import Job
from influencespace.options import restore
from influencespace.training.journal import FEWEST_RUNS, Course
from influencespace.training.kept import Kept
from influencespace.training.options import UNTRAINED, TrainOptions
from influencespace.ui import live_curves, work
from influencespace.ui.guard import guarded
from influencespace.ui.train_form import asked, expected_runs, trains
from influencespace.workspace import Workspace

RESULTS = Path(__file__).parents[2] / "pages" / "results.py"
LIVE_SECONDS = 2.0


def watch(workspace: Workspace) -> None:
    """How far the training has come: live while anything is being computed, or how the last one ended."""
    if jobs.active(workspace) is None:
        _look(workspace)
    else:
        st.fragment(_look, run_every=LIVE_SECONDS)(workspace)


def _look(workspace: Workspace) -> None:
    with guarded():
        every = [job for job in jobs.jobs(workspace) if trains(job)]
        running = next((job for job in every if job.status == "running"), None)
        if running is not None:
            st.subheader("Training now", anchor=False)
            _live(workspace, running)
        elif any(job.status == "queued" for job in every):
            st.subheader("Training soon", anchor=False)
            st.markdown("It starts as soon as what comes before it is done.")
        elif every:
            st.subheader("The last training", anchor=False)
            _ended(workspace, every[0])
        elif (found := workspace.find("training")) is not None:
            _elsewhere(workspace, restore(TrainOptions, found.record["options"]))
        else:
            _nothing()


def _live(workspace: Workspace, job: Job) -> None:
    kept = Kept.latest(workspace, job.started)
    if kept is None or not (course := _course(kept)).curves:
        st.markdown(_beginning(job))
        return
    options = asked(job)
    runs = expected_runs(workspace, options)
    finished = kept.finished() & set(runs)
    parts = [f"**{len(finished)} of {len(runs)}** runs are done"]
    if course.present:
        arm, seed = course.present
        steps = len(course.curves[course.present])
        parts.append(f"now {arm}, seed {seed}" + (f", epoch {steps} (dotted)" if steps else ""))
    if job.seconds_left is not None:
        parts.append(f"about {work.duration(job.seconds_left)} left")
    elif len(course.seconds) < FEWEST_RUNS:
        parts.append("the time left shows after two runs")
    st.markdown(" · ".join(parts))
    _show(course, kept, runs, finished)


def _ended(workspace: Workspace, job: Job) -> None:
    options, kept = asked(job), Kept.latest(workspace, job.started) if job.started else None
    runs = expected_runs(workspace, options)
    finished = kept.finished() & set(runs) if kept else set()
    if job.status == "done":
        _measured(workspace, f"**{len(runs)} runs** are done and measured, in {work.duration(job.seconds)}.")
    else:
        ended = "was cancelled" if job.status == "cancelled" else "did not work"
        kept_on = "They are kept: resume it to go on there." if finished else ""
        st.markdown(f"It {ended} when **{len(finished)} of {len(runs)}** runs were done. {kept_on}")
    if kept is not None and any((course := _course(kept)).curves.values()):
        _show(course, kept, runs, finished)


def _show(course: Course, kept: Kept, runs: list[tuple[str, int]], finished: set[tuple[str, int]]) -> None:
    """The curves, and a table of the arms. Figures are made only from new lines: each new one makes the browser start over."""
    left, right = st.columns(2, gap="medium")
    for place, column, title, meaning, alt in (
        (left, "recall", "Recall on validation photos", "How often the right answer is among the first ten; higher is better.",
         "Validation Recall@10 of each arm over the epochs"),
        (right, "loss", "Loss on the training pairs", "How far off the model still is on what it trains on; lower is better. "
         "Arms train on different pairs, so only the course of each counts here.", "Training loss of each arm over the epochs"),
    ):
        with place:
            st.markdown(f"**{title}**", help=meaning)
            figure = _figure(str(kept.folder), course.offset, tuple(dict.fromkeys(arm for arm, _ in runs)), column, course)
            st.plotly_chart(figure, key=f"live_{column}", alt=alt)
    st.dataframe(
        arms(course, runs, finished), hide_index=True, placeholder="–", alt="Runs done, recall and time of each arm",
        column_config={
            "Runs done": st.column_config.TextColumn(help="How many of this arm's seeds are trained."),
            "Validation Recall@10": st.column_config.NumberColumn(
                format="%.1f %%", help="After the last epoch, mean of the finished runs. Results compare arms on test photos."
            ),
            "Seconds a run": st.column_config.NumberColumn(
                format="%.1f s", help="Mean of the finished runs, with what the arm needed before it could train."
            ),
        },
    )


def arms(course: Course, runs: list[tuple[str, int]], finished: set[tuple[str, int]]) -> pd.DataFrame:
    """One row an arm: how many of its runs are done, what they have reached and how long they took."""
    rows = []
    for arm in dict.fromkeys(arm for arm, _ in runs):
        wanted = [run for run in runs if run[0] == arm]
        own = [run for run in wanted if run in finished]
        ends = [course.curves[run][-1]["recall"] for run in own if course.curves.get(run)]
        seconds = [course.seconds[run] for run in own if run in course.seconds]
        rows.append({
            "Arm": arm, "Runs done": f"{len(own)} of {len(wanted)}",
            "Validation Recall@10": sum(ends) / len(ends) if ends else None,
            "Seconds a run": sum(seconds) / len(seconds) if seconds else None,
        })
    return pd.DataFrame(rows).astype({"Validation Recall@10": "float64", "Seconds a run": "float64"})


def _course(kept: Kept) -> Course:
    """What the training has told so far; kept by the visit, so that each look reads only what is new."""
    name = f"course {kept.folder}"
    course = st.session_state.setdefault(name, Course())
    course.follow(kept.journal)
    return course


@st.cache_data(show_spinner=False, max_entries=8)
def _figure(folder: str, offset: int, arms: tuple[str, ...], column: str, _course: Course) -> go.Figure:
    return live_curves.figure(_course, [arm for arm in arms if arm != UNTRAINED], column)


def _beginning(job: Job) -> str:
    if job.what.startswith("choosing"):
        return (
            f"First, learning rate and epochs are chosen on all pairs: **{job.done} of {job.total}** settings are tried. "
            "All arms are then trained with the same."
        )
    return f"It begins: {job.what}." if job.what else "It begins."


def _elsewhere(workspace: Workspace, options: TrainOptions) -> None:
    """A training that was no work of this list: it was started from a shell, or came with the workspace."""
    st.subheader("The last training", anchor=False)
    runs = expected_runs(workspace, options)
    _measured(workspace, f"**{len(runs)} runs** are done and measured.")
    kept = Kept.latest(workspace, 0.0)
    if kept is not None and any((course := _course(kept)).curves.values()):
        _show(course, kept, runs, kept.finished() & set(runs))


def _measured(workspace: Workspace, words: str) -> None:
    st.markdown(words)
    st.page_link(RESULTS, label="See the results", icon=":material/query_stats:")
    if workspace.state("training") != "current":
        st.warning("The plan has changed since: these runs are of an earlier one.", icon=":material/history:")


def _nothing() -> None:
    st.subheader("What training shows", anchor=False)
    st.markdown(
        "Nothing has been trained here yet. Training takes the plan's pairs and, beside them, as many drawn at random, those "
        "that fit best, and all; with the same budget for each, so that the differences are the data's. While it runs, its loss "
        "and recall show here; what it measures on photos that nothing has looked at before is then on the page Results."
    )
