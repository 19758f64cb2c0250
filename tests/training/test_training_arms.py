from dataclasses import replace

import numpy as np
import pytest
from engine_cases import copied_workspace, shared_workspace

from influencespace.curation.stage import plan_subset
from influencespace.engines import HERE, kept
from influencespace.engines.kept import Keeping, Pieces
from influencespace.evaluation.stage import load
from influencespace.proxy.stage import stored_fit
from influencespace.training.arms import NEXT_FOLDS, Redrawn
from influencespace.training.baselines import BASELINES
from influencespace.training.options import TrainOptions

ARMS = ("influence", "semantic", "agreement", *BASELINES)
WEIGHTED = ("influence", "semantic")


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
        assert weights.max() == (4 if arm in WEIGHTED else 1)
        assert arm in WEIGHTED or set(weights.tolist()) <= {0.0, 1.0}


def test_each_arm_removes_what_its_name_says(made, first):
    wrong = made[1]
    agreement = made[0].artifact("proxy").array("agreement")
    assert np.array_equal(removed(first, "agreement"), np.sort(np.argsort(agreement)[:48]))
    assert 0.1 < wrong[removed(first, "random")].mean() < 0.4
    if first.curation.cosine is not None:
        assert np.array_equal(removed(first, "clip-score"), np.sort(np.argsort(first.curation.cosine)[:48]))
        assert wrong[removed(first, "clip-score")].mean() > 0.9


def removed(found, arm):
    return np.flatnonzero(found.weights(arm).weights == 0)


def test_semantic_removes_whole_topics_by_their_mean_influence_alone(made, first):
    """The topics with the least mean, by a loop; at the boundary the pairs with the least scores."""
    topics, raw = first.curation.topics, first.scored.halves.sum(0)[:, 0]
    assert first.curation.plan.fairness == 0.5
    plain = replace(first.curation, plan=replace(first.curation.plan, fairness=0.0))
    found = Redrawn(plain, 0)
    found.adopt(first.fitted, 0.0)
    gone = set(removed(found, "semantic").tolist())
    worst = sorted(set(topics.tolist()), key=lambda topic: raw[topics == topic].mean())
    left = 48
    for topic in worst:
        own = np.flatnonzero(topics == topic)
        lost = [i for i in own if i in gone]
        assert len(lost) == min(left, len(own))
        if 0 < len(lost) < len(own):
            assert max(raw[lost]) <= min(raw[i] for i in own if i not in gone)
        left -= len(lost)


def test_semantic_knows_neither_agreement_nor_what_was_decided_of_clusters(made, first):
    fitted = replace(first.fitted, agreement=np.random.default_rng(0).permutation(first.fitted.agreement))
    other = Redrawn(replace(first.curation, strata=2, decisions={"clusters": {"0.1": "keep"}}), 0)
    other.adopt(fitted, 0.0)
    assert np.array_equal(other.weights("semantic").weights, first.weights("semantic").weights)
    assert not np.array_equal(other.weights("influence").weights, first.weights("influence").weights)


def test_near_duplicates_are_the_same_with_every_seed(made, first):
    assert np.array_equal(removed(first, "near-duplicates"), removed(Redrawn(first.curation, 1), "near-duplicates"))


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


def test_what_arms_share_is_computed_once_and_its_time_counts_for_each_that_needs_it(made, first):
    found = Redrawn(first.curation, 3)
    for arm in BASELINES:
        if arm != "clip-score":
            assert found.weights(arm).seconds < 0.5
    assert found.fit_seconds == found.score_seconds == 0
    agreement = found.weights("agreement").seconds
    assert agreement > found.fit_seconds > 0 and found.score_seconds == 0
    for arm in WEIGHTED:
        spent = found.fit_seconds
        assert found.weights(arm).seconds > spent + found.score_seconds > spent
    assert found.fit_seconds == spent and found.weights("random").seconds < found.fit_seconds


def test_what_was_kept_of_a_redrawing_counts_with_the_time_that_it_took(first, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0)

    def drawn():
        found = Redrawn(first.curation, 1, engine=Keeping(HERE, Pieces(tmp_path, {})))
        return found.weights("influence"), found

    (weights, once), (again, twice) = drawn(), drawn()
    assert np.array_equal(weights.weights, again.weights)
    assert once.engine.spared == 0 < twice.engine.spared < weights.seconds
    assert twice.fit_seconds > 0.5 * once.fit_seconds and twice.engine.spared < again.seconds


def test_adopted_proxies_count_with_the_time_that_they_took(made, first):
    seconds = made[0].artifact("proxy").record["seconds"]
    assert first.weights("agreement").seconds >= seconds > first.weights("random").seconds
