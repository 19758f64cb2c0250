"""The strip that shows what is being computed, on every page, while it is."""

from __future__ import annotations

import time

import streamlit as st

from influencespace import jobs
from influencespace.jobs import Job
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.workspace import NEEDS, Workspace

SILENT_SECONDS = 60.0
# The longest steps tell nothing for minutes; what tells nothing for longer may hang.
QUIET_SECONDS = 600.0


def strip(workspace: Workspace) -> None:
    """Live progress of the running job with a button to cancel it, or the reason why the last one failed."""
    with guarded():
        if jobs.active(workspace) is not None:
            st.session_state["seen"] = _made(workspace)
            _live(workspace)
            return
        last = next(iter(jobs.jobs(workspace)), None)
        if last is not None and last.status == "failed" and st.session_state.get("dismissed") != last.id:
            _failed(workspace, last)


@st.fragment(run_every=1.0)
def _live(workspace: Workspace) -> None:
    with guarded():
        job = jobs.active(workspace)
        if job is None or _made(workspace) != st.session_state.get("seen"):
            st.rerun()  # something has come in that the page can show
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="work"):
            waiting = sum(other.unfinished for other in jobs.jobs(workspace)) - 1
            st.progress(job.fraction, text=sentence(job, waiting))
            st.button(
                "Cancelling…" if job.cancelled else "Cancel", icon=":material/close:", key=f"cancel_{job.id}",
                disabled=job.cancelled is not None, on_click=cancel, args=(workspace, job.id),
            )


def sentence(job: Job, waiting: int = 0) -> str:
    """What a job is doing, for a person."""
    parts = [f"**{escaped(job.title)}**"]
    if job.status == "queued":
        parts.append("waits for its turn" if job.pid else "starts")
    elif job.what:
        count = f" ({job.done:,} of {job.total:,})" if job.total > 1 else ""
        parts.append(f"{escaped(job.what)}{count}")
    if job.seconds >= 1:
        parts.append(duration(job.seconds))
    if job.seconds_left is not None:
        parts.append(f"about {duration(job.seconds_left)} left in this step")
    if waiting > 0:
        parts.append(f"{waiting} more waiting")
    if job.heartbeat and time.time() - job.heartbeat > SILENT_SECONDS:
        parts.append(f"no sign of life for {time.time() - job.heartbeat:.0f} s")
    elif job.status == "running" and job.reported and time.time() - job.reported > QUIET_SECONDS:
        parts.append(f"no progress for {duration(time.time() - job.reported)}: if it hangs, cancel it")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in the two units that say enough: ``42 s``, ``7 min``, ``2 h 05 min``."""
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _failed(workspace: Workspace, job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.error(escaped(job.message), title=f"{escaped(job.title)} did not work", icon=":material/error:")
        if job.commands:
            st.button(
                "Try again", icon=":material/refresh:", key=f"again_{job.id}", on_click=again, args=(workspace, job),
                help="The same once more, with the same settings. What was finished before it failed is not done again.",
            )
        st.button(
            "Dismiss", key=f"dismiss_{job.id}", on_click=_dismiss, args=(job.id,),
            help="Hide this here. It stays in the list of work on the page Train, with its log.",
        )


@guarded()
def again(workspace: Workspace, job: Job) -> None:
    """Start the same work once more."""
    jobs.submit(workspace, [tuple(command) for command in job.commands], job.title)
    _dismiss(job.id)


@guarded()
def cancel(workspace: Workspace, job_id: int) -> None:
    """Ask a job to stop, or take one that waits from the queue."""
    jobs.cancel(workspace, job_id)


def _dismiss(job_id: int) -> None:
    st.session_state["dismissed"] = job_id


def _made(workspace: Workspace) -> list[tuple[str, str] | None]:
    made = map(workspace.recorded, NEEDS)  # also of what is damaged, which a job may be making again
    return [record and (record["digest"], record["created"]) for record in made]
