"""Decisions on the page Curate: taken, followed, listed and taken back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from curate_cases import PANEL, choose, press, step, table
from fabricated import TOPICS
from page_cases import fine, sent_to, words

from influencespace.curation import sets
from influencespace.curation.history import History
from influencespace.ui.selection import Choice


@pytest.mark.parametrize(
    ("decision", "stored", "kept"), [("keep", "keep", 10), ("prune", "prune", 0), ("up-weight", "up-weight", 10)],
)
def test_decision_on_the_selected_cluster_is_a_step_that_can_be_undone(app, workspace, decision, stored, kept):
    opened = choose(app("curate"), workspace, Choice("cluster", "0.0"))
    assert "**10 pairs** of the cluster" in words(opened)
    press(opened, f"triage_{decision}")
    assert workspace.decisions() == {"clusters": {"0.0": stored}}
    row = table(opened).set_index("name").loc[f"{TOPICS[0]} · fit badly"]
    assert (row["kept"], row["decision"], row["reason"]) == (kept, stored, "decided by you")
    assert f":blue-badge[you: {stored}]" in words(opened)
    press(opened, "history_undo")
    assert workspace.decisions() == {}
    assert set(table(opened)["decision"]) == {""}
    press(opened, "history_redo")
    assert workspace.decisions() == {"clusters": {"0.0": stored}}
    press(opened, "triage_back")
    assert workspace.decisions() == {}
    assert [version.what.split(":")[0] for version in History(workspace).versions()] == [
        "Take back", stored.capitalize(), "the beginning",
    ]


def test_weight_is_given_to_every_pair_of_a_topic(app, workspace):
    opened = choose(app("curate"), workspace, Choice("topic", "1"))
    opened.number_input(key="triage_number").set_value(3.0)
    fine(next(button for button in opened.button if button.label == "Give them this weight").click().run())
    assert workspace.decisions() == {"topics": {"1": 3.0}}
    rows = table(opened)
    assert (rows.loc[rows["name"].str.startswith(TOPICS[1]), "weight"] == 3).all()


def test_lassoed_pairs_are_decided_on_as_a_stored_set(app, workspace):
    members = workspace.artifact("clusters").table("members")
    left = members.index[np.round(members["x"] * 65535) < 30000]
    polygon = json.dumps([[0, 0], [30000, 0], [30000, 65535], [0, 65535]])
    opened = choose(app("curate"), workspace, Choice("area", polygon))
    assert f"**{len(left)} pairs** inside the area" in words(opened)
    press(opened, "triage_prune")
    [entry] = workspace.decisions()["sets"]
    assert entry["decision"] == "prune"
    assert sorted(sets.load(workspace, entry["set"]).ids.to_pylist()) == sorted(f"pair-{i}" for i in left)
    assert sent_to(opened, PANEL)["order"]["pruned"] == len(left)
    press(opened, "triage_back")
    assert workspace.decisions() == {}


def test_locked_cluster_stays_as_it_is_whatever_the_sliders_do(app, workspace):
    opened = choose(app("curate"), workspace, Choice("cluster", "1.0"))
    before = table(opened).set_index("name").loc[f"{TOPICS[1]} · fit badly", "kept"]
    assert 0 < before < 10
    press(opened, "triage_lock")
    assert workspace.decisions()["sets"][0]["decision"] == "lock"
    step(workspace, "more", reduction=0.5)
    after = table(fine(opened.run())).set_index("name").loc[f"{TOPICS[1]} · fit badly", "kept"]
    assert after == before


def test_nothing_selected_leaves_nothing_to_decide(app, workspace):
    opened = fine(app("curate"))
    assert "Choose a row of the table" in words(opened)
    assert all(opened.button(key=f"triage_{name}").disabled for name in ("keep", "prune", "up-weight", "lock", "back"))


def test_taking_back_what_was_not_decided_says_so(app, workspace):
    opened = choose(app("curate"), workspace, Choice("cluster", "0.0"))
    opened.button(key="triage_back").click().run()
    assert "no decision on just these pairs" in opened.error[0].value


def test_all_decisions_are_listed_and_taken_back(app, workspace):
    opened = choose(app("curate"), workspace, Choice("cluster", "0.0"))
    press(opened, "triage_keep")
    choose(opened, workspace, Choice("topic", "2"))
    press(opened, "triage_prune")
    listed = opened.multiselect(key="decided_picked")
    assert listed.options == [f"cluster {TOPICS[0]} · fit badly: keep", f"topic {TOPICS[2]}: prune"]
    listed.set_value(listed.options[:1]).run()
    press(opened, "decided_some")
    assert workspace.decisions() == {"topics": {"2": "prune"}}
    press(opened, "decided_all")
    assert workspace.decisions() == {}


def test_decision_goes_to_what_was_selected_since_the_buttons_were_drawn(app, workspace):
    opened = choose(app("curate"), workspace, Choice("cluster", "0.0"))
    opened.session_state["selection"] = {"workspace": str(workspace.path), "choices": [Choice("cluster", "1.1")]}
    press(opened, "triage_keep")
    assert workspace.decisions() == {"clusters": {"1.1": "keep"}}


def test_decision_about_what_is_there_no_more_can_still_be_taken_back(app, workspace):
    workspace.decide({"clusters": {"9.9": "prune"}})
    opened = app("curate")
    assert not opened.exception
    assert ["There is a decision about '9.9'" in error.value for error in opened.error] == [True]
    opened.button(key="decided_all").click().run()
    assert workspace.decisions() == {}
    fine(opened)
