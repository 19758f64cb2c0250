"""The report's figures are those of the comparison, one a row, and predictions are of the plan that was trained alone."""

import evaluation_cases as cases
import pandas as pd
import pytest

from influencespace.evaluation.compare import compare
from influencespace.evaluation.report import COLUMNS, Report, figures
from influencespace.evaluation.retrieval import SIDES, changes
from influencespace.evaluation.store import ranks_table


@pytest.fixture(scope="module")
def report():
    measured = cases.measured(photos=40)
    ranks = ranks_table(measured.runs)
    predicted = pd.DataFrame([{
        "target": "overall", "attribute": None, "group": None, "loss": 2.0, "predicted": 0.25, "mean": 1.0, "low": 0.5,
        "high": 2.0,
    }])
    retrained = pd.DataFrame([{"reduction": 0.15, "cap": 2.0, "target": "overall", "predicted": 0.2, "actual": 0.21}])
    changed = {side: changes(ranks, "full", "influence", side) for side in SIDES}
    return Report("w", compare(measured, draws=30), predicted, retrained, changed, False, [])


@pytest.fixture(scope="module")
def table(report):
    return figures(report)


def only(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def test_every_recall_is_there_with_its_interval(report, table):
    assert list(table.columns) == COLUMNS
    for arm in report.results["arms"]:
        for metric, sides in arm["recall"].items():
            for direction, figure in sides.items():
                [row] = only(table, section="recall", arm=arm["arm"], metric=metric, direction=direction).to_dict("records")
                assert (row["mean"], row["low"], row["high"], row["unit"]) == (*figure.values(), "percent")


def test_every_paired_difference_is_there(report, table):
    assert len(only(table, section="paired difference")) == len(report.results["differences"])
    [row] = only(table, section="paired difference", arm="influence", against="full", group="female").to_dict("records")
    expected = next(d for d in report.results["differences"]
                    if (d["arm"], d["against"], d.get("group")) == ("influence", "full", "female"))
    assert (row["mean"], row["attribute"]) == (expected["mean"], "gender_words")


def test_the_four_metrics_have_their_units(table):
    found = only(table, section="proposal", arm="influence")
    units = dict(zip(found["metric"], found["unit"], strict=True))
    assert units["data_volume_reduction"] == units["model_accuracy, R@10"] == "percent"
    assert units["bias_mitigation, equal_opportunity"] == "rate"
    assert units["training_efficiency, with_scoring"] == "times"
    assert only(table, section="proposal", arm="start").empty


def test_further_measures_are_there_with_their_units_and_differences(report, table):
    found = only(table, arm="influence").set_index("metric")
    own = next(entry for entry in report.results["arms"] if entry["arm"] == "influence")
    assert found.loc["median rank", "mean"].iloc[0] == own["median_rank"]["both"]["mean"]
    [row] = only(table, section="groups", arm="influence", metric="NDKL").to_dict("records")
    assert (row["mean"], row["attribute"]) == (own["neutral"]["gender_words"]["ndkl"]["mean"], "gender_words")
    assert row["unit"] == "nats" and only(table, section="retrieval")["unit"].unique().tolist() == ["places"]
    [row] = only(table, section="robustness", arm="full", metric="R@10: blurred photos").to_dict("records")
    assert row["unit"] == "percent"
    [row] = only(table, section="cost of training", arm="full", metric="energy").to_dict("records")
    assert (row["mean"], row["unit"]) == (35, "joules")
    units = only(table, section="paired difference", arm="influence", against="full").set_index("metric")["unit"]
    assert (units["median rank"], units["NDKL"], units["zero-shot"]) == ("places", "nats", "points of percent")
    assert units["R@10: captions with typing errors"] == "points of percent"


def test_predicted_and_retrained_are_told_apart(table):
    [one] = only(table, section="predicted fall of the validation loss", arm="influence").to_dict("records")
    assert (one["mean"], one["unit"], one["against"]) == (0.25, "nats", "full")
    plan = only(table, arm="plan without 15%, up-weight cap 2")
    assert dict(zip(plan["section"], plan["mean"], strict=True)) == {
        "predicted fall of the validation loss": 0.2, "retrained fall of the validation loss": 0.21,
    }


def test_changed_retrievals_explain_the_difference_of_an_arm_with_one_seed():
    measured = cases.measured(arms=("influence", "full"), seeds=1, photos=40)
    ranks = ranks_table(measured.runs)
    results = compare(measured, draws=20)
    report = Report("w", results, None, None, {side: changes(ranks, "full", "influence", side) for side in SIDES}, False, [])
    table = only(figures(report), section="changed retrievals", direction="image_to_text").set_index("metric")["mean"]
    arms = {arm["arm"]: arm["recall"]["R@5"]["image_to_text"]["mean"] for arm in results["arms"]}
    net = table["top 5, gained"] - table["top 5, lost"]
    assert 100 * net / 40 == pytest.approx(arms["influence"] - arms["full"])


def test_arms_and_groups_may_lack():
    measured = cases.measured(arms=("start",), seeds=1)
    report = Report("w", compare(measured, draws=10), None, None, {}, True, [])
    assert set(figures(report)["arm"]) == {"start"}
