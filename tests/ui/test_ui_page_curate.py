"""The page Curate on a small fabricated workspace: what the panel is sent, triage, the table, and the history."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fabricated import TOPICS, TRAIN, AnyOptions, fabricate
from page_cases import fine, sent_to, words
from streamlit.testing.v1 import AppTest

from influencespace import jobs
from influencespace.curation import sets
from influencespace.curation.comparing import compare_versions
from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.ui import curate_panels, decision_table, planning, version_comparison
from influencespace.ui.selection import Choice
from influencespace.workspace import Workspace

PANEL, TABLE = "curate_panel", "curate_table"
BADLY = [f"{t}.0" for t in range(3)]


def _choose(page, workspace, *choices: Choice):
    page.session_state["selection"] = {"workspace": str(workspace.path), "choices": list(choices)}
    return fine(page.run())


def _press(page, key: str):
    return fine(page.button(key=key).click().run())


def _table(page) -> pd.DataFrame:
    return page.dataframe(key=TABLE).value


def _counts(page) -> tuple[int, int]:
    """Pairs in all and up-weighted ones, as the panel is told."""
    order = sent_to(page, PANEL)["order"]
    return order["pairs"], order["present"]


def _step(workspace, what: str, **options):
    history = History(workspace)
    head = history.head()
    return history.record(what, PlanOptions(**head.options.recipe() | options), head.decisions)


def test_panel_is_sent_the_sliders_and_what_every_ratio_leads_to(app, workspace):
    told = sent_to(fine(app("curate")), PANEL)
    assert told["values"] == {"reduction": 0.2, "cap": 4.0, "fairness": 0.5, "floor": 0.0}
    assert [field["label"] for field in told["fields"]] == [
        "Reduction ratio", "Up-weight cap", "Fairness weight", "Coverage floor",
    ]
    assert all(field["help"] for field in told["fields"])
    assert (told["order"]["pairs"], told["order"]["free"], told["order"]["pruned"]) == (TRAIN, TRAIN, 0)
    assert len(told["order"]["threshold"]) == len(told["order"]["up_weighted"]) == 96
    assert told["order"]["up_weighted"][20] == told["order"]["present"] == 30
    assert len(json.dumps(told)) < 12_000


def test_page_shows_the_newest_version_and_writes_no_plan(app, workspace):
    before = workspace.artifact("plan").digest
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)
    opened = fine(app("curate"))
    assert "**Version 2** :small[:gray[Reduction ratio 50 %]]" in words(opened)
    assert sent_to(opened, PANEL)["values"]["reduction"] == 0.5
    assert _table(opened)["kept"].sum() == 30
    assert workspace.artifact("plan").digest == before


def test_letting_a_slider_go_records_only_what_was_moved(workspace, monkeypatch):
    state = {PANEL: SimpleNamespace(applied={"values": {"reduction": 0.35, "cap": 2.0}, "turn": 3})}
    monkeypatch.setattr(curate_panels.st, "session_state", state)
    monkeypatch.setattr(planning.st, "query_params", {})
    before = _step(workspace, "another", fairness=1.5)
    curate_panels._apply(workspace)
    recorded = History(workspace).head()
    assert recorded.what == "Reduction ratio 35 %, Up-weight cap 2.0 ×"
    assert recorded.options == replace(before.options, reduction=0.35, cap=2.0)
    assert state["curate_turn"] == 3
    state[PANEL].applied = {"values": {"fairness": 1.5}, "turn": 4}
    curate_panels._apply(workspace)
    assert History(workspace).head() == recorded  # that is how it stands


@pytest.mark.parametrize(
    ("decision", "stored", "kept"), [("keep", "keep", 10), ("prune", "prune", 0), ("up-weight", "up-weight", 10)],
)
def test_decision_on_the_selected_cluster_is_a_step_that_can_be_undone(app, workspace, decision, stored, kept):
    opened = _choose(app("curate"), workspace, Choice("cluster", "0.0"))
    assert "**10 pairs** of the cluster" in words(opened)
    _press(opened, f"triage_{decision}")
    assert workspace.decisions() == {"clusters": {"0.0": stored}}
    row = _table(opened).set_index("name").loc[f"{TOPICS[0]} · fit badly"]
    assert (row["kept"], row["decision"], row["reason"]) == (kept, stored, "decided by you")
    assert f":blue-badge[you: {stored}]" in words(opened)
    _press(opened, "history_undo")
    assert workspace.decisions() == {}
    assert set(_table(opened)["decision"]) == {""}
    _press(opened, "history_redo")
    assert workspace.decisions() == {"clusters": {"0.0": stored}}
    _press(opened, "triage_back")
    assert workspace.decisions() == {}
    assert [version.what.split(":")[0] for version in History(workspace).versions()] == [
        "Take back", stored.capitalize(), "the beginning",
    ]


def test_weight_is_given_to_every_pair_of_a_topic(app, workspace):
    opened = _choose(app("curate"), workspace, Choice("topic", "1"))
    opened.number_input(key="triage_number").set_value(3.0)
    fine(next(button for button in opened.button if button.label == "Give them this weight").click().run())
    assert workspace.decisions() == {"topics": {"1": 3.0}}
    rows = _table(opened)
    assert (rows.loc[rows["name"].str.startswith(TOPICS[1]), "weight"] == 3).all()


def test_lassoed_pairs_are_decided_on_as_a_stored_set(app, workspace):
    members = workspace.artifact("clusters").table("members")
    left = members.index[np.round(members["x"] * 65535) < 30000]
    polygon = json.dumps([[0, 0], [30000, 0], [30000, 65535], [0, 65535]])
    opened = _choose(app("curate"), workspace, Choice("area", polygon))
    assert f"**{len(left)} pairs** inside the area" in words(opened)
    _press(opened, "triage_prune")
    [entry] = workspace.decisions()["sets"]
    assert entry["decision"] == "prune"
    assert sorted(sets.load(workspace, entry["set"]).ids.to_pylist()) == sorted(f"pair-{i}" for i in left)
    assert sent_to(opened, PANEL)["order"]["pruned"] == len(left)
    _press(opened, "triage_back")
    assert workspace.decisions() == {}


def test_locked_cluster_stays_as_it_is_whatever_the_sliders_do(app, workspace):
    opened = _choose(app("curate"), workspace, Choice("cluster", "1.0"))
    before = _table(opened).set_index("name").loc[f"{TOPICS[1]} · fit badly", "kept"]
    assert 0 < before < 10
    _press(opened, "triage_lock")
    assert workspace.decisions()["sets"][0]["decision"] == "lock"
    _step(workspace, "more", reduction=0.5)
    after = _table(fine(opened.run())).set_index("name").loc[f"{TOPICS[1]} · fit badly", "kept"]
    assert after == before


def test_nothing_selected_leaves_nothing_to_decide(app, workspace):
    opened = fine(app("curate"))
    assert "Choose a row of the table" in words(opened)
    assert all(opened.button(key=f"triage_{name}").disabled for name in ("keep", "prune", "up-weight", "lock", "back"))


def test_taking_back_what_was_not_decided_says_so(app, workspace):
    opened = _choose(app("curate"), workspace, Choice("cluster", "0.0"))
    opened.button(key="triage_back").click().run()
    assert "no decision on just these pairs" in opened.error[0].value


def test_all_decisions_are_listed_and_taken_back(app, workspace):
    opened = _choose(app("curate"), workspace, Choice("cluster", "0.0"))
    _press(opened, "triage_keep")
    _choose(opened, workspace, Choice("topic", "2"))
    _press(opened, "triage_prune")
    listed = opened.multiselect(key="decided_picked")
    assert listed.options == [f"cluster {TOPICS[0]} · fit badly: keep", f"topic {TOPICS[2]}: prune"]
    listed.set_value(listed.options[:1]).run()
    _press(opened, "decided_some")
    assert workspace.decisions() == {"topics": {"2": "prune"}}
    _press(opened, "decided_all")
    assert workspace.decisions() == {}


def test_keys_go_from_row_to_row_and_stop_at_the_ends(app, workspace):
    opened = fine(app("curate"))
    order = list(_table(opened)["name"])
    for expected in (0, 1, 2):
        _press(opened, "triage_next")
        assert opened.session_state[TABLE]["selection"]["rows"] == [expected]
    for _ in range(5):
        _press(opened, "triage_before")
    assert opened.session_state[TABLE]["selection"]["rows"] == [0]
    assert f"of the cluster “{order[0]}”" in words(opened)


def test_rows_are_ordered_filtered_and_found_on_the_server(app, workspace, monkeypatch):
    monkeypatch.setattr(decision_table, "PAGE", 4)
    opened = fine(app("curate"))
    assert len(_table(opened)) == 4
    opened.session_state[f"{TABLE}_order"] = "By name"
    assert list(_table(fine(opened.run()))["name"]) == [
        f"{topic} · fit {word}" for topic in sorted(TOPICS)[:2] for word in ("badly", "well")
    ]
    for _ in range(5):
        _press(opened, "triage_next")
    assert len(_table(opened)) == 2  # the next page
    opened.selectbox(key=f"{TABLE}_order").set_value("Helps most first").run()
    opened.text_input(key=f"{TABLE}_find").set_value("Bicycle").run()
    assert list(_table(opened)["name"]) == [f"{TOPICS[2]} · fit {word}" for word in ("well", "badly")]
    opened.multiselect(key=f"{TABLE}_only").set_value(["prune"]).run()
    assert "No row is like that." in words(opened)


def test_rows_say_influence_with_its_interval_the_gap_and_the_reason(app, workspace):
    row = _table(fine(app("curate"))).set_index("name").loc[f"{TOPICS[0]} · fit well"]
    assert row["influence"] == "+1.20 ± 0.31"  # 0.03 of a mean of 0.025 over the clusters, whichever their sign
    # Removing it raises the loss of women by 0.021 x 0.6 and of men by 0.021 x 0.4: 0.0042 of an overall loss of 2.
    assert row["narrows"] == "+0.21 %"
    assert (row["pairs"], row["kept"], row["disposition"]) == (10, 10, "up-weight")
    assert "benefit" in row["reason"]


@pytest.mark.parametrize(
    ("values", "said"),
    [([0.214, -0.0301, 0.0], ["+0.21", "−0.03", "0.00"]), ([12.0, -0.2], ["+12", "0"]), ([0.0, np.nan], ["0", ""])],
)
def test_numbers_have_two_figures_of_the_largest_and_no_sign_at_zero(values, said):
    assert decision_table.legible(np.array(values)) == said


def test_decision_goes_to_what_was_selected_since_the_buttons_were_drawn(app, workspace):
    opened = _choose(app("curate"), workspace, Choice("cluster", "0.0"))
    opened.session_state["selection"] = {"workspace": str(workspace.path), "choices": [Choice("cluster", "1.1")]}
    _press(opened, "triage_keep")
    assert workspace.decisions() == {"clusters": {"1.1": "keep"}}


def test_topics_sum_up_their_clusters(app, workspace):
    opened = app("curate")
    opened.session_state[f"{TABLE}_level"] = "Topics"
    rows = _table(fine(opened.run())).set_index("name")
    assert sorted(rows.index) == sorted(TOPICS)
    assert rows["pairs"].tolist() == [20, 20, 20]
    assert rows["kept"].sum() == 48


def test_photos_of_the_selection_begin_with_what_harms_most(app, workspace):
    opened = _choose(app("curate"), workspace, Choice("topic", "0"))
    cards = sent_to(opened, "curate_photos")["cards"]
    assert len(cards) == 12
    assert [card["note"].split(" · ")[0] for card in cards] == ["harms"] * 10 + ["helps"] * 2
    assert cards[0]["mark"]["text"] == "prune"


def test_address_opens_a_version_and_a_change_branches_from_it(app, workspace):
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)
    _step(workspace, "Reduction ratio 60 %", reduction=0.6)
    History(workspace).name(2, "for review")
    opened = app("curate")
    opened.query_params["version"] = "for review"
    assert "This is **for review (version 2)**, not the newest (Version 3)" in words(fine(opened.run()))
    assert sent_to(opened, PANEL)["values"]["reduction"] == 0.5
    assert opened.button(key="history_undo").disabled
    _choose(opened, workspace, Choice("cluster", "0.0"))
    _press(opened, "triage_keep")
    head = History(workspace).head()
    assert (head.id, head.parent, head.options.reduction) == (4, 2, 0.5)
    assert "not the newest" not in words(opened)


def test_older_version_can_be_returned_to_or_left(app, workspace):
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)
    opened = app("curate")
    opened.query_params["version"] = "1"
    fine(opened.run())
    _press(opened, "history_newest")
    assert "**Version 2**" in words(opened)
    opened.query_params["version"] = "1"
    fine(opened.run())
    _press(opened, "history_return")
    assert History(workspace).head().id == 1
    assert "not the newest" not in words(opened)


@pytest.mark.parametrize("address", ["77", "-1", "²", "9" * 30, "../x"])
def test_address_of_no_version_says_so(app, workspace, address):
    opened = app("curate")
    opened.query_params["version"] = address
    assert f"There is no version “{address}”; this is the newest." in words(fine(opened.run()))


def test_versions_are_listed_and_named(app, workspace):
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)
    opened = _press(app("curate"), "history_open")
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
    _press(opened, "history_look")
    assert opened.query_params["version"] == "1"
    assert "not the newest (half (version 2))" in words(opened)


def test_step_of_another_visitor_is_told_of_once(app, workspace):
    opened = fine(app("curate"))
    assert not opened.toast
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)
    assert "Changed elsewhere meanwhile: Version 2, Reduction ratio 50 %" in fine(opened.run()).toast[0].value
    assert not fine(opened.run()).toast


def test_decision_about_what_is_there_no_more_can_still_be_taken_back(app, workspace):
    workspace.decide({"clusters": {"9.9": "prune"}})
    opened = app("curate")
    assert not opened.exception
    assert ["There is a decision about '9.9'" in error.value for error in opened.error] == [True]
    opened.button(key="decided_all").click().run()
    assert workspace.decisions() == {}
    fine(opened)


def test_demo_shows_how_much_of_what_was_planted_is_pruned(app, workspace, tmp_path, monkeypatch):
    pairs = workspace.artifact("pairs").table("pairs")
    truth = pd.DataFrame({"image": pairs["image"][:TRAIN], "damage": "none", "rare": False})
    truth.loc[:2, "damage"] = "mismatch"
    truth.to_json(tmp_path / "truth.jsonl", orient="records", lines=True)
    monkeypatch.chdir(tmp_path)
    shown = next(frame.value for frame in fine(app("curate")).dataframe if "kind" in frame.value).set_index("kind")
    assert shown.loc["mismatch", "planted"] == 3
    assert shown.loc["undamaged pairs", "planted"] == TRAIN - 3
    assert shown["pruned"].sum() == 12


def test_what_is_not_predicted_can_be(app, tmp_path):
    fabricate(tmp_path / "demo", upto="plan")
    opened = fine(app("curate"))
    assert "The predictions are not there yet." in words(opened)
    assert sent_to(opened, PANEL)["prediction"]["grid"] is None
    fine(next(button for button in opened.button if button.label == "Predict what removing would do").click().run())
    assert app.submitted == [("demo", [("effects", {})])]


@pytest.mark.parametrize("upto", ["pairs", "clusters"])
def test_half_computed_workspace_asks_for_the_scores(app, tmp_path, upto):
    fabricate(tmp_path / "demo", upto=upto)
    opened = fine(app("curate"))
    assert "The influence scores are not there yet." in words(opened)
    assert not opened.get("bidi_component")


def test_page_of_an_importing_workspace_waits(app, tmp_path, monkeypatch):
    Workspace(tmp_path / "mine", create=True)
    running = _job("running", commands=[["import", {}], ["score", {}]])
    monkeypatch.setattr(jobs, "active", lambda workspace: running)
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [running])
    assert "The influence scores are on the way" in words(fine(app("curate")))


def test_scores_of_before_say_so(app, workspace):
    with workspace.write("clusters", AnyOptions(seed=1)) as draft:
        for name in ("members", "clusters", "topics"):
            draft.table(name, pd.read_parquet(workspace.path / "clusters" / f"{name}.parquet"))
    opened = fine(app("curate"))
    assert "out of date: something before has changed" in words(opened)
    assert not opened.get("bidi_component")


@pytest.mark.parametrize("status", ["running", "failed"])
def test_page_can_be_used_while_something_is_trained_and_after_it_failed(app, workspace, monkeypatch, status):
    job = _job(status, commands=[["train", {}]], message="The GPU is full.")
    monkeypatch.setattr(jobs, "active", lambda workspace: job if status == "running" else None)
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [job])
    opened = app("curate")
    assert [error.value for error in opened.error] == (["The GPU is full."] if status == "failed" else [])
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)
    opened.run()
    assert sent_to(opened, PANEL)["values"]["reduction"] == 0.5


def _job(status: str, **values) -> jobs.Job:
    plain = {
        "id": 7, "title": "Training", "commands": [], "done": 0, "total": 0, "what": "", "message": "", "pid": 1,
        "submitted": 0.0, "started": 1.0, "heartbeat": None, "cancelled": None, "finished": None,
    }
    return jobs.Job(**plain | values, status=status)


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
    _step(workspace, "Reduction ratio 50 %", reduction=0.5)

    def script(path):
        from influencespace.curation.history import History
        from influencespace.ui import version_comparison
        from influencespace.workspace import Workspace

        workspace = Workspace(path)
        version_comparison.show(workspace, History(workspace).version(1), History(workspace).version(2))

    shown = fine(AppTest.from_function(script, args=(str(workspace.path),)).run())
    assert "**Version 1** beside **Version 2**: both keep 30 of 60 pairs" in words(shown)
    assert list(shown.dataframe[1].value.columns) == ["Cluster", "Pairs", "Version 1", "Version 2"]
