import numpy as np
import pytest

from influencespace.curation.decisions import resolve
from influencespace.curation.members import Members
from influencespace.errors import PlanError

IDS = np.array(["a", "b", "c", "d", "e", "10"], dtype=object)
TOPICS = np.array([0, 0, 0, 1, 1, 10])
CLUSTERS = np.array(["0.0", "0.0", "0.1", "1.0", "1.1", "10.0"], dtype=object)


def decided(decisions):
    return resolve(decisions, IDS, Members.of(CLUSTERS, TOPICS))


def words(found, cap=4.0):
    return ["prune" if p else "keep" if k else None if np.isnan(w) else w
            for k, p, w in zip(found.keep, found.prune, found.weights(cap), strict=True)]


def test_without_decisions_all_is_left_to_the_plan():
    found = decided({})
    assert not found.any.any() and words(found) == [None] * 6


def test_a_decision_reaches_all_pairs_of_its_topic_or_cluster():
    assert words(decided({"topics": {"0": "prune"}})) == ["prune"] * 3 + [None] * 3
    assert words(decided({"clusters": {"0.0": "keep"}})) == ["keep"] * 2 + [None] * 4
    assert words(decided({"pairs": {"d": 0.5}})) == [None] * 3 + [0.5] + [None] * 2


def test_names_are_whole_names():
    """Topic 1 is not topic 10, and a pair may be called as a topic is."""
    assert words(decided({"topics": {"1": "prune"}})) == [None] * 3 + ["prune"] * 2 + [None]
    assert words(decided({"pairs": {"10": "prune"}})) == [None] * 5 + ["prune"]


def test_pairs_beat_clusters_and_clusters_beat_topics():
    found = decided({
        "pairs": {"a": "up-weight"}, "topics": {"0": "prune", "1": "keep"}, "clusters": {"0.0": "keep", "1.1": 2.5},
    })
    assert words(found) == [4.0, "keep", "prune", "keep", 2.5, None]
    assert found.any.tolist() == [True] * 5 + [False]


def test_up_weighting_is_to_the_cap_and_a_number_is_itself():
    assert words(decided({"clusters": {"0.1": "up-weight"}, "topics": {"1": 50}}), cap=3.0)[2:5] == [3.0, 50.0, 50.0]


@pytest.mark.parametrize("decision", ["drop", 0, -1, 101, float("nan"), float("inf"), True, None, [], {}])
def test_what_is_no_decision_is_an_error_that_names_it(decision):
    with pytest.raises(PlanError, match=r"about '0\.1' among the clusters is none of keep, prune, up-weight and no weight"):
        decided({"clusters": {"0.1": decision}})


@pytest.mark.parametrize(("level", "name"), [("topics", "2"), ("clusters", "0.9"), ("clusters", "0"), ("pairs", "zzz"),
                                             ("pairs", ""), ("topics", "a name longer than any of them")])
def test_a_decision_about_nothing_is_an_error(level, name):
    with pytest.raises(PlanError, match=f"decision about '{name}' among the {level}, but none of that name"):
        decided({level: {name: "keep"}})


def test_an_unknown_level_is_an_error():
    with pytest.raises(PlanError, match="'photos' is none of them"):
        decided({"photos": {"a": "keep"}})
