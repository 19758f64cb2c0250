"""The form of the page Train: which arms, with what trainer and settings, and the button that starts or resumes it."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import pyarrow.parquet as pq
import streamlit as st

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.errors import OptionError
from influencespace.features.search import IMPORTED
from influencespace.jobs import Job
from influencespace.options import describe, restore
from influencespace.training.dynamic import NO_FEATURES, TOGETHER, impossible
from influencespace.training.kept import Kept
from influencespace.training.options import (
    ARMS,
    DYNAMIC,
    HEADS,
    MEANING,
    NEED_ALIGNED,
    TRAINERS,
    TRAINS,
    UNTRAINED,
    TrainOptions,
    possible,
)
from influencespace.ui import forms, planning
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.workspace import Artifact, Workspace

TITLE = "Training"
DEVICES = ("auto", "cpu", "cuda", "mps")
HELP = {field["name"]: field["help"] for field in describe(TrainOptions)}
# Settings that every trainer has, two in a line, and those of some.
COMMON = (("learning_rate", "epochs"), ("batch", "patience"), ("budget", "weighting"), ("seed", "labels"))
OWN = {HEADS: ("joint_dimensions",), "clip": ("model", "adapter"), "visualbert": ("model",), "lxmert": ("model",)}
# Dynamic curation may come after any epoch but the last; where the trainer chooses their number, after one of these.
LONGEST = 10


def launch(workspace: Workspace) -> None:
    """What to train, how much of it is there already, and the button that starts or resumes it."""
    given = _before(workspace)
    arms = _arms(workspace, given)
    version = History(workspace).head()
    st.caption(f"**Plan**: version {version.id}, {escaped(version.name or version.what)}.")
    before = given.get("trainer", HEADS)
    trainer = st.selectbox(
        "Trainer", TRAINERS, index=TRAINERS.index(before), key="train_trainer",
        help="; ".join(f"*{name}*: {what}" for name, what in TRAINS.items()) + ".",
    )
    st.caption(f"It trains {TRAINS[trainer]}.")
    left, right = st.columns(2)
    with left:
        chosen = forms.fields(TrainOptions, ["seeds"], key="train", values=given)
    with right:
        device = st.selectbox(
            "Device", DEVICES, index=DEVICES.index(given["device"]) if given.get("device") in DEVICES else 0, key="train_device",
            help=HELP["device"] + " A device that is not there is said so when it starts.",
        )
    with guarded():
        with st.expander("More settings"):
            chosen |= _settings(workspace, trainer, DYNAMIC in arms and trainer not in TOGETHER, given)
        if not arms:
            raise OptionError("Choose at least one arm to train.")
        options = TrainOptions(
            arms=tuple(arm for arm in ARMS if arm in arms), trainer=trainer, device=device, **chosen,
        )
        if (why := lacking(workspace, options)) is not None:
            st.info(why, icon=":material/info:")
        else:
            _start(workspace, options)


def lacking(workspace: Workspace, options: TrainOptions) -> str | None:
    """What this training needs and the workspace has not, as a sentence that says what to do; None where it has all."""
    if DYNAMIC in options.arms and options.trainer in TOGETHER:
        return f"The arm {DYNAMIC} cannot be trained with {options.trainer}: {NO_FEATURES}. Leave it out."
    if DYNAMIC in options.arms and not options.schedule:
        return f"The arm {DYNAMIC} needs a schedule: choose under *More settings* after which epochs to curate anew."
    if options.trainer == HEADS:
        return None
    if _without_photos(workspace.artifact("pairs")):
        return f"{options.trainer} reads the photos, and these pairs came without. *{HEADS}* trains on their features alone."
    imported = workspace.artifact("features").facts["encoder"] == IMPORTED
    if imported and options.trainer == "clip" and options.model is None:
        return "These features were imported, so there is no encoder to fine-tune: name one under *More settings*, *Model*."
    if imported and options.trainer != "clip":
        return (
            f"{options.trainer} looks through the encoder that made the features, and these were imported. Embed the photos "
            "with an encoder on the page Data first."
        )
    return None


def trains(job: Job) -> bool:
    """Whether it is a training."""
    return any(command == "train" for command, _ in job.commands)


def asked(job: Job) -> TrainOptions:
    """The options of a training."""
    return restore(TrainOptions, _command(job))


def expected_runs(workspace: Workspace, options: TrainOptions) -> list[tuple[str, int]]:
    """The runs that a training will do, as (arm, seed): of the arms that were asked for, those that can be."""
    arms = possible(options.arms, workspace.artifact("features").facts["aligned"])
    random_start = options.trainer == HEADS and options.joint_dimensions is not None
    without = {UNTRAINED} if random_start else set()
    without |= {DYNAMIC} if impossible(options, options.epochs) else set()
    return options.runs([arm for arm in arms if arm not in without])


def _arms(workspace: Workspace, given: dict[str, Any]) -> list[str]:
    aligned = workspace.artifact("features").facts["aligned"]
    allowed = possible(ARMS, aligned)
    arms = st.pills(
        "Arms", allowed, selection_mode="multi", key="train_arms", wrap=True,
        default=[arm for arm in given.get("arms", TrainOptions().arms) if arm in allowed],
        help="Each arm trains the same model on other pairs. " + "; ".join(f"*{arm}*: {MEANING[arm]}" for arm in allowed) + ".",
    )
    if not aligned:
        st.caption(f"{' and '.join(NEED_ALIGNED)} need an encoder whose photos and captions can be compared; this one's cannot.")
    return arms


def _settings(workspace: Workspace, trainer: str, dynamic: bool, given: dict[str, Any]) -> dict[str, Any]:
    """A widget for each further setting of this trainer; what is left empty is the trainer's own choice."""
    st.caption("What is left empty is the trainer's own choice, the same for every arm.")
    chosen = forms.fields(TrainOptions, list(OWN[trainer]), key="train", values=given)
    own = {"learning_rate": _learning_rate, "labels": partial(_labels, workspace.artifact("pairs"))}
    for line in COMMON:
        for column, name in zip(st.columns(2), line, strict=True):
            with column:
                if name in own:
                    chosen[name] = own[name](given)
                else:
                    chosen |= forms.fields(TrainOptions, [name], key="train", values=given)
    chosen |= forms.fields(TrainOptions, ["robustness"], key="train", values=given)
    if dynamic:
        epochs = range(1, chosen["epochs"] or LONGEST)
        chosen["schedule"] = tuple(sorted(st.multiselect(
            "Schedule", epochs, [epoch for epoch in given.get("schedule", ()) if epoch in epochs], key="train_schedule",
            help=HELP["schedule"], placeholder="Choose epochs",
        )))
    return chosen


def _learning_rate(given: dict[str, Any]) -> float | None:
    return st.number_input(
        "Learning rate", 0.0, 1.0, given.get("learning_rate"), step=1e-4, format="%g", key="train_learning_rate",
        help=HELP["learning_rate"],
    )


def _labels(pairs: Artifact, given: dict[str, Any]) -> str | None:
    """One of the columns of the pairs that may name classes."""
    names = [name for name in pq.read_schema(pairs.folder / "pairs.parquet").names if name.startswith(("group.", "meta."))]
    before = given.get("labels")
    return st.selectbox(
        "Labels", names, index=names.index(before) if before in names else None, key="train_labels", help=HELP["labels"],
        placeholder="None", format_func=lambda name: name.partition(".")[2],
    )


def _start(workspace: Workspace, options: TrainOptions) -> None:
    version, shown = History(workspace).head(), planning.shown(workspace)
    runs = expected_runs(workspace, options)
    done = len(Kept.of(workspace, options, version.options, version.decisions).finished() & set(runs))
    busy = jobs.active(workspace) is not None
    ready = False
    if shown.id != version.id:
        words = f"Version {shown.id} is shown, but the present one is trained, {version.id}. Return to it on the page Curate."
    elif any(trains(job) and asked(job) == options and _is_of_now(workspace, job) for job in jobs.jobs(workspace)):
        words = "Just this is being trained or waits for it. Change something to put another training into the queue."
    elif workspace.is_current("plan", version.options) and workspace.is_current("training", options):
        words = f"All {len(runs)} runs of this are done and measured. Change something to train again."
    else:
        ready = True
        words = f"{len(runs)} runs: every arm with every seed{_after(options)}."
        if done:
            words = f"{done} of {len(runs)} runs are done and kept; {len(runs) - done} are left to train."
    st.caption(words)
    # The plan is made on the way, of the version that is the present one when the job starts.
    st.button(
        "Add to the queue" if busy else "Resume" if ready and done else "Train", type="primary", icon=":material/play_arrow:",
        width="stretch", key="train_start", disabled=not ready, on_click=_submit,
        args=(workspace, [("train", dataclasses.asdict(options))]),
        help="It waits for what is being computed and then starts by itself." if busy else
        "It runs in the background: you may go on, close this page, or come back later.",
    )


def _after(options: TrainOptions) -> str:
    """What heads choose on all pairs before any arm is trained."""
    left = [name for name in ("learning_rate", "epochs") if options.trainer == HEADS and getattr(options, name) is None]
    verb = "were" if len(left) > 1 else "was"
    return f", after {' and '.join(name.replace('_', ' ') for name in left)} {verb} chosen on all pairs" if left else ""


@guarded()
def _submit(workspace: Workspace, commands: list[tuple[str, dict[str, Any]]]) -> None:
    jobs.submit(workspace, commands, TITLE)


def _before(workspace: Workspace) -> dict[str, Any]:
    """The options that were asked for last."""
    last = next((job for job in jobs.jobs(workspace) if trains(job)), None)
    if last is not None:
        return dict(_command(last))
    found = workspace.find("training")
    return dict(found.record["options"]) if found else {}


def _command(job: Job) -> dict[str, Any]:
    return next(options for command, options in job.commands if command == "train")


def _is_of_now(workspace: Workspace, job: Job) -> bool:
    """Whether it trains, or will, what is decided now."""
    runs = job.status == "running" and job.decided == jobs.decided(workspace)
    return not job.cancelled and (runs or job.status == "queued")


def _without_photos(pairs: Artifact) -> bool:
    return _missing(pairs.digest, pairs)


@st.cache_data(show_spinner=False, max_entries=16)
def _missing(digest: str, _pairs: Artifact) -> bool:
    return _pairs.columns("pairs", ["image_path"]).column(0).null_count > 0
