import numpy as np
import pytest
import torch
from engine_cases import PAIRS, SMALL, planted_pairs, shared_workspace

from influencespace.errors import InfluenceSpaceError
from influencespace.influence.fairness import gaps
from influencespace.influence.hierarchy import cluster_means, shrink
from influencespace.influence.options import ScoreOptions
from influencespace.influence.scores import pair_scores
from influencespace.influence.stage import score_pairs
from influencespace.influence.targets import make_targets
from influencespace.pairs.views import HeldOut, heldout
from influencespace.proxy.crossfit import PreparedPairs, cross_fit
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import prepared_pairs, stored_fit

NAMES = ["overall", "place=north", "place=south"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return shared_workspace(tmp_path_factory)


@pytest.fixture(scope="module")
def raw(made):
    """The same scores by the pure functions: (2, n, targets)."""
    workspace, _ = made
    fitted, proxy = stored_fit(workspace, "cpu")
    validation = heldout(workspace.artifact("pairs").table("pairs"), "validation")
    targets = make_targets(validation, {"place": ["north", "south"]})
    return pair_scores(prepared_pairs(workspace, proxy, "cpu"), fitted, validation.rows, targets, proxy, SMALL["score"])[0]


def test_pairs_have_a_shrunken_score_for_every_target(made, raw):
    workspace, _ = made
    table = workspace.artifact("scores").table("pairs")
    assert list(table) == NAMES and len(table) == PAIRS["train"] and set(table.dtypes.astype(str)) == {"float32"}
    clusters = workspace.artifact("clusters").table("members")["cluster"].to_numpy(dtype=object)
    expected = shrink(raw, cluster_means(raw, clusters))
    assert np.array_equal(table.to_numpy(), expected.astype(np.float32))


@pytest.mark.parametrize(("level", "column"), [("clusters", "cluster"), ("topics", "topic")])
def test_levels_add_up_their_pairs(made, raw, level, column):
    workspace, _ = made
    table = workspace.artifact("scores").table(level)
    labels = workspace.artifact("clusters").table("members")[column].to_numpy()
    assert table[column].tolist() == sorted(set(labels))
    total = raw.sum(0)
    for row in table.to_dict("records"):
        own = labels == row[column]
        for q, name in enumerate(NAMES):
            assert row[name] == pytest.approx(total[own, q].sum())
            assert row[f"{name}.mean"] == pytest.approx(total[own, q].mean())
            assert row[f"{name}.error"] >= total[own, q].std(ddof=1) / np.sqrt(own.sum()) * (1 - 1e-9)
        assert row["share_pairs"] == pytest.approx(own.mean())
        assert row["share_benefit"] == pytest.approx(max(row["overall"], 0) / table["overall"].clip(lower=0).sum())
    assert table["share_benefit"].sum() == pytest.approx(1)


@pytest.mark.parametrize(("level", "column"), [("clusters", "cluster"), ("topics", "topic")])
def test_levels_say_what_they_do_to_the_gap_and_how_they_repeat_themselves(made, raw, level, column):
    workspace, _ = made
    scores = workspace.artifact("scores")
    table, members = scores.table(level), workspace.artifact("clusters").table("members")
    [gap] = gaps(scores.json("targets"))
    apart = raw[:, :, [NAMES.index(gap.behind)]] - raw[:, :, [NAMES.index(gap.ahead)]]
    means = cluster_means(apart, members[column].to_numpy())
    assert table["gap.place.mean"].to_numpy() == pytest.approx(means.mean[:, 0])
    assert table["gap.place.error"].to_numpy() == pytest.approx(means.error[:, 0])
    assert table["gap.place"].to_numpy() == pytest.approx(means.mean[:, 0] * means.pairs)
    duplicates = workspace.artifact("features").facts["duplicates"]
    assert table["repeated"] @ means.pairs == pytest.approx(duplicates)
    assert table["likeness"].between(-1, 1).all()
    # Topics were found by likeness: within one, pairs are more alike than over all.
    assert table["likeness"].mean() > 0.05


def test_targets_say_what_they_are_about(made):
    workspace, _ = made
    targets = workspace.artifact("scores").json("targets")
    assert [t["name"] for t in targets] == NAMES == workspace.artifact("scores").facts["targets"]
    assert [(t["attribute"], t["value"]) for t in targets] == [(None, None), ("place", "north"), ("place", "south")]
    assert targets[0]["photos"] == PAIRS["validation"] == targets[1]["photos"] + targets[2]["photos"]
    mean = sum(t["loss"] * t["photos"] for t in targets[1:]) / PAIRS["validation"]
    assert targets[0]["loss"] == pytest.approx(mean, abs=1e-5)
    assert all(0 < t["loss_error"] < t["loss"] for t in targets)


def test_planted_mismatches_harm_and_the_others_help(made):
    workspace, wrong = made
    score = workspace.artifact("scores").table("pairs")["overall"].to_numpy()
    assert (score[wrong] < 0).mean() > 0.8 and (score[~wrong] > 0).mean() > 0.8
    assert workspace.artifact("scores").facts["reliability"]["overall"] > 0.5


# -- The smallest cases: a clear answer, and never NaN.


def scored(pairs, validation, clusters, compared):
    proxy = ProxyOptions(folds=2, repeats=1, ridge=1e-2, batch_size=50)
    return score_pairs(pairs, cross_fit(pairs, proxy), clusters, validation, compared, proxy, ScoreOptions(rank=4))


def held(count, groups=None):
    rows = np.arange(60, 60 + count)
    return HeldOut(rows, np.arange(count), rows, groups or {})


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_validation_photos_there_is_an_answer_in_words(count):
    pairs, _ = planted_pairs(80, 4, train=np.arange(60))
    with pytest.raises(InfluenceSpaceError, match=f"and there are {count}; at least 2 are needed"):
        scored(pairs, held(count), np.zeros(60, int), {})


def test_one_cluster_and_two_validation_photos_are_enough():
    pairs, _ = planted_pairs(80, 4, train=np.arange(60))
    found = scored(pairs, held(2), np.zeros(60, int), {})
    assert all(np.isfinite(part).all() for part in (found.halves, found.scores, found.loss, found.loss_error))


def test_a_group_of_two_validation_pairs_is_no_target_and_harms_nothing():
    pairs, _ = planted_pairs(80, 4, train=np.arange(60))
    groups = {"place": np.array(["in"] * 2 + ["out"] * 18, dtype=object)}
    found = scored(pairs, held(20, groups), np.zeros(60, int), {"place": ["in", "out"]})
    assert [target.name for target in found.targets] == ["overall", "place=out"]
    assert np.isfinite(found.scores).all()


def test_pairs_that_are_all_the_same_are_scored_alike():
    """Batches of equal pairs have a flat softmax: no pair is better than another, and there is no curvature."""
    one = torch.ones(80, 3, dtype=torch.float64) / 3**0.5
    pairs = PreparedPairs(one, one, np.arange(80), np.arange(60), None)
    found = scored(pairs, held(20), np.arange(60) % 3, {})
    np.testing.assert_allclose(found.scores, 0, atol=1e-12)
    assert np.isfinite(cross_fit(pairs, ProxyOptions(folds=2, repeats=1)).agreement).all()
