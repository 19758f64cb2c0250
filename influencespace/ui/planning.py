"""The plan of the version that is shown, made in memory: a page shows it at once, and no artifact is written for it.

Which version is shown says the page's address (``?version=``, a number or a name), or else it is the newest. What is made on
the way is kept by what it is made from: a change of the ratio or the cap leaves the order of pairs as it was, and a decision
what the order comes from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

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
from influencespace.curation.standing import Standing, Undecided
from influencespace.errors import PlanError
from influencespace.options import restore
from influencespace.ui import once, reading
from influencespace.ui.kept import Kept
from influencespace.ui.prediction import RATIOS
from influencespace.workspace import NEEDS, Workspace, canonical

T = TypeVar("T")
VERSION = "version"
# Of the options these two alone leave the order of the pairs as it is.
AFTER_THE_ORDER = ("reduction", "cap")


# All read-only and shared between visitors. Of a million pairs a standing has 70 MB, what it comes from while nothing is
# decided 80, an order 2 and a plan 13.
_grounds: Kept[Undecided] = Kept(200 << 20)
_standings: Kept[tuple[Decided, Standing]] = Kept(300 << 20)
_orders: Kept[BrowserOrder] = Kept(32 << 20)
_plans: Kept[Plan] = Kept(100 << 20)
_tables: Kept[pd.DataFrame] = Kept(16 << 20)
_maker = ThreadPoolExecutor(1, thread_name_prefix="plan")
_waiting: dict[str, Future] = {}
_turn = threading.Lock()


def _as_they_are(given: T) -> T:
    return given


@dataclass(frozen=True)
class _Order:
    """What an order of pairs comes from: hashable, and independent of the page's run, so that other threads may use it."""

    path: str
    digests: tuple[str | None, ...]
    decisions: str
    options: str

    @cached_property
    def key(self) -> str:
        """A digest."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:24]


def hold(workspace: Workspace, version: Version) -> None:
    """Show this version, which is the newest, for the rest of the run."""
    if not st.query_params.get(VERSION):
        once.hold(_looked_for(workspace), (version, version))


def head(workspace: Workspace) -> Version:
    """The newest version, as this run of the page has found it.

    Raises
    ------
    WorkspaceError
        If the history cannot be read.
    """
    return _look(workspace)[0]


def shown(workspace: Workspace) -> Version:
    """The version that the address names, or the newest: one and the same for a whole run, whatever others decide meanwhile.

    Raises
    ------
    WorkspaceError
        If the history cannot be read.
    """
    return _look(workspace)[1]


def not_found(workspace: Workspace) -> str | None:
    """What the address names if there is no such version."""
    wanted = st.query_params.get(VERSION)
    if not wanted:
        return None
    version = shown(workspace)
    return None if wanted in (str(version.id), version.name) else wanted


def decide(
    workspace: Workspace, what: str, *, options: Callable[[PlanOptions], PlanOptions] = _as_they_are,
    decisions: Callable[[dict], dict] = _as_they_are,
) -> Version:
    """Write a step into the history and show it from now on: a step from the newest version as it is then, or from the one that
    the address names.

    Parameters
    ----------
    workspace
        Whose history.
    what
        What was decided, in a few words for a person.
    options, decisions
        What becomes of those of the version before it.
    """
    before = shown(workspace).id if st.query_params.get(VERSION) and not_found(workspace) is None else None
    after = History(workspace).change(what, lambda version: (options(version.options), decisions(version.decisions)), before)
    st.query_params.pop(VERSION, None)
    once.again()
    return after


def key(workspace: Workspace) -> str:
    """A digest of what the order of the pairs comes from: all but the reduction ratio and the cap."""
    return _shown_order(workspace).key


def is_made(workspace: Workspace) -> bool:
    """Whether the plan that is shown, and its order, need not be made first."""
    return key(workspace) in _orders and plan_key(workspace) in _plans


def make(workspace: Workspace) -> Future:
    """Have the order and the plan that are shown made in another thread; what comes of it is the version they are of.

    One is made after the other. Of those who decide in the same moment all but the first wait for one plan together, that of the
    version which is the newest when its turn comes.
    """
    version, path = shown(workspace), str(workspace.path)
    if version.id != head(workspace).id:
        return _maker.submit(_make, workspace, version)
    with _turn:
        waiting = _waiting.get(path)
        if waiting is None or waiting.running() or waiting.done():
            waiting = _waiting[path] = _maker.submit(_make, workspace)
        return waiting


def plan(workspace: Workspace) -> Plan:
    """The plan of the version that is shown.

    Raises
    ------
    PlanError
        If a decision cannot be followed.
    """
    return _plan(_shown_order(workspace), _recipe(shown(workspace)))


def plan_key(workspace: Workspace) -> str:
    """A digest of what the plan that is shown comes from."""
    version = shown(workspace)
    return once.of(
        ("plan", str(workspace.path), version.id), lambda: _plan_key(_shown_order(workspace), _recipe(version))
    )


def clusters(workspace: Workspace) -> pd.DataFrame:
    """What the plan does with every cluster, with ``topic``, ``name``, ``agreement`` and the ``reason``; not to be written to."""
    def made() -> pd.DataFrame:
        found = plan(workspace)
        named = reading.table(workspace.artifact("clusters"), "clusters")
        at = pd.Index(named["cluster"]).get_indexer(found.clusters["cluster"])
        table = found.clusters.assign(**{name: named[name].array.take(at) for name in ("topic", "name", "agreement")})
        return table.assign(reason=reasons(table, len(found.weights)))

    return _tables.of(plan_key(workspace), made)


def order(workspace: Workspace) -> BrowserOrder:
    """The order of removal of the version that is shown, as a browser wants it."""
    return _browser_order(_shown_order(workspace))


def gains(workspace: Workspace) -> Callable[[Response], np.ndarray]:
    """What plans in the order that is shown are predicted to do: (ratios, caps, targets) nats; it may be called in any thread."""
    wanted = _shown_order(workspace)
    return lambda response: preview.grid(response, *_standing(wanted)[::-1], RATIOS)


def _look(workspace: Workspace) -> tuple[Version, Version]:
    """The newest version, and the one that is shown."""
    def find() -> tuple[Version, Version]:
        history, wanted = History(workspace), st.query_params.get(VERSION)
        newest = version = history.head()
        if wanted:
            with contextlib.suppress(PlanError):  # the page says that there is none (not_found), and shows the newest
                version = history.version(wanted)
        return newest, version

    return once.of(_looked_for(workspace), find)


def _looked_for(workspace: Workspace) -> tuple[str, str, str | None]:
    return "version", str(workspace.path), st.query_params.get(VERSION)


def _shown_order(workspace: Workspace) -> _Order:
    """What the order of the version that is shown comes from."""
    version = shown(workspace)
    return once.of(("order", str(workspace.path), version.id), lambda: _order_of(workspace, version))


def _make(workspace: Workspace, version: Version | None = None) -> Version:
    version = History(workspace).head() if version is None else version
    wanted = _order_of(workspace, version)
    _browser_order(wanted)
    _plan(wanted, _recipe(version))
    return version


def _recipe(version: Version) -> str:
    return canonical(version.options.recipe())


def _order_of(workspace: Workspace, version: Version) -> _Order:
    digests = tuple(made.digest if (made := workspace.find(name)) else None for name in NEEDS["plan"])
    options = {name: value for name, value in version.options.recipe().items() if name not in AFTER_THE_ORDER}
    return _Order(str(workspace.path), digests, canonical(version.decisions), canonical(options))


@st.cache_resource(show_spinner=False, max_entries=2)
def _inputs(path: str, digests: tuple[str | None, ...]) -> PlanInputs:
    return PlanInputs.read(Workspace(path))


def _standing(wanted: _Order) -> tuple[Decided, Standing]:
    options = restore(PlanOptions, json.loads(wanted.options))

    def made() -> tuple[Decided, Standing]:
        inputs = _inputs(wanted.path, wanted.digests)
        ground = _grounds.of(replace(wanted, decisions="").key, lambda: inputs.undecided(options))
        decided = inputs.decided(json.loads(wanted.decisions))
        return decided, ground.decided(decided, options)

    return _standings.of(wanted.key, made)


def _browser_order(wanted: _Order) -> BrowserOrder:
    return _orders.of(wanted.key, lambda: browser_order(*_standing(wanted)[::-1]))


def _plan(wanted: _Order, recipe: str) -> Plan:
    options = restore(PlanOptions, json.loads(recipe))
    return _plans.of(_plan_key(wanted, recipe), lambda: plan_of(*_standing(wanted)[::-1], options))


def _plan_key(wanted: _Order, recipe: str) -> str:
    return hashlib.sha256(f"{wanted.key} {recipe}".encode()).hexdigest()[:24]
