"""The coverage floor: every topic keeps its share, and it is its best pairs that stay."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.coverage import pairs_to_keep
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import pairs_to_remove, plan_of
from influencespace.curation.standing import standing

FLOORS = st.integers(0, 100).map(lambda percent: percent / 100)


def drawn(n, seed):
    """Three topics of two clusters; the first topic is the worst by far."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, n)
    scores = np.array([-4, -3, 0, 1, 2, 3.0])[labels][:, None] + rng.normal(size=(n, 1))
    return scores, Members.of(np.array([f"{k // 2}.{k % 2}" for k in labels], dtype=object), labels // 2), labels // 2


def planned(scores, members, decisions, **options):
    asked = PlanOptions(agreement=0.0, **options)
    decided = resolve(decisions, np.array([f"p{i}" for i in range(len(scores))], dtype=object), members)
    own = standing(scores, np.zeros(len(scores)), members, Direction(np.ones(1)), decided, asked)
    return own, decided, plan_of(own, decided, asked)


@given(st.data(), st.integers(1, 150), st.integers(0, 30), FLOORS, st.floats(0, 0.95))
def test_every_topic_keeps_its_share_unless_it_was_pruned_by_hand(data, n, seed, floor, reduction):
    scores, members, topics = drawn(n, seed)
    say = st.sampled_from(["keep", "prune", "up-weight", 0.5])
    pairs = data.draw(st.dictionaries(st.integers(0, n - 1).map("p{}".format), say, max_size=20))
    own, decided, plan = planned(scores, members, {"pairs": pairs}, reduction=reduction, floor=floor)
    kept, wanted = plan.weights > 0, pairs_to_remove(n, reduction)
    most = decided.prune.sum()
    for topic in set(topics):
        of = topics == topic
        least = min(math.ceil(round(floor * of.sum(), 6)), int((of & ~decided.prune).sum()))
        assert kept[of].sum() >= least
        most += of.sum() - decided.prune[of].sum() - max(least, int((decided.any & ~decided.prune)[of].sum()))
    removed = int((~kept).sum())
    assert removed == max(min(wanted, most), decided.prune.sum()) and (plan.notes == []) == (removed == wanted)
    assert not (own.held & decided.any).any()


@given(st.integers(1, 150), st.integers(0, 30), FLOORS, st.floats(0, 0.95))
def test_what_stays_for_the_floor_is_the_best_of_its_topic(n, seed, floor, reduction):
    scores, members, topics = drawn(n, seed)
    own, _, plan = planned(scores, members, {}, reduction=reduction, floor=floor)
    turn = np.empty(n, dtype=int)
    turn[own.order] = np.arange(n)
    for topic in set(topics):
        of = np.flatnonzero(topics == topic)
        held = of[own.held[of]]
        assert len(held) == math.ceil(round(floor * len(of), 6))
        assert set(held) == set(sorted(of, key=lambda i: turn[i])[len(of) - len(held) :])
    alone = int(((plan.weights > 0) & (turn < pairs_to_remove(n, reduction))).sum())
    assert plan.clusters["held"].sum() == alone


@given(st.integers(1, 150), st.integers(0, 30), st.floats(0, 0.95))
def test_without_a_floor_the_plan_is_as_before(n, seed, reduction):
    scores, members, _ = drawn(n, seed)
    plain, floored = (planned(scores, members, {}, reduction=reduction, **more)[2] for more in ({}, {"floor": 0.0}))
    assert plain.weights.tobytes() == floored.weights.tobytes() and not plain.clusters["held"].any()


@pytest.mark.parametrize(("pairs", "floor", "count"), [(100, 0.07, 7), (10, 0.05, 1), (3, 1.0, 3), (50, 0.0, 0), (101, 0.5, 51)])
def test_a_share_is_at_least_that_many_pairs(pairs, floor, count):
    assert pairs_to_keep(np.array([pairs]), floor) == count


def test_a_note_says_what_the_floor_keeps():
    scores, members, _ = drawn(100, 0)
    note = planned(scores, members, {}, reduction=0.9, floor=0.3)[2].notes
    assert note == ["69 pairs are removed instead of 90: only so many are left when the best 30 % of every topic stay."]
    note = planned(scores, members, {"pairs": {"p0": "keep"}}, reduction=0.9, floor=0.3)[2].notes[0]
    assert note.endswith("are left when those kept by hand and the best 30 % of every topic stay.")
