"""What the charts, titles and photos of the page Influence say of the scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fabricated import TARGETS, TOPICS, rewritten
from influence_cases import CLUSTER, chart, numbers, score_again, show, table
from page_cases import fine, sent_to, words

from influencespace.ui import reading, selection
from influencespace.ui.influence_rows import level_rows, standing, subjects

VIEWS = ["Help and harm", "Data and benefit", "Groups and gaps", "Redundancy", "Removal effect"]


def test_every_view_shows_one_subject_with_a_title_and_an_explanation(app, scored):
    opened = fine(app("influence"))
    assert opened.selectbox(key="target").options == ["overall", "gender: woman", "gender: man", "gap in gender"]
    for view in VIEWS:
        for target in ("overall", "gap in gender"):
            for level in ("topic", "cluster"):
                show(opened, influence_view=view, target=target, influence_level=level)
                [heading, *_] = opened.subheader
                assert heading.value == {"Redundancy": view, "Removal effect": view}.get(view, "Selection score")
                assert not any(word in words(opened).lower() for word in ("gradient", "tensor", "artifact"))


def test_title_says_how_many_harm_and_the_chart_shows_them_in_order(app, scored):
    opened = show(app("influence"), influence_level="cluster", target="gender: woman")
    assert "**2 of 6 clusters harm the loss on gender: woman, 4 help**" in words(opened)
    [dots] = chart(opened, "influence_order")
    assert list(np.diff(numbers(dots["x"])) <= 0) == [True] * 5
    assert dots["text"][-1] == f"{TOPICS[1]} · fit badly"
    assert numbers(dots["customdata"])[-1] == 2  # cluster 1.0


def test_what_chance_explains_is_a_ring_and_said_to_be(app, workspace):
    score_again(workspace, error=1.0)
    opened = show(app("influence"), influence_level="cluster")
    assert "None of 6 clusters harms the overall loss, none helps; 6 within chance" in words(opened)
    assert set(chart(opened, "influence_order")[0]["marker"]["symbol"]) == {"circle-open"}
    assert "is **within chance**" in words(opened)
    assert set(table(opened)["verdict"]) == {"within chance"}


def test_shares_are_of_the_chosen_target(app, scored):
    opened = show(app("influence"), influence_level="cluster", influence_view="Data and benefit", target="gender: woman")
    more, less, _ = chart(opened, "influence_shares")
    shares = np.concatenate([numbers(more["y"]), numbers(less["y"])])
    assert shares.sum() == pytest.approx(100)
    sums = reading.table(scored.artifact("scores"), "clusters").set_index("cluster")[TARGETS[1]].clip(lower=0)
    assert sorted(shares) == pytest.approx(sorted(100 * sums / sums.sum()), rel=1e-5)


def test_groups_and_the_gap_stand_side_by_side(app, scored):
    opened = show(app("influence"), influence_view="Groups and gaps", influence_level="cluster")
    heat, points = chart(opened, "influence_heat")
    assert heat["x"] == ["overall", "gender: woman", "gender: man", "gap in gender"]
    places = numbers(points["customdata"])[::4]
    signs = dict(zip(places, (row[3] for row in heat["text"]), strict=True))
    assert [signs[place] for place in range(6)] == ["+", "+", "−", "−", "", ""]
    assert "The loss on **gender: woman** is 0.70 ± 0.28 above that on **gender: man**: a gap beyond chance." in words(opened)
    assert "Beyond chance, 2 clusters narrow it and 2 widen it." in words(opened)


def test_a_gap_within_chance_is_said_to_be_one(app, workspace):
    opened = show(app("influence"), influence_view="Groups and gaps")
    assert "within chance, so there may be no gap to close. What any topic does to it is within chance." in words(opened)


def test_help_for_one_group_at_the_cost_of_another_is_the_title(app, scored):
    opened = show(app("influence"), influence_view="Groups and gaps", influence_level="cluster")
    rows = level_rows(scored.artifact("clusters"), scored.artifact("scores"), "cluster")
    means = rows[[f"{target}.mean" for target in TARGETS[1:]]].to_numpy()
    odd = int((np.sign(means).prod(1) < 0).sum())
    assert odd > 0
    assert f"{odd} of 6 clusters help" in words(opened)


def test_gap_is_chosen_like_a_target_with_its_own_words(app, scored):
    opened = show(app("influence"), target="gap in gender")
    assert "**1 of 3 topics widens the gap in gender, 1 narrows; 1 within chance**" in words(opened)
    assert "12 validation photos" in words(opened)
    assert "The loss on **gender: woman** is 0.70 ± 0.28 above that on **gender: man**: a gap beyond chance." in words(opened)
    assert list(table(opened)["verdict"]) == ["narrows", "within chance", "widens"]


def test_redundancy_says_how_much_repeats(app, scored):
    opened = show(app("influence"), influence_view="Redundancy", influence_level="cluster")
    assert "**25.0 % of the pairs repeat others; in 0 of 6 clusters more than twice as many**" in words(opened)
    points, _ = chart(opened, "influence_redundancy")
    assert sorted(numbers(points["y"])) == pytest.approx([0, 10, 20, 30, 40, 50])


def test_scores_of_before_show_all_but_redundancy(app, workspace):
    assert "gap.gender" not in reading.table(workspace.artifact("scores"), "topics")
    opened = show(app("influence"), influence_view="Redundancy")
    assert "These scores were written before redundancy was looked at." in words(opened)
    assert "repeat others" not in words(opened)
    show(opened, influence_view="Help and harm", target="gap in gender")
    assert len(opened.get("plotly_chart")) == 1


def test_error_of_a_gap_of_before_is_that_of_both_groups(workspace):
    scores, clusters = workspace.artifact("scores"), workspace.artifact("clusters")
    rows = level_rows(clusters, scores, "topic")
    assert rows["gap.gender.error"].to_numpy() == pytest.approx(0.004 * np.sqrt(2))
    gap = subjects(scores.json("targets"))[-1]
    assert standing(rows, gap, "topic")["value"].tolist() == [0, 0, 0]


def test_without_groups_it_says_how_to_get_them(app, workspace):
    targets = workspace.artifact("scores").json("targets")[:1]
    (workspace.artifact("scores").folder / "targets.json").write_text(json.dumps(targets))
    rewritten(workspace, "scores")
    opened = show(app("influence"), influence_view="Groups and gaps")
    assert "No groups are compared in this workspace." in words(opened)
    assert opened.selectbox(key="target").options == ["overall"]


def test_pairs_that_drive_the_score_are_shown_best_and_worst(app, scored):
    opened = app("influence")
    opened.session_state["selection"] = {"workspace": str(scored.path), "choices": [selection.Choice("cluster", "0.1")]}
    opened = show(opened)
    own = np.flatnonzero(CLUSTER == "0.1")
    best, worst = (sent_to(opened, f"influence_{words}")["cards"] for words in ("best", "worst"))
    # Ten pairs, so five each; the later ones help more.
    assert [card["pair"] for card in best] == own[::-1][:5].tolist()
    assert [card["pair"] for card in worst] == own[:5].tolist()
    assert best[0]["note"] == "+1.4 · fit +1.6"


def test_pairs_of_a_gap_are_those_that_differ_between_its_groups(app, scored):
    opened = show(app("influence"), target="gap in gender")
    cards = sent_to(opened, "influence_best")["cards"]
    assert len(cards) == 6
    assert {card["pair"] % 3 for card in cards} == {1}  # of the topic that widens it most


def test_pairs_that_cannot_be_told_apart_are_not_shown_as_best_and_worst(app, workspace):
    opened = app("influence")
    opened.session_state["selection"] = {"workspace": str(workspace.path), "choices": [selection.Choice("cluster", "0.1")]}
    assert "Its pairs cannot be told apart by their influence on the overall loss" in words(show(opened))
