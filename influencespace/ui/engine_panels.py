"""Which engine computes what pages ask for."""

from __future__ import annotations

import dataclasses

import streamlit as st

from influencespace.engines import EngineOptions
from influencespace.engines.options import LOCAL
from influencespace.jobs.place import choose, chosen
from influencespace.ui import forms
from influencespace.ui.guard import guarded
from influencespace.workspace import Workspace


def choice(workspace: Workspace) -> None:
    """The engine of this workspace's jobs, to be changed."""
    before = chosen(workspace)
    with guarded():
        values = forms.fields(EngineOptions, ["engine"], key="engine", values=dataclasses.asdict(before))
        if values["engine"] != LOCAL:
            values |= forms.fields(EngineOptions, ["address", "workers"], key="engine", values=dataclasses.asdict(before))
            st.caption("Results are the same. It holds for what is started from now on.")
        after = EngineOptions(**values)
        if after != before:
            choose(workspace, after)
