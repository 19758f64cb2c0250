"""The work of a workspace as a list: what waits, with what it will do, and what is over, with its log."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from influencespace import jobs
from influencespace.errors import JobError
from influencespace.jobs import Job
from influencespace.ui import work
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.ui.road import WORDS
from influencespace.ui.workspaces import DEMO
from influencespace.workspace import MADE_BY, Workspace

SHOWN, LOG_LINES = 8, 200
LIVE_SECONDS = 2.0
ENDS = {"done": "done", "failed": "did not work", "cancelled": "cancelled"}
ICONS = {
    "running": ":material/pending:", "done": ":material/check_circle:", "failed": ":material/error:",
    "cancelled": ":material/cancel:",
}
_WORDS = {MADE_BY[made]: action for made, (_, action) in WORDS.items()} | {
    DEMO: "Draw the demo and take it up to a plan", "verify": "Check predictions by retraining",
    "export": "Write the pairs to a file",
}


def listed(workspace: Workspace) -> None:
    """The queue and the latest work with its logs; nothing where nothing was ever done."""
    with guarded():
        if not jobs.jobs(workspace):
            return
        st.subheader("The work of this workspace", anchor=False)
        if jobs.active(workspace) is None:
            _list(workspace)
        else:
            st.fragment(_list, run_every=LIVE_SECONDS)(workspace)


def told(commands: list[list[Any]]) -> str:
    """What a job will do, step by step."""
    if not commands:
        return "Nothing to be started again."
    first, *others = (_step(*command) for command in commands)
    return ", then ".join([first, *(step[0].lower() + step[1:] for step in others)])


def _list(workspace: Workspace) -> None:
    with guarded():
        every = jobs.jobs(workspace)
        running = [job for job in every if job.status == "running"]
        waiting = [job for job in reversed(every) if job.status == "queued"]
        for job in running:
            _entry(workspace, job)
        for place, job in enumerate(waiting, start=1):
            first = "Waits, next" if running else "Starts"
            _waiting(workspace, job, first if place == 1 else f"Waits, number {place} in the queue")
        for job in [job for job in every if not job.unfinished][:SHOWN]:
            _entry(workspace, job)


def _waiting(workspace: Workspace, job: Job, place: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"queued_{job.id}"):
        st.markdown(f"{escaped(job.title)} · {place} · {told(job.commands)}", width="stretch")
        st.button(
            "Removing…" if job.cancelled else "Remove", icon=":material/delete:", key=f"remove_{job.id}",
            disabled=job.cancelled is not None, on_click=work.cancel, args=(workspace, job.id),
            help="Take it from the queue. Nothing of it has been started.",
        )


def _entry(workspace: Workspace, job: Job) -> None:
    label = f"{escaped(job.title)} · {_state(job)}"
    newest_failed = job.status == "failed" and job.id == jobs.jobs(workspace)[0].id
    entry = st.expander(label, expanded=newest_failed, icon=ICONS[job.status], key=f"job_{job.id}", on_change="rerun")
    if not entry.open:
        return
    with entry, guarded():
        st.caption(told(job.commands))
        if job.message:
            st.error(escaped(job.message), icon=":material/error:")
        st.code(jobs.log(workspace, job.id, LOG_LINES) or "It has printed nothing.", language=None, height=240)
        with st.container(horizontal=True):
            st.download_button(
                "The whole log", lambda: _whole(workspace, job), f"{workspace.name}-job-{job.id}.log", "text/plain",
                icon=":material/download:", key=f"log_{job.id}", on_click="ignore",
                help="Everything that this work has printed, as a text file.",
            )
            if job.status in ("failed", "cancelled") and job.commands:
                st.button(
                    "Try again", icon=":material/refresh:", key=f"list_again_{job.id}", on_click=work.again,
                    args=(workspace, job), help="The same once more. What was finished before is not done again.",
                )


def _state(job: Job) -> str:
    if job.status == "running":
        return f"runs for {work.duration(job.seconds)}"
    clock = time.strftime("%d %b, %H:%M", time.localtime(job.finished))
    return f"{ENDS[job.status]} · {work.duration(job.seconds)} · {clock}" if job.started else f"{ENDS[job.status]} · {clock}"


def _step(command: str, options: dict[str, Any]) -> str:
    words = _WORDS.get(command, command)
    if command == "train" and "arms" in options:
        return f"{words}: {', '.join(options['arms'])} with {options.get('seeds', 1)} seeds each"
    return words


def _whole(workspace: Workspace, job: Job) -> bytes:
    file = jobs.log_file(workspace, job.id)
    if not file.exists():
        raise JobError(f"The log {file} is gone.")
    return file.read_bytes()
