"""What the benchmark of fairness computes itself: the pairs that it wrongs, its folds, its plans and its tables."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fairness import Found, arms_of, keep, weights_of
from fairness_folds import COMPARED, FOLDS, SETTINGS, Photos, mismatch, open_fold
from fairness_tables import against_table, arms_table, read, rows

from influencespace.curation.options import PlanOptions
from influencespace.evaluation.measure import ANY, Measured, RunMeasures
from influencespace.metrics.fairness import Matching
from influencespace.training.arms import Redrawn

GENDER, AGE = (np.array(values, dtype=object) for values in (("male", "female", "mixed"), ("child", "adult_or_unstated", "none")))


@pytest.fixture(scope="module")
def photos():
    """400 photos, each in a group of both kinds, whose five captions are turned and noisy views of them."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(400, 48))
    text = (image @ np.linalg.qr(rng.normal(size=(48, 48)))[0])[:, None] + 0.2 * rng.normal(size=(400, 5, 48))
    groups = {"gender_words": GENDER[rng.integers(3, size=400)], "age_words": AGE[rng.integers(3, size=400)]}
    names = np.array([f"{k}.jpg" for k in range(400)], dtype=object)
    return Photos(names, image.astype(np.float16), text.astype(np.float16), groups, None)


def test_so_many_pairs_of_the_group_and_of_the_others_get_the_caption_of_another_photo():
    member = np.arange(1000) % 5 == 0
    source, which = mismatch(member, 5, 0)
    wrong = source != np.arange(1000)
    assert (wrong[member].sum(), wrong[~member].sum()) == (120, 40)
    assert set(which[~wrong]) == {0}
    assert set(which[wrong]) == set(range(5))
    again, other = mismatch(member, 5, 0)[0], mismatch(member, 5, 1)[0]
    assert np.array_equal(source, again)
    assert not np.array_equal(source, other)


def test_every_photo_is_test_once_and_no_split_shares_a_photo(photos):
    opened = [open_fold(photos, SETTINGS["clean"], number, PlanOptions()) for number in range(FOLDS)]
    assert sorted(np.concatenate([fold.names for fold in opened])) == sorted(photos.names)
    for fold in opened:
        data = fold.data
        assert (len(data.train), data.validation.photos, data.test.photos) == (256, 64, 80)
        parts = [data.photo[own].tolist() for own in (data.train, data.validation.image_rows, data.test.image_rows)]
        assert len(set().union(*parts)) == 400
        assert not fold.mismatched.any()


def test_only_training_captions_are_wronged(photos):
    clean, skewed = (open_fold(photos, SETTINGS[name], 1, PlanOptions()) for name in ("clean", "skewed"))
    for name in ("validation", "test"):
        ours, theirs = getattr(skewed.data, name), getattr(clean.data, name)
        assert np.array_equal(ours.rows, theirs.rows)
        assert np.array_equal(ours.groups["gender_words"], theirs.groups["gender_words"])
    female = skewed.groups["gender_words"] == "female"
    assert skewed.mismatched[female].sum() == round(0.6 * female.sum())
    assert skewed.mismatched[~female].sum() == round(0.05 * (~female).sum())


@pytest.fixture(scope="module")
def fold(photos):
    return open_fold(photos, SETTINGS["skewed"], 0, PlanOptions())


@pytest.fixture(scope="module")
def found(fold, tmp_path_factory):
    path = tmp_path_factory.mktemp("found") / "fold=0" / "found-0.npz"
    first = Found.kept(path, Redrawn(fold.curation, 0))
    again = Found.kept(path, None)
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(first).items())
    return again


@pytest.mark.parametrize(("fairness", "arm", "compared"), [
    (0.0, "influence 0", COMPARED), (1.0, "influence age_words 1", {"age_words": COMPARED["age_words"]}),
])
def test_a_plan_is_the_one_of_the_product_that_compares_this_attribute_alone(fold, found, fairness, arm, compared):
    curation = replace(fold.curation, compared=compared, plan=PlanOptions(fairness=fairness))
    theirs = Redrawn(curation, 0).weights("influence").weights
    assert np.abs(weights_of(fold, SETTINGS["skewed"], found, 0)[arm] - theirs).max() < 1e-5


def test_the_arms(fold, found):
    weights = weights_of(fold, SETTINGS["skewed"], found, 0)
    assert set(weights) == set(arms_of(SETTINGS["skewed"]))
    assert set(arms_of(SETTINGS["skewed"])) - set(arms_of(SETTINGS["clean"])) == {"oracle"}
    assert np.array_equal(weights["oracle"] == 0, fold.mismatched)
    female = fold.groups["gender_words"] == "female"
    for arm in ("agreement", "influence 0"):
        labelled = weights[f"{arm}, labels x3"]
        assert np.array_equal(labelled > 0, weights[arm] > 0)
        assert set(labelled[female & (labelled > 0)]) == {3.0}
        assert set(labelled[~female & (labelled > 0)]) == {1.0}
    pruning = [arm for arm in weights if arm not in ("full", "oracle")]
    assert {int((weights[arm] == 0).sum()) for arm in pruning} == {round(0.2 * 256)}


def run_of(arm: str, seed: int, hits: list[int]) -> RunMeasures:
    """Six photos with one caption each, of which those named are found by both directions."""
    ranks = np.where(np.isin(np.arange(6), hits), 0, 50)
    matching = Matching(*(np.ones(6, dtype=bool) for _ in range(3)))
    return RunMeasures(arm, seed, ranks, ranks, np.arange(6), dict.fromkeys((ANY, "word"), matching), 4, 5, 1.0, 1.0, 0.0)


@pytest.fixture
def kept(tmp_path):
    """Two folds of three men and three women each; full has a third seed that no other arm has."""
    groups = {"word": np.array(["man"] * 3 + ["woman"] * 3, dtype=object)}
    hits = {"full": [0, 1, 2], "agreement": [0, 1, 2, 3], "influence 0": [0, 1, 3, 4]}
    for fold in range(2):
        for arm, found in hits.items():
            for seed in range(2 + (arm == "full")):
                names = np.array([f"{fold}-{k}" for k in range(6)], dtype=object)
                keep(
                    tmp_path / f"fold={fold}" / f"{arm}={seed}",
                    Measured([run_of(arm, seed, found)], names, groups, {"word": ["man", "woman"]}),
                )
    return tmp_path


def test_runs_are_pooled_over_folds_and_seeds_that_all_arms_have(kept):
    measured = read(kept, 5)
    assert (len(measured.photos), {run.seed for run in measured.runs}) == (12, {0, 1})
    assert {run.arm for run in measured.runs} == {"full", "agreement", "influence 0"}


def test_figures_of_known_ranks(kept):
    found = {row["arm"]: row for row in rows(read(kept, 5), "word")}
    assert found["full"]["gap"]["mean"] == pytest.approx(100)
    assert found["influence 0"]["gap"]["mean"] == pytest.approx(0)
    assert found["influence 0"]["change"]["mean"] == pytest.approx(-100)
    assert found["influence 0"]["relative"]["mean"] == pytest.approx(-100)
    assert found["influence 0"]["of_full"]["mean"] == pytest.approx(4 / 3)
    assert found["influence 0"]["against"]["agreement"]["mean"] == pytest.approx(-200 / 3)
    assert found["full"]["reduction"] == pytest.approx(20)
    assert found["full"]["recall"]["mean"] == pytest.approx(50)
    assert found["full"]["change"] == {"mean": 0, "low": 0, "high": 0}


def test_tables_have_a_line_an_arm(kept):
    found = rows(read(kept, 5), "word")
    lines = arms_table(found).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {row['arm']}" for row in found]
    assert "| influence 0 | 20.0 % |" in arms_table(found)
    assert against_table(found).splitlines()[-1].startswith("| influence 0 | -66.7 [")
