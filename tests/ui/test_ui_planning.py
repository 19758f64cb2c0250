"""The plan of the version that the address names, in memory, equal to what the stage writes."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from fabricated import fabricate

from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import CAPS, Response
from influencespace.curation.stage import plan_subset
from influencespace.ui import planning
from influencespace.ui.prediction import RATIOS


@pytest.fixture
def small(tmp_path, monkeypatch):
    address: dict[str, str] = {}
    monkeypatch.setattr(planning.st, "query_params", address)
    workspace = fabricate(tmp_path / "demo", upto="effects")
    workspace.address = address
    return workspace


def test_the_newest_version_is_shown_unless_the_address_names_another(small):
    first = planning.shown(small)
    second = planning.decide(small, "prune more", options=lambda before: replace(before, reduction=0.4))
    assert planning.shown(small) == second == History(small).head()
    small.address["version"] = str(first.id)
    assert planning.shown(small) == first
    History(small).name(first.id, "as it was")
    small.address["version"] = "as it was"
    assert planning.shown(small).id == first.id
    assert planning.not_found(small) is None


def test_a_version_that_does_not_exist_is_told(small):
    small.address["version"] = "none such"
    assert planning.shown(small) == History(small).head()
    assert planning.not_found(small) == "none such"


def test_deciding_on_an_old_version_begins_a_branch_that_is_shown(small):
    first = planning.shown(small)
    planning.decide(small, "prune more", options=lambda before: replace(before, reduction=0.4))
    small.address["version"] = str(first.id)
    branch = planning.decide(small, "keep it", decisions=lambda _: {"clusters": {"1.0": "keep"}})
    assert branch.parent == first.id
    assert branch.options == first.options
    assert "version" not in small.address
    assert planning.shown(small) == branch


def test_the_plan_is_what_the_stage_writes(small):
    version = planning.decide(
        small, "all of it", options=lambda _: PlanOptions(reduction=0.35, cap=3.0),
        decisions=lambda _: {"clusters": {"1.0": "keep"}, "topics": {"2": "prune"}},
    )
    plan = planning.plan(small)
    with small.lock():
        written = plan_subset(small, version.options)
    np.testing.assert_array_equal(plan.weights, written.table("pairs")["weight"])
    np.testing.assert_array_equal(plan.dispositions, written.table("pairs")["disposition"])
    table, stored = planning.clusters(small).set_index("cluster"), written.table("clusters").set_index("cluster")
    assert dict(table["reason"]) == dict(stored["reason"])
    assert dict(table["kept"]) == dict(stored["kept"])


def test_ratio_and_cap_leave_the_order_as_it_is(small):
    own, before = planning.order(small), planning.key(small)
    planning.decide(small, "ratio", options=lambda before: replace(before, reduction=0.5, cap=7.0))
    assert planning.key(small) == before
    assert planning.order(small) is own
    planning.decide(small, "fairness", options=lambda before: replace(before, fairness=before.fairness + 1))
    assert planning.key(small) != before


def test_gains_are_reckoned_in_any_thread(small):
    reckon, found = planning.gains(small), []
    response = Response.read(small.artifact("effects"))
    thread = threading.Thread(target=lambda: found.append(reckon(response)))
    thread.start()
    thread.join()
    assert found[0].shape == (len(RATIOS), len(CAPS), 3)
    assert np.isfinite(found[0]).all()
