"""What tests of the page Curate do on it."""

from __future__ import annotations

import pandas as pd
from page_cases import fine, sent_to

from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.ui.selection import Choice

PANEL, TABLE = "curate_panel", "curate_table"


def choose(page, workspace, *choices: Choice):
    page.session_state["selection"] = {"workspace": str(workspace.path), "choices": list(choices)}
    return fine(page.run())


def press(page, key: str):
    return fine(page.button(key=key).click().run())


def table(page) -> pd.DataFrame:
    return page.dataframe(key=TABLE).value


def counts(page) -> tuple[int, int]:
    """Pairs in all and up-weighted ones, as the panel is told."""
    order = sent_to(page, PANEL)["order"]
    return order["pairs"], order["present"]


def step(workspace, what: str, **options):
    history = History(workspace)
    head = history.head()
    return history.record(what, PlanOptions(**head.options.recipe() | options), head.decisions)
