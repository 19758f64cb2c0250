"""Median ranks, worst groups, neutral queries, zero-shot classes, damages and costs in the comparison of arms."""

import json
import math
from dataclasses import replace

import evaluation_cases as cases
import numpy as np
import pytest
from evaluation_cases import arm

from influencespace.evaluation.compare import compare
from influencespace.evaluation.further import measures
from influencespace.evaluation.measure import RunMeasures
from influencespace.evaluation.table import arms_table
from influencespace.metrics.ranking import NEUTRAL_QUERIES
from influencespace.metrics.recall import BOTH, photo_scores


def difference(results, name, against, metric, **of):
    return next(
        d for d in results["differences"]
        if (d["arm"], d["against"], d["metric"]) == (name, against, metric) and of.items() <= d.items()
    )


def runs_of(measured, name):
    return [run for run in measured.runs if run.arm == name]


def test_median_ranks_are_those_of_all_queries_and_seeds_counted_from_one(measured, results):
    for name in ("influence", "start"):
        runs, found = runs_of(measured, name), arm(results, name)["median_rank"]
        forward = np.median(np.concatenate([run.image_to_text for run in runs])) + 1
        backward = np.median(np.concatenate([run.text_to_image for run in runs])) + 1
        assert (found["image_to_text"]["mean"], found["text_to_image"]["mean"]) == (forward, backward)
        assert found["both"]["mean"] == (forward + backward) / 2
        assert found["both"]["low"] <= found["both"]["mean"] <= found["both"]["high"]
    one, other = (arm(results, name)["median_rank"]["both"]["mean"] for name in ("random", "full"))
    assert difference(results, "random", "full", "median rank")["mean"] == one - other


def test_the_worst_served_group_is_that_with_the_least_recall(results):
    for entry in results["arms"]:
        groups = {g: f["mean"] for g, f in entry["gaps"]["gender_words"]["groups"].items() if f["compared"]}
        found = entry["worst_group"]["gender_words"]
        assert (found["group"], found["mean"]) == min(groups.items(), key=lambda item: item[1])
        assert entry["worst_group"]["place"]["mean"] is None and "fewer than two" in entry["worst_group"]["place"]["why"]
    one, other = (arm(results, name)["worst_group"]["gender_words"]["mean"] for name in ("influence", "full"))
    assert difference(results, "influence", "full", "worst group")["mean"] == pytest.approx(one - other)


def plain_skews(similarity, groups, k):
    """MaxSkew@k and NDKL of one ranking without ties."""
    ranked = [groups[i] for i in np.argsort(-similarity)]
    names = sorted(set(ranked))
    pool = {name: ranked.count(name) / len(ranked) for name in names}

    def share(name, first):
        return ranked[:first].count(name) / first

    most = max(math.log(share(g, k) / pool[g]) for g in names if share(g, k))
    total = sum(
        sum(share(g, i) * math.log(share(g, i) / pool[g]) for g in names if share(g, i)) / math.log2(i + 1)
        for i in range(1, len(ranked) + 1)
    )
    return most, total / sum(1 / math.log2(i + 1) for i in range(1, len(ranked) + 1))


def test_skews_are_means_over_queries_and_seeds_of_the_compared_photos_alone(measured, results):
    groups = measured.groups["gender_words"]
    pool = np.isin(groups, ["female", "male"])
    for name in ("random", "start"):
        found = arm(results, name)["neutral"]
        assert set(found) == {"gender_words"}  # the other attribute has one group
        assert set(found["gender_words"]["max_skew"]) == {"10", "25"}  # of 54 photos
        plain = [plain_skews(query[pool], list(groups[pool]), 10) for run in runs_of(measured, name) for query in run.neutral]
        assert found["gender_words"]["max_skew"]["10"]["mean"] == pytest.approx(np.mean([one for one, _ in plain]))
        assert found["gender_words"]["ndkl"]["mean"] == pytest.approx(np.mean([two for _, two in plain]))
        for figure in (found["gender_words"]["ndkl"], found["gender_words"]["max_skew"]["25"]):
            assert 0 <= figure["low"] < figure["mean"] < figure["high"]
    assert results["neutral"]["queries"] == list(NEUTRAL_QUERIES)
    chance = results["neutral"]["chance"]["gender_words"]
    assert chance["photos"] == 54 and 0 < chance["max_skew"]["25"] < chance["max_skew"]["10"] < 0.5


def answered(measured, change):
    """The same measurements with other answers of every run."""
    return replace(measured, runs=[replace(run, **change(run)) for run in measured.runs])


def test_perfect_constant_and_one_sided_rankings_have_the_skews_of_theory(measured):
    groups = measured.groups["gender_words"]
    shape = (len(NEUTRAL_QUERIES), 80)
    flat = compare(answered(measured, lambda run: {"neutral": np.zeros(shape, dtype=np.float32)}), draws=50)
    one_sided = np.broadcast_to((groups == "male") + np.linspace(0, 0.5, 80), shape).astype(np.float32)
    sided = compare(answered(measured, lambda run: {"neutral": one_sided}), draws=50)
    for entry in flat["arms"]:
        assert entry["neutral"]["gender_words"]["ndkl"] == pytest.approx({"mean": 0, "low": 0, "high": 0})
        assert entry["neutral"]["gender_words"]["max_skew"]["10"]["mean"] == 0
    share = np.count_nonzero(groups == "male") / 54
    for entry in sided["arms"]:
        assert entry["neutral"]["gender_words"]["max_skew"]["10"]["mean"] == pytest.approx(math.log(1 / share))
    assert difference(sided, "random", "full", "MaxSkew@10")["mean"] == 0


def test_zero_shot_accuracy_is_that_of_labelled_photos_and_of_classes_alike(measured, results):
    labels = measured.phrases.labels
    runs = runs_of(measured, "random")
    right = np.stack([run.zero_shot for run in runs])
    found = arm(results, "random")["zero_shot"]
    assert found["top1"]["mean"] == pytest.approx(100 * right[:, labels != ""].mean())
    by_class = [right[:, labels == name].mean() for name in ("cat", "dog", "horse")]
    assert found["balanced"]["mean"] == pytest.approx(100 * np.mean(by_class))
    assert results["zero_shot"] == {"classes": ["cat", "dog", "horse"], "photos": 60}
    one, other = (arm(results, name)["zero_shot"]["top1"]["mean"] for name in ("random", "start"))
    assert difference(results, "random", "start", "zero-shot")["mean"] == pytest.approx(one - other)
    perfect = compare(answered(measured, lambda run: {"zero_shot": labels != ""}), draws=20)
    assert arm(perfect, "full")["zero_shot"]["balanced"] == {"mean": 100, "low": 100, "high": 100}


def test_a_drop_is_the_paired_loss_of_recall_and_all_is_the_mean_of_damages(measured, results):
    runs, found = runs_of(measured, "full"), arm(results, "full")
    assert list(found["robustness"]) == ["blur", "typos", "all"]
    for name in ("blur", "typos"):
        scores = [photo_scores(*run.damaged[name], run.photo, 10)[BOTH].mean() for run in runs]
        own = found["robustness"][name]
        assert own["recall"]["R@10"]["mean"] == pytest.approx(100 * np.mean(scores))
        assert own["drop"]["mean"] == pytest.approx(found["recall"]["R@10"]["both"]["mean"] - own["recall"]["R@10"]["mean"])
    both = [found["robustness"][name]["recall"]["R@1"]["mean"] for name in ("blur", "typos")]
    assert found["robustness"]["all"]["recall"]["R@1"]["mean"] == pytest.approx(np.mean(both))
    same = compare(answered(measured, lambda run: {"damaged": {"none": (run.image_to_text, run.text_to_image)}}), draws=50)
    assert arm(same, "full")["robustness"]["none"]["drop"] == {"mean": 0, "low": 0, "high": 0}
    assert difference(results, "random", "full", "damaged", damage="all")["mean"] == pytest.approx(
        arm(results, "random")["robustness"]["all"]["recall"]["R@10"]["mean"]
        - found["robustness"]["all"]["recall"]["R@10"]["mean"]
    )


def curve(*steps):
    return [{"epoch": i + 1, "loss": 1.0, "recall": recall, "seconds": seconds} for i, (recall, seconds) in enumerate(steps)]


def course(measured, curves, **change):
    """Two arms with these curves, one a seed, and 2 seconds of scoring for influence."""
    runs = []
    for run in measured.runs:
        if run.arm in curves:
            runs.append(replace(run, curve=curves[run.arm][run.seed], scoring_seconds=2.0 * (run.arm == "influence")))
    return compare(replace(measured, runs=runs, **change), draws=100)


def test_time_to_reach_is_that_of_the_first_epoch_as_good_as_full_is_at_its_end(measured):
    full = [curve((30, 1), (42, 4), (40, 6)), curve((30, 1), (35, 4), (41, 7)), curve((39, 3), (38, 5), (39, 8))]
    influence = [curve((40, 2), (45, 4)), curve((30, 2), (40.9, 5)), curve((38, 2), (39, 4))]
    results = course(measured, {"full": full, "influence": influence})
    found, own = arm(results, "influence")["convergence"], arm(results, "full")["convergence"]
    # Full ends at 40, 41 and 39, where it is after 4, 7 and 3 seconds; influence never gets to 41.
    assert (own["reached"], own["of"], own["seconds"]["mean"]) == (3, 3, pytest.approx(14 / 3))
    assert (found["reached"], found["seconds"]["mean"], found["with_scoring"]["mean"]) == (2, 3, 5)
    assert found["efficiency"]["without_scoring"]["mean"] == pytest.approx((4 + 3) / 2 / 3)
    assert found["efficiency"]["with_scoring"]["mean"] == pytest.approx((4 + 3) / 2 / 5)
    assert own["efficiency"]["without_scoring"]["mean"] == 1
    best = course(measured, {"full": full, "influence": influence}, keeps_best=True)
    # At its best full is at 42, 41 and 39; influence comes to 42 after 4 seconds.
    assert arm(best, "influence")["convergence"]["seconds"]["mean"] == 4


def test_what_never_gets_there_or_has_no_times_has_no_time_to_reach(measured, results):
    never = course(measured, {"full": [curve((50, 1))] * 3, "influence": [curve((40, 1))] * 3})
    found = arm(never, "influence")["convergence"]
    assert (found["reached"], found["seconds"]["mean"], found["efficiency"]["with_scoring"]["mean"]) == (0, None, None)
    assert "never (0 of 3)" in arms_table(never)
    words = next(measure.words for measure in measures(never) if measure.name == "time to full's recall")
    assert words.endswith("mean of the seeds that come there; influence in 0 of 3 seeds.")
    untimed = [[{"epoch": 1, "loss": 1.0, "recall": 50.0}]] * 3
    assert arm(course(measured, {"full": untimed, "influence": untimed}), "full")["convergence"] is None
    assert arm(results, "start")["convergence"] is None
    assert arm(compare(cases.measured(arms=("influence",)), draws=20), "influence")["convergence"] is None


def test_energy_is_compared_with_that_of_full_where_it_was_reported(measured, results):
    # 10 joules a second; full 5 more: 25, 35 and 45 against 20, 30 and 40.
    found = arm(results, "influence")["energy"]
    assert found["joules"]["mean"] == 30 and found["efficiency"]["mean"] == pytest.approx(35 / 30)
    assert arm(results, "start")["energy"] is None
    silent = compare(answered(measured, lambda run: {"joules": None}), draws=20)
    assert all(entry["energy"] is None for entry in silent["arms"])


def test_what_was_not_asked_is_not_there_and_says_why():
    results = json.loads(json.dumps(compare(cases.measured(asked=False), draws=30), allow_nan=False))
    assert set(results["unmeasured"]) == {"neutral", "zero_shot", "robustness"}
    assert results["neutral"] is None and results["zero_shot"] is None
    for entry in results["arms"]:
        assert (entry["neutral"], entry["zero_shot"], entry["robustness"]) == ({}, None, {})


def test_an_arm_of_which_one_run_lacks_an_answer_has_no_figure(measured):
    first = next(run for run in measured.runs if run.arm == "random")
    runs: list[RunMeasures] = [
        replace(run, neutral=None, zero_shot=None, damaged={}) if run is first else run for run in measured.runs
    ]
    results = compare(replace(measured, runs=runs), draws=20)
    assert (arm(results, "random")["neutral"], arm(results, "random")["zero_shot"]) == ({}, None)
    assert arm(results, "full")["zero_shot"] is not None
