"""Versions on the page Curate: by address, in the list, compared, and those of others."""

from __future__ import annotations

import pytest
from curate_cases import PANEL, choose, press, step
from fabricated import TOPICS
from page_cases import fine, sent_to, words
from streamlit.testing.v1 import AppTest

from influencespace.curation.comparing import compare_versions
from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.ui import version_comparison
from influencespace.ui.selection import Choice


def test_address_opens_a_version_and_a_change_branches_from_it(app, workspace):
    step(workspace, "Reduction ratio 50 %", reduction=0.5)
    step(workspace, "Reduction ratio 60 %", reduction=0.6)
    History(workspace).name(2, "for review")
    opened = app("curate")
    opened.query_params["version"] = "for review"
    assert "This is **for review (version 2)**, not the newest (Version 3)" in words(fine(opened.run()))
    assert sent_to(opened, PANEL)["values"]["reduction"] == 0.5
    assert opened.button(key="history_undo").disabled
    choose(opened, workspace, Choice("cluster", "0.0"))
    press(opened, "triage_keep")
    head = History(workspace).head()
    assert (head.id, head.parent, head.options.reduction) == (4, 2, 0.5)
    assert "not the newest" not in words(opened)


def test_older_version_can_be_returned_to_or_left(app, workspace):
    step(workspace, "Reduction ratio 50 %", reduction=0.5)
    opened = app("curate")
    opened.query_params["version"] = "1"
    fine(opened.run())
    press(opened, "history_newest")
    assert "**Version 2**" in words(opened)
    opened.query_params["version"] = "1"
    fine(opened.run())
    press(opened, "history_return")
    assert History(workspace).head().id == 1
    assert "not the newest" not in words(opened)


@pytest.mark.parametrize("address", ["77", "-1", "²", "9" * 30, "../x"])
def test_address_of_no_version_says_so(app, workspace, address):
    opened = app("curate")
    opened.query_params["version"] = address
    assert f"There is no version “{address}”; this is the newest." in words(fine(opened.run()))


def test_versions_are_listed_and_named(app, workspace):
    step(workspace, "Reduction ratio 50 %", reduction=0.5)
    opened = press(app("curate"), "history_open")
    rows = opened.dataframe(key="history_table").value
    assert list(rows["Version"]) == [2, 1]
    assert list(rows["Reduction"]) == ["50 %", "20 %"]
    opened.text_input(key="history_name_2").set_value("half").run()
    assert History(workspace).version("half").id == 2
    assert "**half (version 2)**" in words(fine(opened))
    opened.button(key="history_open").click().run()
    opened.session_state["history_table"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    opened.button(key="history_open").click().run()
    assert not opened.button(key="history_look").disabled
    press(opened, "history_look")
    assert opened.query_params["version"] == "1"
    assert "not the newest (half (version 2))" in words(opened)


def test_step_of_another_visitor_is_told_of_once(app, workspace):
    opened = fine(app("curate"))
    assert not opened.toast
    step(workspace, "Reduction ratio 50 %", reduction=0.5)
    assert "Changed elsewhere meanwhile: Version 2, Reduction ratio 50 %" in fine(opened.run()).toast[0].value
    assert not fine(opened.run()).toast


def test_two_versions_are_compared_by_pairs_clusters_and_effects(app, workspace):
    history = History(workspace)
    history.record("Reduction ratio 50 %", PlanOptions(reduction=0.5), {"clusters": {"0.1": "prune"}})
    found = compare_versions(workspace, 1, 2)
    assert version_comparison.sentence(found).startswith("both keep 30 of 60 pairs; only the first keeps 18, only the second 0;")
    rows = version_comparison.figures(found, workspace.artifact("effects").facts["losses"]).set_index("")
    assert list(rows.columns) == ["Version 1", "Version 2"]
    assert rows.loc["Reduction ratio"].tolist() == ["20 %", "50 %"]
    assert rows.loc["Your decisions"].tolist() == ["0", "1"]
    assert rows.loc["Pairs kept"].tolist() == ["48", "30"]
    assert rows.loc["Predicted loss, overall", "Version 1"].startswith("2.000 → 1.7")
    assert rows.loc["Measured recall, influence − full"].tolist() == ["+2.0 [+1.0, +3.0] points of R@10", "not trained"]
    treated = version_comparison.clusters(found).set_index("Cluster")
    assert treated.loc[f"{TOPICS[0]} · fit well", "Version 2"] == "prune"


def test_versions_that_do_the_same_are_said_to(app, workspace):
    found = compare_versions(workspace, 1, 1)
    assert version_comparison.sentence(found) == "both treat every pair alike."
    assert version_comparison.clusters(found).empty


def test_comparison_says_what_is_treated_otherwise(workspace):
    step(workspace, "Reduction ratio 50 %", reduction=0.5)

    def script(path):
        from influencespace.curation.history import History
        from influencespace.ui import version_comparison
        from influencespace.workspace import Workspace

        workspace = Workspace(path)
        version_comparison.show(workspace, History(workspace).version(1), History(workspace).version(2))

    shown = fine(AppTest.from_function(script, args=(str(workspace.path),)).run())
    assert "**Version 1** beside **Version 2**: both keep 30 of 60 pairs" in words(shown)
    assert list(shown.dataframe[1].value.columns) == ["Cluster", "Pairs", "Version 1", "Version 2"]
