"""The tables of a workspace as the pages want them, read once for each state of the workspace."""

from __future__ import annotations

import hashlib

import pandas as pd
import streamlit as st

from influencespace.ui.columns import TrainingPairs
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

_JOINED = ("pairs", "proxy", "clusters", "scores")


def table(artifact: Artifact, name: str) -> pd.DataFrame:
    """A table of an artifact; who writes to it writes to a copy of the column."""
    return _table(str(artifact.folder), artifact.digest, name).copy(deep=False)


def training(workspace: Workspace) -> TrainingPairs:
    """The training pairs with all that fits together of what is known of them; there must be pairs."""
    digests = ((name, made.digest if (made := fitting(workspace, name)) else None) for name in _JOINED)
    return _training(str(workspace.path), tuple(digests))


def names(clusters: Artifact) -> tuple[dict[int, str], dict[str, str]]:
    """The names of topics and of clusters; not to be written to."""
    return _names(str(clusters.folder), clusters.digest)


# As resources, for they are shared; a copy for every visitor would take longer than reading them again.
@st.cache_resource(show_spinner=False, max_entries=60)
def _table(folder: str, digest: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(f"{folder}/{name}.parquet")


@st.cache_resource(show_spinner=False, max_entries=8)
def _names(folder: str, digest: str) -> tuple[dict[int, str], dict[str, str]]:
    topics, strata = _table(folder, digest, "topics"), _table(folder, digest, "clusters")
    return topics.set_index("topic")["name"].to_dict(), strata.set_index("cluster")["name"].to_dict()


@st.cache_resource(show_spinner=False, max_entries=4)
def _training(path: str, digests: tuple[tuple[str, str | None], ...]) -> TrainingPairs:
    workspace = Workspace(path)
    made = {name: workspace.artifact(name) for name, digest in digests if digest}
    return TrainingPairs(workspace, made, hashlib.sha256(repr((path, digests)).encode()).hexdigest()[:24])
