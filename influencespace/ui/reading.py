"""The tables of a workspace as the pages want them, read once for each state of the workspace."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.pairs.views import training_rows
from influencespace.ui.columns import INFLUENCE, TrainingPairs
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

_JOINED = ("proxy", "clusters", "scores")


def table(artifact: Artifact, name: str) -> pd.DataFrame:
    """A table of an artifact."""
    return _table(str(artifact.folder), artifact.digest, name)


def training(workspace: Workspace) -> TrainingPairs:
    """The training pairs with all that fits together of what is known of them; there must be pairs."""
    return _training(str(workspace.path), tuple(_digests(workspace, _JOINED).items()))


def names(clusters: Artifact) -> tuple[dict[int, str], dict[str, str]]:
    """The names of topics and of clusters."""
    topics, strata = table(clusters, "topics"), table(clusters, "clusters")
    return topics.set_index("topic")["name"].to_dict(), strata.set_index("cluster")["name"].to_dict()


def _digests(workspace: Workspace, joined: tuple[str, ...]) -> dict[str, str | None]:
    return {name: made.digest if (made := fitting(workspace, name)) else None for name in ("pairs", *joined)}


@st.cache_data(show_spinner=False, max_entries=60)
def _table(folder: str, digest: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(f"{folder}/{name}.parquet")


# A resource, for it is shared and read-only; a copy for every visitor would take longer than reading it again.
@st.cache_resource(show_spinner=False, max_entries=4)
def _training(path: str, digests: tuple[tuple[str, str | None], ...]) -> TrainingPairs:
    workspace = Workspace(path)
    made = {name: workspace.artifact(name) for name, digest in digests if digest}
    return TrainingPairs(workspace, made, hashlib.sha256(repr((path, digests)).encode()).hexdigest()[:24])


# ---- the table of all pairs, which the pages leave one after the other


def frame(workspace: Workspace) -> pd.DataFrame:
    """One row a training pair with everything that is known of it so far."""
    return _frame(str(workspace.path), tuple(_digests(workspace, (*_JOINED, "plan")).items()))


def targets(pairs: pd.DataFrame) -> list[str]:
    """The targets that there is influence on; the overall one comes first."""
    return [column.removeprefix(INFLUENCE) for column in pairs.columns if column.startswith(INFLUENCE)]


@st.cache_data(show_spinner=False, max_entries=8)
def _frame(path: str, digests: tuple[tuple[str, str | None], ...]) -> pd.DataFrame:
    workspace = Workspace(path)
    made = {name: workspace.artifact(name) for name, digest in digests if digest}
    pairs = made["pairs"].table("pairs")
    joined = [pairs.iloc[training_rows(pairs)].reset_index(drop=True)]
    if "proxy" in made:
        joined.append(pd.DataFrame({"agreement": np.array(made["proxy"].array("agreement"))}))
    if "clusters" in made:
        joined.append(made["clusters"].table("members"))
    if "scores" in made:
        joined.append(made["scores"].table("pairs").add_prefix(INFLUENCE))
    if "plan" in made:
        joined.append(made["plan"].table("pairs"))
    return pd.concat(joined, axis=1)
