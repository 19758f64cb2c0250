"""What near-duplicates do to a plan: properties of the ranks, and pairs that are planted five times."""

import math
import shutil

import numpy as np
import pandas as pd
import pytest
from engine_cases import PAIRS, SMALL, copied_workspace, planted_import
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.decisions import resolve
from influencespace.curation.duplicates import rank_in_sets, relegate
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import IN_PART, make_plan
from influencespace.curation.reasons import reasons
from influencespace.stages import run_stages
from influencespace.workspace import Workspace

COPIES = 5


def case(n=300, clusters=12, seed=0, sets=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, clusters, n)
    scores = rng.normal(size=clusters)[labels] + 0.3 * rng.normal(size=n)
    sets = rng.integers(0, 2 * n, n) if sets is None else sets
    return scores[:, None], np.array([f"{k}.0" for k in labels], dtype=object), sets


def plan_of(scores, labels, sets, decisions=None, **options):
    ids = np.arange(len(labels)).astype(str).astype(object)
    topics = np.array([int(label.split(".")[0]) for label in labels])
    asked = PlanOptions(agreement=0.0, **options)
    members = Members.of(labels, topics)
    decided = resolve(decisions or {}, ids, members)
    return make_plan(scores, np.zeros(len(labels)), members, Direction(np.ones(1)), decided, asked, sets)


drawn = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(-3, 3), st.integers(-1, 1)), min_size=1, max_size=40)


@given(drawn)
def test_ranks_count_from_what_would_go_last(pairs):
    sets, place, value, by_hand = (np.array(column) for column in zip(*pairs, strict=True))
    found = rank_in_sets(sets, place, value, by_hand)
    for code in set(sets):
        own = np.flatnonzero(sets == code)
        ordered = sorted(own, key=lambda i: (-by_hand[i], -place[i], -value[i], i))
        assert found.rank[ordered].tolist() == list(range(1, len(own) + 1))
        assert set(found.best[own]) == {ordered[0]}


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(0, 99), st.integers(0, 30))
def test_the_best_goes_with_its_cluster_and_the_others_with_clusters_as_low_as_their_rank_says(sizes, seed, harmful):
    place = np.repeat(np.arange(len(sizes)), sizes)
    rank = np.random.default_rng(seed).integers(1, 6, len(place))
    found = relegate(place, rank, harmful)
    ends = np.cumsum(sizes)
    for i, r in enumerate(rank):
        above = ends[place[i]] - sizes[place[i]] / 2 - harmful
        height = harmful + above * math.log2(1 + 1 / r)
        assert found[i] == (next(k for k, end in enumerate(ends) if end >= height) if above > 0 and r > 1 else place[i])
    assert (found[rank == 1] == place[rank == 1]).all() and (found <= place).all()


@given(st.integers(0, 50), st.floats(0, 0.95))
def test_without_near_duplicates_nothing_changes(seed, reduction):
    scores, labels, _ = case(seed=seed)
    alone, plain = (plan_of(scores, labels, sets, reduction=reduction) for sets in (np.arange(300), None))
    assert alone.weights.tobytes() == plain.weights.tobytes() and alone.clusters.equals(plain.clusters)
    assert not alone.clusters["duplicates"].any() and np.array_equal(alone.duplicate_of, np.arange(300))


@given(st.integers(0, 50), st.floats(0, 0.95))
def test_the_best_of_a_set_outlives_the_others(seed, reduction):
    scores, labels, _ = case(seed=seed)
    sets = np.random.default_rng(seed).integers(0, 60, 300)
    plan = plan_of(scores, labels, sets, reduction=reduction)
    kept, best = plan.weights > 0, plan.duplicate_of
    assert (best[best] == best).all() and (sets[best] == sets).all()
    place = {label: k for k, label in enumerate(plan.clusters["cluster"])}
    height = np.array([place[label] for label in labels])
    others = (best != np.arange(300)) & kept
    # Only inside the cluster at the boundary, where pairs are compared one by one, may a lower one stay alone.
    boundary = height[best] == height[others | kept].min(initial=99)
    assert (kept[best] | boundary)[others].all()
    assert (plan.weights == 0).sum() == int(np.floor(reduction * 300 + 0.5))


def test_what_harms_goes_before_copies_of_what_helps():
    labels = np.repeat(np.array([f"{k}.0" for k in range(10)], dtype=object), 10)
    scores = np.repeat(np.arange(10.0) - 4, 10)[:, None]  # four clusters harm
    sets = np.arange(100)
    sets[90:95] = 90
    left = [int((plan_of(scores, labels, sets, reduction=r).weights[90:95] > 0).sum()) for r in (0.4, 0.55, 0.7, 0.8, 0.9)]
    # Above the forty that harm, the height of its cluster is 55: the copies stand at 72, 63, 58 and 54 %.
    assert left == [5, 5, 3, 2, 1]


@given(st.integers(0, 50))
def test_a_kept_copy_weighs_less_than_its_best(seed):
    scores, _, _ = case(seed=seed)
    sets = np.random.default_rng(seed).integers(0, 150, 300)
    # One cluster, so that the best is the one of the largest score.
    plan = plan_of(scores, np.full(300, "0.0", dtype=object), sets, reduction=0.1)
    copies = (plan.duplicate_of != np.arange(300)) & (plan.weights > 0) & (plan.weights[plan.duplicate_of] > 0)
    assert copies.any()
    assert (plan.weights[copies] >= 1).all() and (plan.weights[copies] <= plan.weights[plan.duplicate_of][copies]).all()


def test_the_best_of_copies_in_the_best_cluster_stays_and_its_copies_go_one_after_the_other():
    labels = np.repeat(np.array([f"{k}.0" for k in range(10)], dtype=object), 10)
    scores = np.repeat(np.arange(10.0), 10)[:, None]
    sets = np.arange(100)
    sets[90:95] = 90
    left = [int((plan_of(scores, labels, sets, reduction=r).weights[90:95] > 0).sum()) for r in (0.1, 0.25, 0.35, 0.5, 0.9)]
    # Its cluster's height is 95 %: the copies stand at 56, 39, 31 and 25 %, and each goes with the cluster that stands there.
    assert left == [5, 5, 4, 2, 1]


@pytest.mark.parametrize("reduction", [0.0, 0.2, 0.95])
def test_where_all_pairs_are_one_set_the_ratio_is_met_and_the_best_stays(reduction):
    scores, labels, _ = case()
    plan = plan_of(scores, labels, np.zeros(300, int), reduction=reduction)
    assert (plan.weights == 0).sum() == round(300 * reduction) and np.isfinite(plan.weights).all()
    assert plan.weights[plan.duplicate_of[0]] > 0


def test_the_curators_word_decides_who_is_the_best_of_a_set():
    scores, labels, _ = case(sets=np.zeros(300, int))
    sets = np.arange(300)
    sets[:3] = 0
    labels[:3] = "0.0"
    scores[:3, 0] = 9, 8, 7
    assert set(plan_of(scores, labels, sets).duplicate_of[:3]) == {0}
    assert set(plan_of(scores, labels, sets, {"pairs": {"0": "prune"}}).duplicate_of[:3]) == {1}
    assert set(plan_of(scores, labels, sets, {"pairs": {"2": "keep"}}).duplicate_of[:3]) == {2}


def test_a_cluster_that_only_lost_copies_is_kept_and_says_so():
    scores, labels, _ = case(sets=np.zeros(300, int))
    scores += 10  # none harms
    best = plan_of(scores, labels, None).clusters["cluster"].iloc[-1]
    own = np.flatnonzero(labels == best)
    sets = np.arange(300)
    sets[own[:8]] = own[0]
    table = plan_of(scores, labels, sets, reduction=0.3).clusters.set_index("cluster").loc[[best]]
    row = table.iloc[0]
    assert row.disposition == "up-weight" and row.kept == row.pairs - row.duplicates and 2 <= row.duplicates <= 7
    said = reasons(table.assign(agreement=0.0), 300)[0]
    assert said.endswith(f"; {row.duplicates} of {row.pairs} pairs go as near-duplicates of others")


def test_at_the_boundary_copies_are_told_from_the_weakest():
    row = {"disposition": IN_PART, "decided": 0, "agreement": 0.0, "score": 0.1, "excess": 0.5, "pairs": 10, "kept": 5,
           "duplicates": 2, "held": 0}
    assert reasons(pd.DataFrame([row]), 100)[0] == (
        "at the limit: its 3 weakest of 10 pairs go to meet the ratio; 2 of 10 pairs go as near-duplicates of others"
    )


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """The planted workspace, in which every fifth of the first 150 training pairs stands five times, nearly: 30 bursts."""
    path = tmp_path_factory.mktemp("repeated")
    source, _ = copied_workspace(tmp_path_factory, path / "unused")
    folder = path / "source"
    shutil.copytree(source.artifact("pairs").facts["source"], folder)
    rng = np.random.default_rng(1)
    original = np.arange(sum(PAIRS.values()))
    original[:150] -= original[:150] % COPIES
    for name in ("img_emb", "text_emb"):
        file = folder / name / f"{name}_0.npy"
        view = np.load(file)[original].astype(np.float32)
        np.save(file, (view + 0.05 * rng.normal(size=view.shape)).astype(np.float16))
    workspace = Workspace(path / "workspace", create=True)
    # A quarter is mismatched and goes first; there must be room for more.
    run_stages(workspace, {"import": planted_import(folder)} | SMALL | {"plan": PlanOptions(reduction=0.4)})
    return workspace, original[: PAIRS["train"]]


def test_planted_bursts_are_sets_share_a_fold_and_lose_copies_but_never_all(repeated):
    workspace, original = repeated
    sets = workspace.artifact("features").array("duplicates")[: PAIRS["train"]]
    assert pd.crosstab(original, sets).astype(bool).sum().max() == 1  # no set reaches over two bursts
    assert np.mean(sets[original] == sets) > 0.98
    folds = workspace.artifact("proxy").array("folds")
    assert (folds == folds[:, sets]).all()
    plan = workspace.artifact("plan").table("pairs")
    kept = plan["weight"].to_numpy() > 0
    burst = np.arange(PAIRS["train"]) < 150
    table = pd.DataFrame({"kept": kept, "set": sets})[burst]
    agreement = workspace.artifact("proxy").array("agreement")
    # A burst is lost only if the cluster of its best goes.
    stays = workspace.artifact("plan").table("clusters").set_index("cluster")["kept"] > 0
    best = plan["duplicate_of"].isna().to_numpy()
    of_best = workspace.artifact("clusters").table("members")["cluster"][best & burst].map(stays)
    good = pd.Series(of_best.to_numpy(), index=sets[best & burst])
    left = table.groupby("set")["kept"].sum()
    assert (left[good[good].index] >= 1).all() and left[good[good].index].mean() < COPIES - 1 and good.mean() > 0.5
    fits = agreement > 0
    assert (~kept)[burst & fits].mean() > 2 * (~kept)[~burst & fits].mean()


def test_the_plan_names_what_each_copy_repeats(repeated):
    workspace, _ = repeated
    ids = workspace.artifact("pairs").table("pairs")["id"].to_numpy(dtype=object)[: PAIRS["train"]]
    sets = workspace.artifact("features").array("duplicates")[: PAIRS["train"]]
    named = workspace.artifact("plan").table("pairs")["duplicate_of"]
    of = dict(zip(ids, sets, strict=True))
    copies = named.notna().to_numpy()
    assert copies.sum() == len(sets) - len(set(sets))
    assert all(of[best] == of[own] and best != own for own, best in zip(ids[copies], named[copies], strict=True))
    clusters = workspace.artifact("plan").table("clusters")
    assert clusters["duplicates"].sum() > 0
