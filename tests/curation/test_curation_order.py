"""What a browser tells from the codes is what the plan says, at every ratio and cap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.order import HEAVIER, KEPT, PRUNED, RATIO_STEPS, browser_order
from influencespace.curation.plan import PRUNE, UP_WEIGHT, make_plan, pairs_to_remove, plan_of
from influencespace.curation.sets import Found
from influencespace.curation.standing import standing

ONE = Direction(np.ones(1))
SAID = st.sampled_from(["keep", "prune", "up-weight", 0.5, 7.5])


def drawn(n, seed, sets=False):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 7, n)
    scores = rng.normal(size=(7, 1))[labels] + rng.normal(size=(n, 1))
    members = Members.of(np.array([f"{k // 2}.{k % 2}" for k in labels], dtype=object), labels // 2)
    return scores, rng.normal(size=n), members, rng.integers(0, n, n) if sets else None


def told(order, members, ratio, cap):
    """(removed, up-weighted) as a browser tells them."""
    step = round(100 * ratio)
    removed = order.turn < order.removed_code(ratio)
    more = (order.benefit > order.threshold[step])[members.member] & (order.turn < HEAVIER)
    return removed, (more | (order.turn == HEAVIER)) & ~removed if cap > 1 else None


@st.composite
def decisions(draw, members, n):
    clusters = draw(st.dictionaries(st.sampled_from(members.labels.tolist()), SAID, max_size=2))
    pairs = draw(st.dictionaries(st.integers(0, n - 1).map("p{}".format), SAID, max_size=10))
    locks = draw(st.lists(st.integers(0, n - 1), max_size=10, unique=True))
    entry = {"set": "some", "name": "some", "decision": "lock"}
    weights = np.array([draw(st.sampled_from([0.0, 1.0, 2.5])) for _ in locks], dtype=np.float32)
    made = {"clusters": clusters, "pairs": pairs} | ({"sets": [entry]} if locks else {})
    return resolve(
        made, np.array([f"p{i}" for i in range(n)], dtype=object), members, lambda digest: Found(np.array(locks), weights, [])
    )


@given(st.data(), st.integers(1, 200), st.integers(0, 99))
def test_pairs_go_by_their_place_and_then_by_rising_score_whatever_was_decided(data, n, seed):
    scores, _, members, sets = drawn(n, seed, sets=True)
    scores = np.round(scores)  # many are equal
    decided = data.draw(decisions(members, n))
    own = standing(scores, np.zeros(n), members, ONE, decided, PlanOptions(), sets)
    free = np.flatnonzero(~decided.any)
    assert own.order.tolist() == sorted(free.tolist(), key=lambda i: (own.goes[i], own.value[i], i))


@given(st.data(), st.integers(1, 200), st.integers(0, 99), st.booleans(), st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0]),
       st.sampled_from([0.0, 0.2, 0.57, 0.95]), st.sampled_from([1.0, 4.0]))
def test_a_browser_tells_the_plan_from_the_codes(data, n, seed, repeats, floor, ratio, cap):
    scores, agreement, members, sets = drawn(n, seed, repeats)
    decided = data.draw(decisions(members, n))
    options = PlanOptions(reduction=ratio, cap=cap, floor=floor)
    own = standing(scores, agreement, members, ONE, decided, options, sets)
    order = browser_order(own, decided)
    plan = plan_of(own, decided, options)
    removed, heavier = told(order, members, ratio, cap)
    assert np.array_equal(removed, plan.weights == 0)
    assert order.pruned + order.missing(ratio) == removed.sum()
    assert order.pairs == n == order.free + order.pruned + order.kept + order.held
    if cap > 1:
        assert np.array_equal(heavier, plan.dispositions == UP_WEIGHT)
        assert order.up_weighted[round(100 * ratio)] == heavier.sum()
    else:
        assert order.heavier == (plan.dispositions == UP_WEIGHT).sum()


@given(st.integers(1, 200), st.integers(0, 20))
def test_the_steps_are_those_of_the_ratio_and_no_pair_comes_back(n, seed):
    scores, agreement, members, _ = drawn(n, seed)
    decided = resolve({}, np.arange(n).astype(str), members)
    order = browser_order(standing(scores, agreement, members, ONE, decided, PlanOptions()), decided)
    codes = [order.removed_code(ratio) for ratio in RATIO_STEPS]
    assert codes == sorted(codes) and len(order.threshold) == len(order.up_weighted) == 96
    assert [(order.turn < code).sum() for code in codes] == [pairs_to_remove(n, ratio) for ratio in RATIO_STEPS]
    assert np.array_equal(np.argsort(order.turn, kind="stable"), standing(
        scores, agreement, members, ONE, decided, PlanOptions()
    ).order)


@pytest.mark.parametrize("n", [65_531, 65_532, 65_533, 150_000])
def test_with_more_pairs_than_codes_a_bucket_goes_together(n):
    scores, agreement, members, _ = drawn(n, 0)
    decided = resolve({"pairs": {"7": "keep", "8": "prune"}}, np.arange(n).astype(str), members)
    options = PlanOptions(reduction=0.31)
    own = standing(scores, agreement, members, ONE, decided, options)
    order, plan = browser_order(own, decided), plan_of(own, decided, options)
    bucket = -(-order.free // 65532)
    removed, heavier = told(order, members, 0.31, 4.0)
    assert np.abs(removed.sum() - (plan.weights == 0).sum()) < bucket
    assert (removed != (plan.weights == 0)).sum() < bucket and (heavier != (plan.dispositions == UP_WEIGHT)).sum() < bucket
    assert order.turn[own.order].min() == 1 and order.turn[own.order].max() <= 65_532
    assert (order.turn[7], order.turn[8]) == (KEPT, PRUNED)


def test_make_plan_is_the_plan_of_its_standing():
    scores, agreement, members, sets = drawn(100, 0, True)
    decided = resolve({}, np.arange(100).astype(str), members)
    inputs = (scores, agreement, members, ONE, decided, PlanOptions(), sets)
    first, second = make_plan(*inputs), plan_of(standing(*inputs), decided, PlanOptions())
    assert first.weights.tobytes() == second.weights.tobytes() and (first.dispositions == PRUNE).sum() == 20
