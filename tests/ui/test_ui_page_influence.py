"""The page Influence in every state of a workspace, and what is chosen on it by address, click and search."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from fabricated import TOPICS, AnyOptions, fabricate
from influence_cases import chart, job, numbers, running, show, table
from page_cases import fine, words

from influencespace import jobs
from influencespace.ui import influence_panels, selection
from influencespace.ui.influence_rows import level_rows, standing, subjects
from influencespace.workspace import Workspace


def test_without_pairs_there_is_a_sentence_with_one_button(app, tmp_path):
    Workspace(tmp_path / "mine", create=True)
    opened = fine(app("influence"))
    assert "There are no pairs in this workspace yet." in words(opened)
    assert [button.label for button in opened.button] == ["Open the demo"]


@pytest.mark.parametrize("upto", ["pairs", "proxy", "clusters"])
def test_before_there_are_scores_one_button_makes_them(app, tmp_path, upto):
    fabricate(tmp_path / "demo", upto=upto)
    opened = fine(app("influence"))
    assert "The influence scores are not there yet." in words(opened)
    opened.button[0].click().run()
    assert app.submitted == [("demo", [("score", {})])]


def test_scores_on_the_way_are_said_to_be(app, tmp_path, monkeypatch):
    fabricate(tmp_path / "demo", upto="clusters")
    running(monkeypatch, "score")
    assert "The influence scores are on the way" in words(fine(app("influence")))


def test_stale_scores_say_so(app, scored):
    with scored.write("clusters", AnyOptions(seed=1)) as draft:
        for name in ("members", "clusters", "topics"):
            draft.table(name, scored.artifact("clusters").table(name))
    opened = fine(app("influence"))
    assert "The influence scores are out of date" in words(opened)
    assert [button.label for button in opened.button] == ["Bring up to date"]


def test_while_a_model_trains_the_page_is_whole(app, scored, monkeypatch):
    running(monkeypatch, "train")
    opened = fine(app("influence"))
    assert len(opened.get("progress")) == 1
    assert len(opened.get("plotly_chart")) == 1


def test_a_failed_job_leaves_the_page_whole(app, scored, monkeypatch):
    failed = job(status="failed", message="The device is not there.")
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [failed])
    opened = app("influence")
    assert [error.value for error in opened.error] == ["The device is not there."]
    assert len(opened.get("plotly_chart")) == 1


def test_without_a_choice_the_worst_is_shown_and_said_to_be(app, scored):
    opened = app("influence")
    assert "Shown is the topic with the lowest score" in words(fine(opened))
    assert f"#### {TOPICS[0]}" in words(opened)
    assert "topic" not in opened.query_params


@pytest.mark.parametrize(("level", "value", "name"), [
    ("topic", "1", TOPICS[1]), ("cluster", "2.1", f"{TOPICS[2]} · fit well"),
])
def test_choice_of_another_page_is_shown_at_its_level_and_in_the_address(app, scored, level, value, name):
    opened = app("influence")
    opened.session_state["selection"] = {"workspace": str(scored.path), "choices": [selection.Choice(level, value)]}
    fine(opened.run())
    assert f"#### {name}" in words(opened)
    assert opened.session_state["influence_level"] == level
    assert opened.query_params[level] == value
    # The level may be changed then.
    show(opened, influence_level="topic" if level == "cluster" else "cluster")
    assert level not in opened.query_params
    assert len(table(opened)) == (3 if level == "cluster" else 6)


def test_address_names_target_and_cluster(app, scored):
    opened = app()
    opened.query_params["cluster"] = "1.1"
    opened.query_params["target"] = "gender: woman"
    opened.switch_page("../../pages/influence.py")
    fine(opened.run())
    assert f"#### {TOPICS[1]} · fit well" in words(opened)
    assert opened.selectbox(key="target").value == "gender: woman"


def test_name_in_the_address_that_is_no_cluster_shows_the_worst(app, scored):
    opened = app()
    opened.query_params["cluster"] = "99.9"
    opened.switch_page("../../pages/influence.py")
    assert "Shown is the cluster with the lowest score" in words(fine(opened.run()))


def test_target_of_another_workspace_is_forgotten(app, scored):
    opened = app()
    opened.session_state["target"] = "age=old"
    opened.switch_page("../../pages/influence.py")
    assert fine(opened.run()).selectbox(key="target").value == "overall"


@pytest.mark.parametrize(("points", "chosen_label"), [
    ([{"customdata": 4}], "2.0"), ([], None), ([{"customdata": 99}], None), ([{}], None),
])
def test_click_on_a_point_chooses_its_row(scored, monkeypatch, points, chosen_label):
    kept, chosen = {}, []
    monkeypatch.setattr(influence_panels.st, "session_state", kept)
    monkeypatch.setattr(influence_panels.st, "plotly_chart", lambda figure, on_select, **how: kept.update(on_select=on_select))
    monkeypatch.setattr(selection, "choose", lambda *choice: chosen.append(choice))
    view = pd.DataFrame({"label": ["0.0", "0.1", "1.0", "1.1", "2.0"]})
    influence_panels.clickable(scored, SimpleNamespace(update_layout=lambda **how: None), view, "cluster", key="c", alt="")
    kept["c"] = {"selection": {"points": points}}
    kept["on_select"]()
    assert chosen == ([(scored, "cluster", chosen_label)] if chosen_label else [])


def test_click_on_a_row_of_the_table_chooses_it(app, scored, monkeypatch):
    opened = show(app("influence"), influence_level="cluster", influence_sort="Name")
    assert list(table(opened)["name"]) == sorted(table(opened)["name"])
    label = list(table(opened)["label"])[1]
    choose = influence_panels._on_row(scored, "t", table(opened)["label"], "cluster")
    chosen = []
    monkeypatch.setattr(influence_panels.st, "session_state", {"t": {"selection": {"rows": [1]}}})
    monkeypatch.setattr(selection, "choose", lambda *choice: chosen.append(choice))
    choose()
    influence_panels.st.session_state["t"]["selection"]["rows"] = [7]  # of a page that was longer
    choose()
    assert chosen == [(scored, "cluster", label)]


def test_search_leaves_the_clusters_of_that_name(app, scored):
    opened = show(app("influence"), influence_level="cluster", influence_find="HARBOUR")
    assert [heading.value for heading in opened.subheader][-1] == "2 of 6 clusters"
    assert set(table(opened)["label"]) == {"1.0", "1.1"}
    assert set(numbers(chart(opened, "influence_order")[0]["customdata"])) == {2, 3}
    show(opened, influence_find="2.1")
    assert set(table(opened)["label"]) == {"2.1"}
    show(opened, influence_find="(nothing")
    assert "No cluster has that in its name. Clear the search to see all 6." in words(opened)


def test_what_is_shown_can_be_selected_and_then_links_lead_to_the_pages_that_show_it(app, scored):
    opened = show(app("influence"), influence_level="cluster")
    assert not opened.get("page_link")
    opened.button(key="influence_select").click().run()
    assert opened.session_state["selection"]["choices"] == [selection.Choice("cluster", "0.0")]
    assert [link.proto.label for link in fine(opened).get("page_link")] == ["On the map", "Decide"]
    assert opened.query_params["cluster"] == "0.0"


def test_many_clusters_come_by_pages(app, scored, monkeypatch):
    monkeypatch.setattr(influence_panels, "LINES", 4)
    monkeypatch.setattr(influence_panels, "PAGE", 2)
    monkeypatch.setattr(influence_panels, "CELLS", 4)
    opened = show(app("influence"), influence_level="cluster")
    everything = list(standing(
        level_rows(scored.artifact("clusters"), scored.artifact("scores"), "cluster"),
        subjects(scored.artifact("scores").json("targets"))[0], "cluster",
    )["value"].argsort()[::-1])
    both = list(numbers(chart(opened, "influence_order")[0]["customdata"]))
    assert both == everything[:2] + everything[-2:]
    assert "The 2 at either end of 6." in words(opened)
    assert len(table(opened)) == 2
    show(opened, influence_order_show="From the worst")
    assert list(numbers(chart(opened, "influence_order")[0]["customdata"])) == everything[::-1][:4]
    show(opened, influence_order_page_2=2)
    assert list(numbers(chart(opened, "influence_order")[0]["customdata"])) == everything[::-1][4:]
    show(opened, influence_view="Groups and gaps")
    assert len(chart(opened, "influence_heat")[0]["text"]) == 4
    assert "The 2 that help and the 2 that harm most, of 6." in words(opened)
