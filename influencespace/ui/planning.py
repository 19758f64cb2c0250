"""The plan of the version that is shown, made in memory: a page shows it at once, and no artifact is written for it.

Which version is shown says the page's address (``?version=``, a number or a name), or else it is the newest. What is made on
the way is kept by what it is made from: a change of the ratio or the cap leaves the order of pairs as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.curation import preview
from influencespace.curation.decisions import Decided
from influencespace.curation.history import History, Version
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions
from influencespace.curation.order import BrowserOrder, browser_order
from influencespace.curation.plan import Plan, plan_of
from influencespace.curation.preview import Response
from influencespace.curation.reasons import reasons
from influencespace.curation.standing import Standing
from influencespace.errors import PlanError
from influencespace.options import restore
from influencespace.progress import Progress
from influencespace.ui import reading
from influencespace.ui.prediction import RATIOS
from influencespace.workspace import NEEDS, Workspace, canonical

VERSION = "version"
# Of the options these two alone leave the order of the pairs as it is.
AFTER_THE_ORDER = ("reduction", "cap")


@dataclass(frozen=True)
class _Order:
    """What an order of pairs comes from: hashable, and independent of the page's run, so that other threads may use it."""

    path: str
    digests: tuple[str | None, ...]
    decisions: str
    options: str

    @property
    def key(self) -> str:
        """A digest."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:24]


def shown(workspace: Workspace) -> Version:
    """The version that the address names, or the newest.

    Raises
    ------
    PlanError
        If the history cannot be read.
    """
    history, wanted = History(workspace), st.query_params.get(VERSION)
    if wanted:
        try:
            return history.version(wanted)
        except PlanError:
            pass  # the page says that there is none (not_found), and shows the newest
    return history.head()


def not_found(workspace: Workspace) -> str | None:
    """What the address names if there is no such version."""
    wanted = st.query_params.get(VERSION)
    if not wanted:
        return None
    version = shown(workspace)
    return None if wanted in (str(version.id), version.name) else wanted


def decide(workspace: Workspace, what: str, options: PlanOptions | None = None, decisions: dict | None = None) -> Version:
    """Write a step on the version that is shown into the history, and show it from now on.

    Parameters
    ----------
    workspace
        Whose history.
    what
        What was decided, in a few words for a person.
    options, decisions
        What is other than in the version that is shown.
    """
    before = shown(workspace)
    after = History(workspace).record(
        what, before.options if options is None else options, before.decisions if decisions is None else decisions, before.id
    )
    st.query_params.pop(VERSION, None)
    return after


def key(workspace: Workspace) -> str:
    """A digest of what the order of the pairs comes from: all but the reduction ratio and the cap."""
    return _order_of(workspace, shown(workspace)).key


def making(workspace: Workspace) -> tuple[str, Callable[[Progress], bool]]:
    """A key, and what makes the order and the plan that are shown, so that they are there from then on; for a thread."""
    version = shown(workspace)
    wanted, options = _order_of(workspace, version), canonical(version.options.recipe())

    def make(progress: Progress) -> bool:
        _browser_order(wanted)
        _plan(wanted, options)
        return True

    return f"plan-{wanted.key}-{hashlib.sha256(options.encode()).hexdigest()[:24]}", make


def plan(workspace: Workspace) -> Plan:
    """The plan of the version that is shown.

    Raises
    ------
    PlanError
        If a decision cannot be followed.
    """
    version = shown(workspace)
    return _plan(_order_of(workspace, version), canonical(version.options.recipe()))


def clusters(workspace: Workspace) -> pd.DataFrame:
    """What the plan does with every cluster, with ``topic``, ``name``, ``agreement`` and the ``reason``."""
    found = plan(workspace)
    named = reading.table(workspace.artifact("clusters"), "clusters")[["cluster", "topic", "name", "agreement"]]
    table = found.clusters.merge(named, on="cluster")
    return table.assign(reason=reasons(table, len(found.weights)))


def order(workspace: Workspace) -> BrowserOrder:
    """The order of removal of the version that is shown, as a browser wants it."""
    return _browser_order(_order_of(workspace, shown(workspace)))


def gains(workspace: Workspace) -> Callable[[Response], np.ndarray]:
    """What plans in the order that is shown are predicted to do: (ratios, caps, targets) nats; it may be called in any thread."""
    wanted = _order_of(workspace, shown(workspace))
    return lambda response: preview.grid(response, *_standing(wanted)[::-1], RATIOS)


def _order_of(workspace: Workspace, version: Version) -> _Order:
    digests = tuple(made.digest if (made := workspace.find(name)) else None for name in NEEDS["plan"])
    options = {name: value for name, value in version.options.recipe().items() if name not in AFTER_THE_ORDER}
    return _Order(str(workspace.path), digests, canonical(version.decisions), canonical(options))


# All as resources: read-only, shared between visitors, and larger than what is copied in passing. By their digests alone, for
# decisions about thousands of pairs are long.
@st.cache_resource(show_spinner=False, max_entries=2)
def _inputs(path: str, digests: tuple[str | None, ...]) -> PlanInputs:
    return PlanInputs.read(Workspace(path))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={_Order: lambda wanted: wanted.key})
def _standing(wanted: _Order) -> tuple[Decided, Standing]:
    inputs = _inputs(wanted.path, wanted.digests)
    decided = inputs.decided(json.loads(wanted.decisions))
    return decided, inputs.standing(decided, restore(PlanOptions, json.loads(wanted.options)))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={_Order: lambda wanted: wanted.key})
def _browser_order(wanted: _Order) -> BrowserOrder:
    decided, standing = _standing(wanted)
    return browser_order(standing, decided)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={_Order: lambda wanted: wanted.key})
def _plan(wanted: _Order, options: str) -> Plan:
    decided, standing = _standing(wanted)
    return plan_of(standing, decided, restore(PlanOptions, json.loads(options)))
