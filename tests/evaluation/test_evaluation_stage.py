import shutil

import numpy as np
import pytest
from engine_cases import PAIRS, SMALL, copied_workspace

from influencespace.curation.measured import measured
from influencespace.curation.stage import plan_subset
from influencespace.errors import TrainingError
from influencespace.evaluation.stage import possible_arms, train_arms
from influencespace.evaluation.store import load_measures
from influencespace.progress import Cancelled
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions

GRID = [Settings(1e-3, 3, 64, dimensions=16), Settings(1e-2, 10, 64, dimensions=16)]


@pytest.fixture(scope="module", autouse=True)
def few_settings():
    """Two settings to choose from; which are tried in earnest is the business of the tests of tuning."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("influencespace.training.heads.HeadsTrainer.grid", lambda trainer: GRID)
        yield


@pytest.fixture(params=[False, True], ids=["unaligned", "aligned"], scope="module")
def made(request, few_settings, tmp_path_factory):
    """The trained workspace, what progress was told, and whether its features are aligned."""
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path_factory.mktemp("trained") / "w", request.param)
    told = []
    train_arms(workspace, TrainOptions(seeds=2, seed=5), lambda *report: told.append(report))
    return workspace, told, request.param


@pytest.fixture
def untrained(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def arms_of(made):
    return [arm for arm in TrainOptions().arms if made[2] or arm not in ("clip-score", "start")]


def test_all_arms_that_can_be_are_there_and_the_others_say_why(made):
    results = made[0].artifact("training").json("results")
    assert sorted(arm["arm"] for arm in results["arms"]) == sorted(arms_of(made))
    missing = set(TrainOptions().arms) - set(arms_of(made))
    assert set(results["missing"]) == missing == set(made[0].artifact("training").facts["missing"])
    assert all("not aligned" in why for why in results["missing"].values())


def test_arms_have_the_pairs_that_the_ratio_leaves(made):
    for arm in made[0].artifact("training").json("results")["arms"]:
        expected = {"full": 240, "start": 0}.get(arm["arm"], 192)
        assert arm["pairs"] == expected


def test_the_results_are_remembered_under_the_plan(made):
    workspace = made[0]
    results, found = workspace.artifact("training").json("results"), measured(workspace)[0]
    assert found.plan == workspace.artifact("plan").digest and found.plan in workspace.measured()
    for arm in results["arms"]:
        recall = arm["recall"]["R@10"]["both"]
        assert found.recall[arm["arm"]] == {key: recall[key] for key in ("mean", "low", "high")}
    assert set(found.differences) == {arm["arm"] for arm in results["arms"]} - {"full"}


def test_training_time_is_measured_and_scoring_counts_where_it_was_needed(made):
    workspace, _, _ = made
    fitting = workspace.artifact("proxy").record["seconds"]
    for arm in workspace.artifact("training").json("results")["arms"]:
        seconds = arm["seconds"]
        if arm["arm"] == "start":
            assert seconds["training"] is None
            continue
        assert seconds["training"] > 0
        assert seconds["total"] == pytest.approx(seconds["training"] + seconds["scoring"], rel=1e-3)
        scored = arm["arm"] in ("influence", "semantic", "agreement")
        # Of the two seeds one took over the proxies of the workspace.
        assert seconds["scoring"] > fitting / 2 if scored else seconds["scoring"] < fitting / 2


def test_the_first_seed_trains_on_the_curators_own_plan(made):
    workspace, _, _ = made
    weight = workspace.artifact("plan").table("pairs")["weight"]
    runs = workspace.artifact("training").table("runs")
    own = runs[(runs["arm"] == "influence") & (runs["seed"] == 5)].iloc[0]
    assert own["weight"] == pytest.approx(weight[weight > 0].mean(), rel=1e-6)


def test_every_arm_has_every_seed_and_the_start_one(made):
    runs = made[0].artifact("training").table("runs")
    for arm in arms_of(made):
        assert sorted(runs["seed"][runs["arm"] == arm]) == ([5] if arm == "start" else [5, 6])


def test_all_arms_are_trained_with_the_settings_chosen_on_full(made):
    settings = made[0].artifact("training").json("results")["settings"]
    assert [trial["learning_rate"] for trial in settings["tried"]] == [1e-3, 1e-2]
    # Heads that start at random need much training; those that start at a good encoder only lose by it.
    chosen = GRID[0] if made[2] else GRID[1]
    assert settings["chosen"] == vars(chosen)
    assert {t["learning_rate"]: t["recall"] for t in settings["tried"]}[chosen.learning_rate] == max(
        t["recall"] for t in settings["tried"]
    )
    curves = made[0].artifact("training").table("curves")
    assert set(curves["epoch"]) == set(range(1, chosen.epochs + 1))


def test_what_is_stored_can_be_measured_anew(made):
    measured = load_measures(made[0].artifact("training"))
    table = made[0].artifact("pairs").table("pairs")
    assert sorted(measured.photos) == sorted(table["photo"][table["split"] == "test"])
    assert measured.compared == {"place": ["north", "south"]}
    for run in measured.runs:
        assert run.image_to_text.shape == run.text_to_image.shape == (PAIRS["test"],)


def test_removing_planted_mismatches_beats_removing_at_random(made):
    recall = {
        arm["arm"]: arm["recall"]["R@10"]["both"]["mean"] for arm in made[0].artifact("training").json("results")["arms"]
    }
    # Where the encoder is as good as it gets there is nothing to gain, and nothing is lost.
    assert recall["influence"] > recall["random"] + (-1 if made[2] else 1)


def test_progress_counts_settings_then_runs_up_to_all(made):
    _, told, aligned = made
    total = 7 * 2 + 1 if aligned else 6 * 2
    choosing = [(done, of) for done, of, what in told if what.startswith("choosing")]
    assert choosing == sorted(choosing) and set(choosing) == {(0, 2), (1, 2)}
    training = [(done, of, what) for done, of, what in told if what.startswith("training")]
    assert [done for done, _, _ in training] == sorted(done for done, _, _ in training)
    assert {(done, of) for done, of, _ in training} == {(done, total) for done in range(total)}
    assert training[0][2] == "training influence, seed 5"
    assert (total, total, "all arms are trained") in told


def test_arms_are_those_that_were_asked_for(untrained):
    train_arms(untrained, TrainOptions(arms=("full", "random"), seeds=1))
    assert {a["arm"] for a in untrained.artifact("training").json("results")["arms"]} == {"full", "random"}
    assert untrained.artifact("training").facts["missing"] == {}


def test_without_any_arm_left_there_is_a_word_why(untrained):
    with pytest.raises(TrainingError, match=r"no arm left to train: image and text features are not aligned.*--arms"):
        train_arms(untrained, TrainOptions(arms=("start", "clip-score")))
    assert untrained.find("training") is None


class Aligned:
    aligned = starts = True


def arms_of_options(trainer=Aligned, **options):
    return possible_arms(TrainOptions(**options), Aligned(), trainer())


def test_arms_keep_the_order_they_were_asked_in_and_are_trained_once():
    assert arms_of_options(arms=("start", "full", "start")) == (["start", "full"], {})


def test_no_arms_at_all_are_an_error_that_does_not_blame_the_features():
    with pytest.raises(TrainingError, match=r"^There is no arm to train; name at least one with --arms\.$"):
        arms_of_options(arms=())


def test_a_subset_of_nothing_is_an_error_that_names_the_arm(untrained):
    untrained.decide({"topics": dict.fromkeys("0123", "prune")})
    plan_subset(untrained, SMALL["plan"])
    with pytest.raises(TrainingError, match="The arm influence is left with fewer than 2 pairs"):
        train_arms(untrained, TrainOptions(arms=("influence",), seeds=1))


def test_a_cancelled_training_leaves_nothing_but_what_it_has_finished(untrained):
    def cancel(done, total, what):
        if what.startswith("training") and done == 1:
            raise Cancelled

    before = {path.name for path in untrained.path.iterdir()}
    with pytest.raises(Cancelled):
        train_arms(untrained, TrainOptions(seeds=1), cancel)
    assert {path.name for path in untrained.path.iterdir()} == before | {"cache"}


def test_the_same_options_give_the_same_ranks(untrained):
    def ranks():
        shutil.rmtree(untrained.private("training"))  # what was finished before is not looked at
        train_arms(untrained, TrainOptions(arms=("influence", "random"), seeds=2))
        return untrained.artifact("training").table("ranks")

    assert ranks().equals(ranks())


def test_seeds_differ(made):
    ranks = made[0].artifact("training").table("ranks")
    for arm in ("full", "random", "influence"):
        own = ranks[ranks["arm"] == arm]
        first, second = (own["rank"][own["seed"] == seed].to_numpy() for seed in (5, 6))
        assert not np.array_equal(first, second)
