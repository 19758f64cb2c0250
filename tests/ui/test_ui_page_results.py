"""The page Results in every state, its tables, and what changed between two arms."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest
from fabricated import (
    GAINS,
    TEST,
    TRAIN,
    VALIDATION,
    AnyOptions,
    fabricate,
    results,
    rewritten,
    write_plan,
    write_training,
)
from page_cases import fine, sent_to, words

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.curation.measured import remember
from influencespace.curation.options import PlanOptions
from influencespace.evaluation.further import measures
from influencespace.ui import (
    colours,
    gap_panels,
    prediction_panels,
    report,
    results_charts,
    results_panels,
    training_charts,
)

CARDS = "results_retrievals"


def shown(page, column):
    """The table that has a column."""
    return next(frame.value for frame in page.dataframe if column in frame.value)


def test_before_there_is_a_plan_one_can_be_made(app, tmp_path):
    fabricate(tmp_path / "demo", upto="scores")
    assert "The plan is not there yet." in words(fine(app("results")))


def test_before_training_it_says_where_to_go(app, tmp_path):
    fabricate(tmp_path / "demo", upto="plan")
    opened = fine(app("results"))
    assert "Nothing has been trained yet." in words(opened)
    assert [link.proto.label for link in opened.get("page_link")] == ["Go to Train"]


def test_while_training_it_says_so(app, tmp_path, monkeypatch):
    fabricate(tmp_path / "demo", upto="plan")
    running = SimpleNamespace(status="running", commands=[["train", {}]], unfinished=True)
    monkeypatch.setattr("influencespace.ui.work.strip", lambda workspace: None)
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [running])
    assert "The arms are being trained" in words(fine(app("results")))


def test_the_arms_come_first_then_the_four_metrics(app, workspace):
    opened = fine(app("results"))
    table = shown(opened, "With choosing")
    assert list(table["Arm"]) == ["influence", "random", "agreement", "full", "start"]
    assert table["R@10"][0] == "40.0  [39.0, 41.0]"
    assert "clip-score is missing: the features of image and text are not aligned" in words(opened)
    assert "in 40.0 % of the cases; trained on all pairs, in 37.0 %. That is +2.0 points" in words(opened)
    assert [metric.label for metric in opened.metric] == [
        "Data reduction", "Model accuracy, R@10", "Bias mitigation, gender", "Training efficiency",
    ]
    assert [metric.value for metric in opened.metric] == ["20.0 %", "101.0 %", "0.010", "1.20 ×"]


def test_recall_follows_direction_and_number_of_answers(app, workspace):
    opened = app("results")
    opened.session_state["results_direction"] = "image_to_text"
    opened.session_state["results_metric"] = "R@1"
    opened.session_state["results_against"] = "random"
    assert "**R@1 of each arm, photo finds caption**" in words(fine(opened.run()))
    assert "**Paired difference from random, mean of both directions**" in words(opened)


def test_what_is_measured_beside_recall_has_a_unit_a_sentence_and_its_difference(app, workspace):
    opened = app("results")
    assert "The place by which half of the queries have found their right answer" in words(fine(opened))
    opened.session_state["results_section"] = "groups"
    opened = fine(opened.run())
    assert [str(option) for option in opened.selectbox(key="results_measure_groups").options] == [
        "worst group, R@10, gender", "MaxSkew@10, gender", "NDKL, gender",
    ]
    opened.selectbox(key="results_measure_groups").set_value("NDKL, gender").run()
    assert "random order comes to 0.030. Less is better." in words(fine(opened))
    table = shown(opened, "What it is").set_index("Measure")
    assert table.loc["NDKL, gender", "influence"] == "0.050  [0.030, 0.070]"
    assert table.loc["R@10: all damages, in the mean", "full"] == "27.0 %  [26.0, 28.0]"
    assert table.loc["time to full's recall", "start"] == "–"


def test_what_was_not_measured_says_why(app, workspace):
    said = words(fine(app("results")))
    assert "Zero-shot classification was not measured: no column of labels was named (--labels)." in said
    assert "Energy was not measured: the device does not report it." in said


def test_results_of_an_earlier_version_are_shown_as_far_as_they_go(app, workspace):
    made = workspace.artifact("training")
    found = results()
    for key in ("unmeasured", "neutral", "zero_shot"):
        del found[key]
    for arm in found["arms"]:
        for key in ("median_rank", "worst_group", "neutral", "zero_shot", "robustness", "convergence", "energy"):
            del arm[key]
    (made.folder / "results.json").write_text(json.dumps(found))
    rewritten(workspace, "training")
    assert "of an earlier version, which measured recall and gaps alone" in words(fine(app("results")))
    assert "Ranks, skew, classes" in report.html(workspace)


def test_a_measure_is_better_or_worse_by_its_own_direction():
    found = {(measure.name, measure.attribute): measure for measure in measures(results())}
    assert found["NDKL", "gender"].verdict("influence") == "better"
    assert found["MaxSkew@10", "gender"].verdict("influence") == "worse"
    assert found["worst group, R@10", "gender"].verdict("influence") == "better"
    assert found["R@10: all damages, in the mean", ""].verdict("random") == "undecided"
    assert found["median rank", ""].verdict("influence") == "undecided"
    chart = results_charts.measure_differences(found["NDKL", "gender"])
    assert {trace.marker.color for trace in chart.data} == {colours.HELPS}
    assert [trace.y[0] for trace in results_charts.measure(found["median rank", ""]).data][-1] == "influence"


def test_predictions_stand_beside_what_was_measured_and_retrained(app, workspace):
    opened = fine(app("results"))
    table = shown(opened, "Predicted")
    assert list(table["Target"]) == ["overall", "gender: woman", "gender: man"]
    # The gain is so many times how much larger the share of helpful clusters is: 10 x 2 + 20 against 18 pairs of weight 1.
    assert list(table["Predicted"]) == pytest.approx([gain * (40 - 18) / 58 for gain in GAINS], abs=1e-6)
    assert list(table["Measured"]) == ["2.0  [1.0, 3.0]"] * 3
    assert list(table["Direction"]) == ["as predicted"] * 3
    assert "These are different quantities" in words(opened)
    assert "The same quantity twice" in words(opened)


def test_without_effects_and_check_it_says_how_to_get_them(app, workspace):
    for name in ("effects", "verification"):
        (workspace.path / name / "artifact.json").unlink()
    opened = fine(app("results"))
    assert "There is no prediction for these results." in words(opened)
    assert "No plans were retrained" in words(opened)


def test_results_of_an_earlier_plan_say_so_and_are_not_compared_with_its_prediction(app, workspace):
    remember(workspace)
    plan_more(workspace)
    opened = fine(app("results"))
    assert "of an earlier plan, version 1: the beginning; train again" in opened.warning[0].value
    assert "There is no prediction for these results." in words(opened)
    assert "Only one plan was measured so far." in words(opened)


def test_plans_that_were_measured_stand_beside_each_other(app, workspace):
    remember(workspace)
    plan_more(workspace)
    with workspace.write("training", AnyOptions()) as draft:
        write_training(draft, workspace)
    remember(workspace)
    opened = fine(app("results"))
    assert not opened.warning
    table = shown(opened, "Above full").set_index("Plan")
    assert table.loc["2: more", "Removed"] == pytest.approx(30)
    assert table.loc["1: the beginning", ["Removed", "Recall", "Above full"]].tolist() == [
        20, "40.0  [39.0, 41.0] R@10", "2.0  [1.0, 3.0]",
    ]


def plan_more(workspace):
    """A step in the history and the plan of it, which prunes more."""
    options = PlanOptions(reduction=0.3)
    History(workspace).record("more", options, {})
    with workspace.write("plan", options) as draft:
        write_plan(draft, workspace, 0.3)


def test_gained_retrievals_are_shown_with_their_photos(app, workspace):
    opened = fine(app("results"))
    # Of 12 queries influence brings the last two among the first 10, and takes the first one out.
    assert "of 12 queries 2 gained and 1 lost a place among the first 10, +8.3 points" in words(opened)
    sent = sent_to(opened, CARDS)
    assert [(card["before"], card["after"]) for card in sent["cards"]] == [(11, 3), (12, 4)]
    assert sent["cards"][0]["words"] == [f"A woman with <b>boat</b> number {TRAIN + VALIDATION + 10}"]
    assert sent["cards"][0]["image"].endswith(f"/{TRAIN + VALIDATION + 10}")
    assert (sent["last"], sent["names"]) == (TEST, ["full", "influence"])


def test_lost_moved_and_groups_are_filters(app, workspace):
    opened = app("results")
    opened.session_state["results_kind"] = "lost"
    assert [(card["before"], card["after"]) for card in sent_to(fine(opened.run()), CARDS)["cards"]] == [(1, 12)]
    opened.session_state["results_kind"] = "moved"
    assert len(sent_to(fine(opened.run()), CARDS)["cards"]) == TEST
    opened.selectbox(key="results_group").set_value("gender: man").run()
    numbers = [int(card["words"][0].rsplit(" ", 1)[1]) for card in sent_to(fine(opened), CARDS)["cards"]]
    assert numbers and all(number % 2 == 1 and number % 5 for number in numbers)
    opened.session_state["results_query"] = "image_to_text"
    assert {card["query"] for card in sent_to(fine(opened.run()), CARDS)["cards"]} == {"photo"}


def test_the_other_arm_may_be_any(app, workspace):
    opened = app("results")
    opened.selectbox(key="results_before").set_value("influence").run()
    opened.selectbox(key="results_after").set_value("full").run()
    assert [(card["before"], card["after"]) for card in sent_to(fine(opened), CARDS)["cards"]] == [(12, 1)]
    opened.selectbox(key="results_before").set_value("random").run()
    opened.selectbox(key="results_after").set_value("full").run()
    assert "No right answer moved so" in words(fine(opened))


def test_photos_of_other_pairs_than_those_tested_are_not_shown(app, workspace):
    with workspace.write("pairs", AnyOptions(seed=1)) as draft:
        for name in ("pairs", "problems"):
            draft.table(name, workspace.artifact("pairs").table(name))
        draft.facts = workspace.artifact("pairs").facts
    opened = fine(app("results"))
    assert "Other pairs have been brought in since" in words(opened)
    assert "of an earlier plan" in opened.warning[0].value


def test_a_single_arm_without_groups_is_no_error(app, workspace):
    made = workspace.artifact("training")
    found = results() | {"differences": []}
    found["arms"] = found["arms"][:1]
    found["arms"][0] |= {"gaps": {}, "matching": {"accuracy": found["arms"][0]["matching"]["accuracy"]}}
    found["arms"][0]["proposal"]["bias_mitigation"] = {"demographic_parity": {}, "equal_opportunity": {}}
    (made.folder / "results.json").write_text(json.dumps(found))
    rewritten(workspace, "training")
    opened = fine(app("results"))
    for sentence in ("There is nothing to compare with", "No group attributes were declared", "Only one arm was trained",
                     "The four metrics compare with an arm trained on all pairs"):
        assert sentence in words(opened)


def test_what_is_not_defined_is_a_dash():
    nothing = {"mean": None, "low": None, "high": None}
    assert results_panels.text(nothing) == "–"
    assert results_panels.text({"mean": 1.234, "low": None, "high": None}, 2, " ×") == "1.23 ×"
    given = results()
    given["arms"][0]["recall"]["R@10"]["both"] = nothing
    assert "influence" not in [trace.y[0] for trace in training_charts.recall(given, "R@10").data]
    assert results_panels.arms_table(given)["R@10"][0] == "–"


def test_gaps_table_has_the_compared_groups_alone():
    given = results()
    given["arms"][0]["gaps"]["gender"]["groups"]["woman"]["compared"] = False
    assert pd.isna(gap_panels.gaps_table(given, "gender")["woman"][0])
    assert gap_panels.gaps_table(given, "gender")["woman"][1] == "38.0  [37.0, 39.0]"


@pytest.mark.parametrize(("predicted", "low", "high", "expected"), [
    (0.1, 0.5, 2, "as predicted"), (0.1, -2, -0.5, "against the prediction"), (-0.1, -2, -0.5, "as predicted"),
    (0.1, -1, 1, "undecided"), (0.1, None, None, "undecided"),
])
def test_a_direction_is_as_predicted_only_where_its_interval_says_so(predicted, low, high, expected):
    mean = 0.0 if low is None else (low + high) / 2
    assert prediction_panels.outcome({"predicted": predicted, "mean": mean, "low": low, "high": high}) == expected
