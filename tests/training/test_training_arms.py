from dataclasses import replace

import numpy as np
import pytest
from engine_cases import copied_workspace, shared_workspace
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.stage import plan_subset
from influencespace.evaluation.stage import load
from influencespace.proxy.stage import stored_fit
from influencespace.training.arms import NEXT_FOLDS, Redrawn, without_least
from influencespace.training.options import TrainOptions

ARMS = ("influence", "random", "agreement", "clip-score", "full")


@pytest.fixture(params=[False, True], ids=["unaligned", "aligned"], scope="module")
def made(request, tmp_path_factory):
    return shared_workspace(tmp_path_factory, request.param)


@pytest.fixture(scope="module")
def first(made):
    """The first seed, with the proxies of the workspace."""
    return adopted(made[0])


def adopted(workspace):
    _, curation, seconds = load(workspace, TrainOptions())
    found = Redrawn(curation, 0)
    found.adopt(stored_fit(workspace, "cpu")[0], seconds)
    return found


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), st.data())
def test_the_least_values_go_and_of_equal_ones_the_first(values, data):
    count = data.draw(st.integers(0, len(values)))
    weights = without_least(np.array(values), count)
    gone = {i for i in range(len(values)) if weights[i] == 0}
    assert gone == set(sorted(range(len(values)), key=lambda i: (values[i], i))[:count])
    assert set(weights.tolist()) <= {0.0, 1.0} and weights.dtype == np.float32


def test_the_influence_arm_of_the_first_seed_is_the_plan(made, first):
    plan = made[0].artifact("plan").table("pairs")["weight"].to_numpy()
    assert first.weights("influence").weights.tobytes() == plan.tobytes()


def test_the_plan_with_decisions_is_the_arm_too(tmp_path_factory, tmp_path):
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path / "w")
    cluster = workspace.artifact("plan").table("clusters")["cluster"].iloc[3]
    workspace.decide({"clusters": {cluster: "keep"}, "topics": {"2": 2.5}})
    plan_subset(workspace, workspace_options(workspace))
    plan = workspace.artifact("plan").table("pairs")["weight"].to_numpy()
    assert adopted(workspace).weights("influence").weights.tobytes() == plan.tobytes()


def workspace_options(workspace):
    return load(workspace, TrainOptions())[1].plan


def test_all_arms_but_full_remove_the_same_number(made, first):
    for arm in ARMS:
        if arm == "clip-score" and first.curation.cosine is None:
            continue
        weights = first.weights(arm).weights
        assert weights.shape == (240,) and weights.dtype == np.float32
        assert (weights == 0).sum() == (0 if arm == "full" else 48)
        assert arm == "influence" or set(weights.tolist()) <= {0.0, 1.0}


def test_each_arm_removes_what_its_name_says(made, first):
    wrong = made[1]
    agreement = made[0].artifact("proxy").array("agreement")
    assert np.array_equal(np.flatnonzero(first.agreement() == 0), np.sort(np.argsort(agreement)[:48]))
    assert 0.1 < wrong[first.random() == 0].mean() < 0.4
    if first.curation.cosine is not None:
        assert np.array_equal(np.flatnonzero(first.clip_score() == 0), np.sort(np.argsort(first.curation.cosine)[:48]))
        assert wrong[first.clip_score() == 0].mean() > 0.9


def test_another_seed_redraws_folds_and_the_random_subset(made, first):
    other, again = (Redrawn(first.curation, 1) for _ in range(2))
    for arm in ("influence", "random", "agreement"):
        weights = other.weights(arm).weights
        assert not np.array_equal(weights, first.weights(arm).weights)
        assert np.array_equal(weights, again.weights(arm).weights)
        assert (weights == 0).sum() == 48
    assert not np.array_equal(other.fitted.folds, first.fitted.folds)
    assert other.proxy == replace(first.proxy, seed=first.proxy.seed + NEXT_FOLDS)


def test_all_seeds_find_the_planted_mismatches(made, first):
    for arm in ("influence", "agreement"):
        assert made[1][Redrawn(first.curation, 2).weights(arm).weights == 0].mean() > 0.9


def test_the_time_of_fitting_counts_for_every_arm_that_needs_it(made, first):
    found = Redrawn(first.curation, 3)
    assert found.weights("random").seconds < 0.5 and found.fit_seconds == 0
    influence, agreement = found.weights("influence").seconds, found.weights("agreement").seconds
    assert found.fit_seconds > 0
    assert influence > found.fit_seconds and agreement > found.fit_seconds
    assert found.weights("random").seconds < found.fit_seconds


def test_adopted_proxies_count_with_the_time_that_they_took(made, first):
    seconds = made[0].artifact("proxy").record["seconds"]
    assert first.weights("agreement").seconds >= seconds > first.weights("random").seconds
