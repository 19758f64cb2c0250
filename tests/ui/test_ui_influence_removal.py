"""Removal effects on the page Influence, and their check by retraining."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from fabricated import TOPICS, AnyOptions, fabricate, write_effects
from influence_cases import chart, numbers, running, show
from page_cases import fine, words

from influencespace import jobs
from influencespace.influence.verification import check
from influencespace.ui import effect_panels
from influencespace.ui.influence_rows import subjects

PREDICT = "Predict what removing would do"


def test_search_holds_for_removal_effects_too(app, scored):
    opened = show(app("influence"), influence_view="Removal effect", influence_find="harbour")
    assert set(numbers(chart(opened, "influence_effects")[0]["customdata"])) == {2, 3}
    show(opened, influence_find="1")  # the number of a topic, which no cluster has
    assert len(numbers(chart(opened, "influence_effects")[0]["customdata"])) == 6


def test_score_and_removal_of_a_cluster_stand_apart_on_every_target(app, scored):
    opened = show(app("influence"), influence_level="cluster")
    figures = opened.dataframe[0].value.set_index("on")
    assert list(figures.index) == ["overall", "gender: woman", "gender: man", "gap in gender"]
    # The cluster 0.0, without which losses of 2, 2.5 and 1.9 fall by 0.01, 0.012 and 0.008.
    assert figures["effect"].to_numpy() == pytest.approx([-0.5, -0.48, -0.008 / 1.9 * 100, -0.2], rel=1e-5)
    assert list(figures["verdict"]) == ["verified", "verified", "doubtful", "doubtful"]
    assert figures["score"].iloc[0].startswith("−0.")
    assert list(figures["does"]) == ["harms", "helps", "harms", "narrows"]


def test_topics_have_no_removal_effect(app, scored):
    opened = fine(app("influence"))
    assert "effect" not in opened.dataframe[0].value
    assert "a topic's is not the sum of its clusters'" in words(opened)


def test_removal_effects_are_in_percent_of_the_loss_with_those_at_both_ends_by_name(app, scored):
    opened = show(app("influence"), influence_view="Removal effect", influence_level="cluster")
    [dots] = chart(opened, "influence_effects")
    expected = 0.5 * np.array([-0.02, 0.021, -0.018, 0.023, -0.016, 0.025]) / 2 * 100
    assert np.allclose(numbers(dots["x"]), np.sort(expected)[::-1])
    assert (
        f"**The overall loss would rise by 0.63 % without “{TOPICS[2]} · fit well”, and fall by 0.5 % without "
        f"“{TOPICS[0]} · fit badly”**"
    ) in words(opened)


def test_bars_of_removal_effects_are_what_predictions_were_off_by(scored):
    subject = subjects(scored.artifact("scores").json("targets"))[0]
    made, found, clusters = (scored.artifact(name) for name in ("effects", "verification", "clusters"))
    compared = found.table("clusters").query("target == 'overall'")
    off = np.sqrt(np.mean((compared["actual"] - compared["predicted"]) ** 2))
    assert effect_panels.removal(made, found, clusters, subject)["error"].to_numpy() == pytest.approx(100 / 2 * off)
    assert effect_panels.removal(made, None, clusters, subject)["error"].isna().all()


def test_badge_is_a_word_and_a_sign_for_the_chosen_target(app, scored):
    opened = show(app("influence"), influence_view="Removal effect")
    assert ":green-badge[:material/verified: verified]" in words(opened)
    show(opened, target="gender: man")
    assert ":orange-badge[:material/warning: doubtful]" in words(opened)


def test_gap_has_a_check_of_its_own(app, scored):
    """Four clusters are too few to say more, however right both groups are."""
    opened = show(app("influence"), influence_view="Removal effect", target="gap in gender")
    assert ":orange-badge[:material/warning: doubtful]" in words(opened)
    rows = scored.artifact("verification").table("clusters").pivot(index="cluster", columns="target")
    predicted, actual = (rows[side]["gender=woman"] - rows[side]["gender=man"] for side in ("predicted", "actual"))
    entry = check(predicted.to_numpy(), actual.to_numpy()).json()
    figures = opened.dataframe[0].value.set_index("Figure")["Value"]
    assert figures["Size (slope; 1 is right)"].startswith("1.10")
    assert entry["slope"]["mean"] == pytest.approx(1.1)
    assert "would widen by" in words(opened)


def test_check_shows_predicted_beside_retrained_and_what_guessing_would_do(app, scored):
    opened = show(app("influence"), influence_view="Removal effect")
    first, predicted = chart(opened, "influence_check")
    assert np.allclose(numbers(first["x"]), 0.5 * numbers(predicted["x"]))
    assert np.allclose(numbers(predicted["y"]), 1.1 * numbers(predicted["x"]))
    figures, plans = (frame.value for frame in opened.dataframe[:2])
    assert list(figures["Value"]) == ["0.99  [0.90, 1.00]"] * 4 + ["0.75"]
    assert plans[["reduction", "predicted", "actual"]].to_numpy() == pytest.approx(np.array([[15, 0.15, 0.16], [30, 0.3, 0.31]]))
    assert "4 of 6 clusters were left out" in words(opened)
    show(opened, target="gender: man")
    assert list(opened.dataframe[0].value["Value"])[2] == "–"


def test_what_is_not_predicted_can_be(app, tmp_path):
    fabricate(tmp_path / "demo", upto="plan")
    opened = show(app("influence"), influence_view="Removal effect")
    assert "The predictions are not there yet." in words(opened)
    next(button for button in opened.button if button.label == PREDICT).click().run()
    assert app.submitted == [("demo", [("effects", {})])]


@pytest.mark.parametrize(("command", "coming"), [("train", False), ("effects", True), ("verify", True), ("demo", True)])
def test_predictions_are_on_the_way_only_if_a_job_makes_them(app, tmp_path, monkeypatch, command, coming):
    fabricate(tmp_path / "demo", upto="plan")
    running(monkeypatch, command)
    opened = show(app("influence"), influence_view="Removal effect")
    assert ("The predictions are on the way" in words(opened)) == coming
    assert (PREDICT in [button.label for button in opened.button]) == (not coming)


def test_check_by_retraining_is_started_with_the_number_of_clusters(app, tmp_path):
    fabricate(tmp_path / "demo", upto="effects")
    opened = show(app("influence"), influence_view="Removal effect")
    assert ":gray-badge[:material/help: unverified]" in words(opened)
    assert "Not done yet." in words(opened)
    number = opened.number_input(key="verify_clusters")
    assert (number.value, number.min, number.max) == (6, 2, 6)
    number.set_value(5)
    next(button for button in opened.button if button.label == "Check by retraining").click().run()
    assert not opened.exception
    assert app.submitted == [("demo", [("verify", {"clusters": 5})])]


def test_check_waits_for_what_is_being_computed(app, scored, monkeypatch):
    monkeypatch.setattr(jobs, "active", lambda workspace: SimpleNamespace())
    monkeypatch.setattr("influencespace.ui.work.strip", lambda workspace: None)
    opened = show(app("influence"), influence_view="Removal effect")
    assert next(button for button in opened.button if button.label == "Check by retraining").disabled


def test_check_of_earlier_predictions_says_so_and_shows_nothing_of_them(app, scored):
    with scored.write("effects", AnyOptions(seed=1)) as draft:
        write_effects(draft, scored)
    opened = show(app("influence"), influence_view="Removal effect")
    assert "The check is out of date" in opened.warning[0].value
    for target in ("overall", "gap in gender"):
        show(opened, target=target)
        assert ":gray-badge[:material/help: unverified]" in words(opened)
        assert len(opened.get("plotly_chart")) == 1
