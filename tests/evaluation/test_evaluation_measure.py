"""What is kept of a run, how halves are pooled, and that tables hold all of it."""

import json
from dataclasses import replace

import evaluation_cases as cases
import numpy as np
import pandas as pd
import pytest

from influencespace.errors import TrainingError
from influencespace.evaluation.compare import compare
from influencespace.evaluation.measure import ANY, measure_run, pool
from influencespace.evaluation.store import load_measures, ranks_table, save_measures
from influencespace.metrics.recall import retrieval_ranks
from influencespace.training.probes import PHRASES, TYPOS
from influencespace.workspace import Artifact, Draft


def assert_same_runs(found, expected):
    assert [(run.arm, run.seed) for run in found] == [(run.arm, run.seed) for run in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("image_to_text", "text_to_image", "photo"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("pairs", "pairs_given", "weight", "training_seconds", "scoring_seconds", "curve", "joules", "steps"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("neutral", "zero_shot"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
        assert one.damaged.keys() == other.damaged.keys()
        for name, sides in one.damaged.items():
            assert all(np.array_equal(a, b) for a, b in zip(sides, other.damaged[name], strict=True))
        assert one.matching.keys() == other.matching.keys()
        for attribute in one.matching:
            for part in ("positive", "negative", "drawn"):
                assert np.array_equal(getattr(one.matching[attribute], part), getattr(other.matching[attribute], part))


def test_a_run_is_measured_by_its_ranks_weights_and_times():
    trained = cases.run("influence", 1)
    found = measure_run(trained, cases.groups(80), cases.groups(40))
    forward, backward = retrieval_ranks(trained.test.image, trained.test.text, trained.test.photo)
    assert np.array_equal(found.image_to_text, forward)
    assert np.array_equal(found.text_to_image, backward)
    assert (found.pairs, found.pairs_given, found.weight) == (40, 50, 1.25)
    assert (found.training_seconds, found.scoring_seconds, found.curve) == (3, 6, trained.curve)
    assert set(found.matching) == {ANY, "gender_words", "place"}


def test_what_a_run_answered_is_kept_as_similarities_right_answers_and_ranks():
    trained, phrases = cases.run("full", 2), cases.phrases(80)
    found = measure_run(trained, cases.groups(80), cases.groups(40), phrases=phrases)
    asked = trained.probes[PHRASES]
    similarity = asked.text.astype(np.float64) @ asked.image.T.astype(np.float64)
    assert found.neutral == pytest.approx(similarity[: len(phrases.queries)], abs=1e-6)
    best = np.array(phrases.classes)[similarity[len(phrases.queries) :].argmax(axis=0)]
    assert found.zero_shot.tolist() == (best == phrases.labels).tolist()
    assert list(found.damaged) == ["blur", TYPOS]
    for one, other in zip(found.damaged["blur"], trained.probes["blur"].ranks(), strict=True):
        assert np.array_equal(one, other)
    assert (found.joules, found.steps) == (45, 8)


def test_a_run_that_was_asked_nothing_has_no_answers():
    found = measure_run(cases.run("full", 0, asked=False), cases.groups(80), cases.groups(40), phrases=cases.phrases(80))
    assert (found.neutral, found.zero_shot, found.damaged) == (None, None, {})


def test_all_arms_decide_about_the_same_false_pairs():
    runs = [measure_run(cases.run("full", s, noise=1.0), cases.groups(80), cases.groups(40), seed=9) for s in (0, 0)]
    again = measure_run(cases.run("full", 0, noise=1.0), cases.groups(80), cases.groups(40), seed=10)
    assert np.array_equal(runs[0].matching[ANY].negative, runs[1].matching[ANY].negative)
    assert not np.array_equal(runs[0].matching[ANY].negative, again.matching[ANY].negative)


def test_without_groups_there_is_only_the_matching_from_anywhere():
    assert set(measure_run(cases.run("full", 0), {}, {}).matching) == {ANY}


def test_tables_hold_all_that_was_measured(tmp_path):
    expected = cases.measured()
    save_measures(Draft(tmp_path), expected)
    found = load_measures(Artifact("training", tmp_path, {}))
    assert_same_runs(found.runs, expected.runs)
    assert np.array_equal(found.photos, expected.photos)
    assert {k: v.tolist() for k, v in found.groups.items()} == {k: v.tolist() for k, v in expected.groups.items()}
    assert (found.compared, found.missing) == (expected.compared, expected.missing)
    assert compare(found, draws=50) == compare(expected, draws=50)


def test_tables_of_an_earlier_version_are_read_back(tmp_path):
    expected = cases.measured(seeds=2, asked=False)
    save_measures(Draft(tmp_path), expected)
    for table, columns in (("runs", ["joules", "steps"]), ("curves", ["seconds"]), ("photos", ["label"])):
        file = tmp_path / f"{table}.parquet"
        pd.read_parquet(file).drop(columns=columns).to_parquet(file)
    facts = json.loads((tmp_path / "measured.json").read_text())
    (tmp_path / "measured.json").write_text(json.dumps({key: facts[key] for key in ("compared", "missing")}))
    found = load_measures(Artifact("training", tmp_path, {}))
    assert found.phrases is None and found.unmeasured == {}
    assert [(run.joules, run.steps) for run in found.runs] == [(None, 0)] * len(expected.runs)
    again, first = (compare(one, draws=30)["arms"][0]["recall"] for one in (found, expected))
    assert again == first


def test_tables_of_arms_without_curves_or_groups_are_read_back(tmp_path):
    bare = cases.measured(arms=("start",))
    bare = replace(bare, groups={}, compared={}, runs=[measure_run(cases.run("start", 0), {}, {})])
    save_measures(Draft(tmp_path), bare)
    found = load_measures(Artifact("training", tmp_path, {}))
    assert_same_runs(found.runs, bare.runs)
    assert found.groups == {}


def test_the_table_of_ranks_is_enough_to_recompute_a_recall():
    measured = cases.measured(arms=("full",), seeds=2)
    table = ranks_table(measured.runs)
    assert table.columns.tolist() == ["arm", "seed", "direction", "query", "photo", "rank"]
    hits = table.assign(hit=table["rank"] < 10).groupby(["seed", "direction"])["hit"].mean()
    recall = compare(measured, draws=20)["arms"][0]["recall"]["R@10"]["text_to_image"]["mean"]
    assert 100 * hits[:, "text_to_image"].mean() == pytest.approx(recall)


def test_pooled_halves_are_one_result_over_all_photos():
    one, other = cases.measured(), cases.measured(photos=60, name="other", salt=3)
    both = pool([one, other])
    assert both.photos.tolist() == [*one.photos, *other.photos]
    assert both.groups["gender_words"].tolist() == [*one.groups["gender_words"], *other.groups["gender_words"]]
    assert len(both.runs) == len(one.runs)
    run, a, b = both.runs[1], one.runs[1], other.runs[1]
    assert (run.arm, run.seed, run.pairs, run.training_seconds) == ("influence", 1, 40, 3)
    assert run.text_to_image.tolist() == [*a.text_to_image, *b.text_to_image]
    # A caption of the second half still belongs to its own photo.
    assert both.photos[run.photo[len(a.photo)]] == "other0"
    found, first, second = (compare(m, draws=50)["arms"][0] for m in (both, one, other))
    pooled = [arm["recall"]["R@10"]["both"]["mean"] for arm in (found, first, second)]
    assert pooled[0] == pytest.approx((80 * pooled[1] + 60 * pooled[2]) / 140)
    assert found["gaps"]["gender_words"]["groups"]["female"]["photos"] == 27 + 20
    assert run.neutral.shape == (len(both.phrases.queries), 140) and len(run.zero_shot) == len(both.phrases.labels) == 140
    for side, one, two in zip(run.damaged["blur"], a.damaged["blur"], b.damaged["blur"], strict=True):
        assert side.tolist() == [*one, *two]


def test_pooled_halves_keep_only_what_was_asked_of_both():
    both = pool([cases.measured(seeds=1), cases.measured(seeds=1, photos=60, name="other", salt=3, asked=False)])
    assert all((run.neutral, run.zero_shot, run.damaged) == (None, None, {}) for run in both.runs)
    assert set(both.unmeasured) == {"neutral", "zero_shot", "robustness"}


def test_pooled_halves_that_were_asked_other_phrases_have_no_answers_about_them():
    one, other = cases.measured(seeds=1), cases.measured(seeds=1, photos=60, name="other", salt=3)
    fewer = replace(other.phrases, queries=other.phrases.queries[:-1])
    other = replace(other, phrases=fewer, runs=[replace(run, neutral=run.neutral[:-1]) for run in other.runs])
    both = pool([one, other])
    assert both.phrases is None and all((run.neutral, run.zero_shot) == (None, None) for run in both.runs)
    assert both.runs[0].damaged and compare(both, draws=10)["neutral"] is None


def test_pooling_averages_times_and_leaves_out_what_one_half_lacks():
    one, other = cases.measured(), cases.measured(arms=("influence", "full"), seeds=2, name="other")
    other = replace(other, runs=[replace(run, training_seconds=run.training_seconds + 2) for run in other.runs])
    both = pool([one, other])
    assert pd.unique(pd.Series([run.arm for run in both.runs])).tolist() == ["influence", "full"]
    assert [run.training_seconds for run in both.runs] == [3, 4, 3, 4]
    assert set(both.missing) == {"clip-score", "random", "start"}
    assert "same seeds" in both.missing["random"]


def test_halves_that_share_photos_or_differ_in_attributes_are_refused():
    one = cases.measured(arms=("full",), seeds=1)
    with pytest.raises(TrainingError, match="share test photos"):
        pool([one, one])
    with pytest.raises(TrainingError, match="attributes"):
        pool([one, replace(cases.measured(arms=("full",), seeds=1, name="other"), groups={})])
