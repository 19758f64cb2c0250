"""Stored sets of pairs: named by their content, found again, and decided on and locked."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.decisions import resolve, settled, with_decision, with_set
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import make_plan
from influencespace.curation.sets import finder, load, places, save
from influencespace.errors import PlanError
from influencespace.workspace import Workspace

IDS = np.array([f"p{i}" for i in range(40)], dtype=object)
MEMBERS = Members.of(np.repeat(np.array(["0.0", "0.1", "1.0", "1.1"], dtype=object), 10), np.repeat([0, 1], 20))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "w", create=True)


def resolved(workspace, *entries, **levels):
    sets = [{"set": digest, "name": name, "decision": decision} for digest, name, decision in entries]
    return resolve({"sets": sets} | levels, IDS, MEMBERS, finder(workspace, pa.array(IDS)))


def test_the_same_pairs_with_the_same_weights_are_one_set(workspace):
    first = save(workspace, ["p1", "p2"])
    assert save(workspace, np.array(["p1", "p2"], dtype=object)) == first == save(workspace, pa.array(["p1", "p2"]))
    others = {save(workspace, ["p2", "p1"]), save(workspace, ["p", "1p2"]), save(workspace, ["p1", "p2"], np.array([1, 0]))}
    assert len(others | {first}) == 4 and len(list((workspace.path / "sets").iterdir())) == 4


def test_what_was_stored_comes_back(workspace):
    digest = save(workspace, ["ü", "p2"], np.array([0, 2.5]))
    found = load(workspace, digest)
    assert found.ids.to_pylist() == ["ü", "p2"] and found.weights.tolist() == [0, 2.5] and found.weights.dtype == np.float32
    assert load(workspace, save(workspace, ["p1"])).weights is None
    assert load(workspace, "nothing") is None and load(workspace, "../workspace") is None


@pytest.mark.parametrize("ids", [[], ["p1", "p1"]])
def test_no_pair_and_a_pair_twice_are_errors(workspace, ids):
    with pytest.raises(PlanError, match="at least one pair, and each once"):
        save(workspace, ids)


@given(st.lists(st.text(max_size=3), max_size=30, unique=True), st.lists(st.text(max_size=3), max_size=30, unique=True))
def test_places_are_those_of_a_plain_search(ids, wanted):
    found = places(np.array(ids, dtype=object), pa.array(wanted, type=pa.string()))
    assert found.tolist() == [ids.index(one) if one in ids else -1 for one in wanted]


def test_sets_beat_clusters_later_sets_beat_earlier_and_pairs_beat_sets(workspace):
    first, second = save(workspace, ["p1", "p2", "p3"]), save(workspace, ["p2", "p3"])
    found = resolved(
        workspace, (first, "one", "keep"), (second, "two", 2.5), clusters={"0.0": "prune"}, pairs={"p3": "up-weight"}
    )
    assert np.flatnonzero(found.prune).tolist() == [0, *range(4, 10)] and np.flatnonzero(found.keep).tolist() == [1]
    assert found.weights(4.0)[[2, 3]].tolist() == [2.5, 4.0] and found.any.sum() == 10 and not found.locked.any()


@given(st.data(), st.floats(0, 0.95), st.floats(1, 20))
def test_a_locked_pair_keeps_its_weight_or_its_absence_whatever_the_plan(tmp_path_factory, data, reduction, cap):
    workspace = Workspace(tmp_path_factory.mktemp("locked") / "w", create=True)
    rng = np.random.default_rng(data.draw(st.integers(0, 20)))
    inputs = (rng.normal(size=(40, 1)), rng.normal(size=40), MEMBERS, Direction(np.ones(1)))
    before = make_plan(*inputs, resolved(workspace), PlanOptions(reduction=0.3))
    rows = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=40, unique=True))
    digest = save(workspace, IDS[rows], before.weights[rows])
    decided = resolved(workspace, (digest, "mine", "lock"), clusters={"0.1": "up-weight"}, topics={"1": "prune"})
    after = make_plan(*inputs, decided, PlanOptions(reduction=reduction, cap=cap, floor=0.2))
    assert np.array_equal(after.weights[rows], before.weights[rows])
    assert np.flatnonzero(decided.locked).tolist() == sorted(rows)


def test_a_lock_leaves_the_words_of_the_plan_as_they_were(workspace):
    rng = np.random.default_rng(0)
    inputs = (rng.normal(size=(40, 1)), rng.normal(size=40), MEMBERS, Direction(np.ones(1)))
    before = make_plan(*inputs, resolved(workspace), PlanOptions(reduction=0.3))
    locked = resolved(workspace, (save(workspace, IDS, before.weights), "all", "lock"))
    after = make_plan(*inputs, locked, PlanOptions(reduction=0.3))
    assert np.array_equal(after.disposition, before.disposition) and after.weights.tobytes() == before.weights.tobytes()


def test_a_set_that_is_gone_or_whose_pairs_are_gone_is_an_error(workspace):
    with pytest.raises(PlanError, match="set 'mine', but its pairs are stored no more"):
        resolved(workspace, ("0" * 32, "mine", "keep"))
    with pytest.raises(PlanError, match=r"set 'mine', of which 2 pairs, such as 'q', are no training pairs"):
        resolved(workspace, (save(workspace, ["p1", "q", "r"]), "mine", "keep"))


def test_a_set_without_weights_cannot_be_locked(workspace):
    with pytest.raises(PlanError, match="'mine' cannot be locked"):
        resolved(workspace, (save(workspace, ["p1"]), "mine", "lock"))


@pytest.mark.parametrize("decision", ["drop", 0, True, None])
def test_what_is_no_decision_on_a_set_is_an_error(workspace, decision):
    with pytest.raises(PlanError, match="about the set 'mine' is none of keep, prune"):
        resolved(workspace, (save(workspace, ["p1"]), "mine", decision))


@pytest.mark.parametrize("entry", [{}, {"set": "x"}, "x", {"set": "x", "name": "y"}])
def test_a_decision_on_no_set_is_an_error(workspace, entry):
    with pytest.raises(PlanError, match="has the keys set, name and decision"):
        resolve({"sets": [entry]}, IDS, MEMBERS, finder(workspace, IDS))


def test_locking_is_for_sets_alone(workspace):
    with pytest.raises(PlanError, match=r"'lock' about '0\.1' among the clusters"):
        resolved(workspace, clusters={"0.1": "lock"})


# -- Editing.


def test_decisions_are_given_and_taken_back():
    once = with_decision({}, "clusters", "0.1", "prune")
    both = with_decision(once, "pairs", "p1", 2.5)
    assert once == {"clusters": {"0.1": "prune"}} and both == once | {"pairs": {"p1": 2.5}}
    assert with_decision(both, "clusters", "0.1", "keep")["clusters"] == {"0.1": "keep"}
    assert with_decision(both, "pairs", "p1", None) == once and with_decision(once, "clusters", "0.1", None) == {}
    assert with_decision(once, "topics", "7", None) == once


@pytest.mark.parametrize("level", ["sets", "photos"])
def test_only_topics_clusters_and_pairs_are_decided_on_by_name(level):
    with pytest.raises(PlanError, match=f"'{level}' is none of them"):
        with_decision({}, level, "x", "keep")


def test_a_set_is_decided_on_last_and_once():
    both = with_set(with_set({}, "a", "one", "prune"), "b", "two", "keep")
    assert [entry["set"] for entry in both["sets"]] == ["a", "b"]
    again = with_set(both, "a", "one, renamed", "lock")
    assert again["sets"] == [both["sets"][1], {"set": "a", "name": "one, renamed", "decision": "lock"}]
    assert with_set(with_set(again, "a", "", None), "b", "", None) == {}


def test_empty_levels_are_none():
    assert settled({"topics": {}, "sets": [], "clusters": {"0.1": "keep"}}) == {"clusters": {"0.1": "keep"}}
