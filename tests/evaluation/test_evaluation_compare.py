"""The comparison: figures by hand, the proposal's metrics, pairing, and what happens where something lacks."""

import json
from dataclasses import replace

import evaluation_cases as cases
import numpy as np
import pytest
from evaluation_cases import arm
from fairlearn.metrics import demographic_parity_difference

from influencespace.evaluation.compare import compare, verdict
from influencespace.evaluation.table import arms_table
from influencespace.metrics.recall import recall_at


def difference(results, name, against, metric="R@10"):
    return next(
        d for d in results["differences"] if (d["arm"], d["against"], d["metric"]) == (name, against, metric)
    )


def test_recall_is_the_mean_over_seeds_of_both_directions(measured, results):
    for name in ("influence", "random", "full", "start"):
        runs = [run for run in measured.runs if run.arm == name]
        for metric, k in (("R@1", 1), ("R@5", 5), ("R@10", 10)):
            forward = 100 * np.mean([recall_at(run.image_to_text, k) for run in runs])
            backward = 100 * np.mean([recall_at(run.text_to_image, k) for run in runs])
            found = arm(results, name)["recall"][metric]
            assert found["image_to_text"]["mean"] == pytest.approx(forward)
            assert found["text_to_image"]["mean"] == pytest.approx(backward)
            assert found["both"]["mean"] == pytest.approx((forward + backward) / 2)
            assert found["both"]["low"] < found["both"]["mean"] < found["both"]["high"]


def test_the_four_metrics_of_the_proposal(results):
    influence, full = arm(results, "influence"), arm(results, "full")
    proposal = influence["proposal"]
    assert proposal["data_volume_reduction"] == influence["reduction"] == 20
    ratio = 100 * influence["recall"]["R@5"]["both"]["mean"] / full["recall"]["R@5"]["both"]["mean"]
    assert proposal["model_accuracy"]["R@5"]["mean"] == pytest.approx(ratio)
    assert proposal["training_efficiency"]["without_scoring"]["mean"] == 1
    # Times: 2, 3, 4 s of training, and 6 s of scoring for influence.
    assert proposal["training_efficiency"]["with_scoring"]["mean"] == pytest.approx(3 / 9)
    for word in ("demographic_parity", "equal_opportunity"):
        metric = f"{word}_difference"
        bias = [entry["matching"][metric]["gender_words"]["mean"] for entry in (full, influence)]
        found = proposal["bias_mitigation"][word]["gender_words"]
        assert found["mean"] == pytest.approx(bias[0] - bias[1])
        assert found["low"] < found["high"]


def test_the_baseline_is_100_percent_of_itself(results):
    full = arm(results, "full")["proposal"]
    assert full["model_accuracy"]["R@10"] == {"mean": 100, "low": 100, "high": 100}
    assert full["bias_mitigation"]["demographic_parity"]["gender_words"] == {"mean": 0, "low": 0, "high": 0}


def test_seconds_are_means_over_seeds_and_null_for_what_trains_nothing(results):
    assert arm(results, "influence")["seconds"] == {"training": 3, "scoring": 6, "total": 9}
    assert arm(results, "start")["seconds"] == {"training": None, "scoring": 0, "total": None}
    assert arm(results, "start")["proposal"]["training_efficiency"]["with_scoring"]["mean"] is None


def test_differences_are_paired_and_have_both_signs(results):
    one, back = difference(results, "influence", "random"), difference(results, "influence", "full")
    means = {name: arm(results, name)["recall"]["R@10"]["both"]["mean"] for name in ("influence", "random", "full")}
    assert one["mean"] == pytest.approx(means["influence"] - means["random"])
    assert back["mean"] == pytest.approx(means["influence"] - means["full"])
    forth, reverse = difference(results, "random", "full"), difference(results, "full", "random")
    assert (forth["mean"], forth["low"], forth["high"]) == pytest.approx(
        (-reverse["mean"], -reverse["high"], -reverse["low"])
    )
    assert {d["against"] for d in results["differences"]} == {"full", "random", "start"}
    assert all(d["arm"] != d["against"] for d in results["differences"])


def test_pairing_uses_the_same_resamples_for_all_arms(measured):
    twin = [replace(run, arm="twin") for run in measured.runs if run.arm == "full"]
    results = compare(replace(measured, runs=[*measured.runs, *twin]), draws=50)
    assert [difference(results, "twin", "full")[key] for key in ("mean", "low", "high")] == [0, 0, 0]


def test_a_planted_gap_is_found_with_its_groups_and_its_sign():
    words = cases.groups(120)["gender_words"]
    measured = cases.measured(arms=("influence", "full"), seeds=3, photos=120, worse=words == "female")
    results = compare(measured, draws=300)
    gap = arm(results, "full")["gaps"]["gender_words"]
    assert (gap["gap"]["highest"], gap["gap"]["lowest"], gap["gap"]["why"]) == ("male", "female", None)
    assert gap["gap"]["low"] > 0
    assert gap["gap"]["mean"] == pytest.approx(gap["groups"]["male"]["mean"] - gap["groups"]["female"]["mean"])
    assert gap["groups"]["unknown"] == gap["groups"]["unknown"] | {"photos": 40, "compared": False}
    change = difference(results, "influence", "full", "gap")
    own = arm(results, "influence")["gaps"]["gender_words"]["groups"]
    assert (change["attribute"], change["highest"], change["lowest"]) == ("gender_words", "male", "female")
    assert change["mean"] == pytest.approx(own["male"]["mean"] - own["female"]["mean"] - gap["gap"]["mean"])
    groups = {d["group"]: d for d in results["differences"] if d["metric"] == "group" and d["arm"] == "influence"}
    assert sorted(groups) == ["female", "indoors", "male"]
    assert groups["female"]["mean"] == pytest.approx(own["female"]["mean"] - gap["groups"]["female"]["mean"])
    assert groups["female"]["low"] < groups["female"]["mean"] < groups["female"]["high"]


def test_parity_is_fairlearn_s_over_the_decisions_of_all_seeds(measured, results):
    values = measured.groups["gender_words"]
    true, predicted, sensitive = [], [], []
    for run in (run for run in measured.runs if run.arm == "random"):
        matching = run.matching["gender_words"]
        for caption, photo in enumerate(run.photo):
            if values[photo] in ("female", "male"):
                true += [1, 0]
                predicted += [int(matching.positive[caption]), int(matching.negative[caption])]
                sensitive += [values[photo]] * 2
    expected = demographic_parity_difference(true, predicted, sensitive_features=sensitive)
    found = arm(results, "random")["matching"]["demographic_parity_difference"]["gender_words"]
    assert found["mean"] == pytest.approx(expected)
    assert found["low"] <= found["mean"] <= found["high"]


def test_one_group_only_is_no_crash_but_a_word(results):
    for entry in results["arms"]:
        for found in (
            entry["gaps"]["place"]["gap"], entry["matching"]["equal_opportunity_difference"]["place"],
            entry["matching"]["demographic_parity_difference"]["place"],
        ):
            assert (found["mean"], found["low"], found["highest"]) == (0, None, None)
            assert "fewer than two" in found["why"]
    assert "place: no gaps, because" in arms_table(results)


def test_groups_with_few_photos_are_shown_but_not_compared(measured):
    values = np.array(["male"] * 71 + ["female"] * 9, dtype=object)
    few = replace(measured, groups=measured.groups | {"gender_words": values})
    found = arm(compare(few, draws=50), "full")["gaps"]["gender_words"]
    assert found["gap"]["why"] is not None
    assert found["groups"]["female"] == found["groups"]["female"] | {"photos": 9, "compared": False}


@pytest.mark.parametrize("arms", [("full",), ("influence",), ("start",), ("influence", "random")])
def test_arms_and_groups_may_lack(arms):
    measured = cases.measured(arms=arms, seeds=1)
    for found in (measured, replace(measured, groups={}, compared={})):
        results = json.loads(json.dumps(compare(found, draws=30), allow_nan=False))
        assert [entry["arm"] for entry in results["arms"]] == list(arms)
        assert len(results["differences"]) == sum(d["metric"] != "gap" for d in results["differences"])
        if "full" not in arms:
            assert results["arms"][0]["proposal"]["model_accuracy"]["R@10"]["mean"] is None


def test_a_model_that_finds_nothing_has_no_ratio_but_figures(measured):
    flat = [
        replace(run, image_to_text=np.full(80, 99), text_to_image=np.full(160, 79)) if run.arm == "full" else run
        for run in measured.runs
    ]
    results = json.loads(json.dumps(compare(replace(measured, runs=flat), draws=30), allow_nan=False))
    assert arm(results, "influence")["proposal"]["model_accuracy"]["R@1"]["mean"] is None
    assert arm(results, "full")["recall"]["R@1"]["both"] == {"mean": 0, "low": 0, "high": 0}


def test_arms_with_other_seeds_cannot_be_paired(measured):
    runs = [run for run in measured.runs if (run.arm, run.seed) != ("random", 1)]
    with pytest.raises(ValueError, match="arm random was run with seeds"):
        compare(replace(measured, runs=runs), draws=10)


def test_the_same_measurements_give_the_same_results(measured, results):
    assert compare(measured, draws=400) == results


@pytest.mark.parametrize("low, high, word", [
    (0.1, 2, "above"), (-3, -0.1, "below"), (-1.9, 1, "not worse"), (-2.1, 1, "undecided"), (None, None, "undecided"),
    (-1.9, -0.1, "below"),
])
def test_verdicts(low, high, word):
    assert verdict({"low": low, "high": high}) == word


def test_the_table_says_it_all_in_lines_that_fit(results):
    text = arms_table(results)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 120
    assert next(line for line in lines if line.startswith("start")).split()[1:3] == ["-", "-"]
    row = next(line for line in lines if line.startswith("influence"))
    figures = arm(results, "influence")["recall"]["R@10"]["both"]
    assert f"{figures['mean']:.1f} [{figures['low']:.1f}, {figures['high']:.1f}]" in row
    assert row.split()[1:4] == ["40", "20.0", "%"]
    assert row.endswith("3.0 s         9.0 s")
    found = difference(results, "influence", "start")
    assert (
        f"influence is {found['mean']:+.1f} points [{found['low']:.1f}, {found['high']:.1f}] above start" in lines
    )
    assert "clip-score is missing: image and text features are not aligned." in lines
    assert "nan" not in text.lower().split()


def test_the_second_table_has_what_there_is_beside_recall(results):
    lines = arms_table(results).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("arm") and "median rank" in line)
    assert lines[start].split()[1:3] == ["median", "rank"] and lines[start].endswith("drop              to full's R@10  energy")
    row, own = lines[start + 1], arm(results, "influence")
    rank, damaged = own["median_rank"]["both"], own["robustness"]["all"]["recall"]["R@10"]
    assert f"{rank['mean']:.1f} [{rank['low']:.1f}, {rank['high']:.1f}]" in row
    assert f"{damaged['mean']:.1f} [{damaged['low']:.1f}, {damaged['high']:.1f}]" in row
    assert row.endswith("3.0 s (3 of 3)  30 J")
    assert lines[start + 4].split()[0] == "start" and lines[start + 4].endswith("-               -")
    skews = next(line for line in lines if line.startswith("attribute") and "NDKL" in line)
    assert skews.split()[2:] == ["worst", "group,", "R@10", "MaxSkew@10", "NDKL"]


def test_without_answers_the_second_table_is_short_and_words_say_why():
    text = arms_table(compare(cases.measured(asked=False), draws=20))
    for sentence in ("Skew of neutral queries was not measured: there is no encoder.",
                     "Zero-shot classification was not measured: no labels.", "Robustness was not measured: not asked for."):
        assert sentence in text.splitlines()
    assert "zero-shot %" not in text and "NDKL" not in text
    # What an earlier version has stored has none of it.
    old = compare(cases.measured(asked=False), draws=20)
    for key in ("unmeasured", "neutral", "zero_shot"):
        del old[key]
    for entry in old["arms"]:
        for key in ("median_rank", "worst_group", "neutral", "zero_shot", "robustness", "convergence", "energy"):
            del entry[key]
    assert "median rank" not in arms_table(old)


def test_sentences_follow_the_verdict():
    def sentence(mean, low, high):
        entry = {"arm": "influence", "against": "full", "metric": "R@10", "mean": mean, "low": low, "high": high}
        return arms_table({"arms": [], "photos": 0, "captions": 0, "seeds": [], "differences": [entry], "missing": {}})

    assert sentence(1.7, 0.6, 2.9).endswith("influence is +1.7 points [0.6, 2.9] above full")
    assert sentence(-1.0, -1.8, -0.2).endswith("influence is -1.0 points [-1.8, -0.2] below full")
    assert sentence(-0.2, -1.0, 0.7).endswith("influence is -0.2 points [-1.0, 0.7] from full: not worse")
    assert sentence(-1.2, -2.6, 0.7).endswith("influence is -1.2 points [-2.6, 0.7] from full: undecided")
    assert sentence(None, None, None).endswith("influence cannot be compared with full")
