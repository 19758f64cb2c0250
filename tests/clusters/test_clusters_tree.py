import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.tree import LARGE, SMALLEST, TopicSpace, cluster_ids, cut_strata, find_topics
from influencespace.errors import ClustersError


def blobs(sizes, d=4, seed=0):
    """Well-separated groups of these sizes, in no order; and (n,) which group each point is of."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = 20 * np.eye(len(sizes), d)
    return (centres[group] + rng.normal(size=(len(group), d))).astype(np.float32), group


def test_topics_are_found_and_numbered_by_size():
    space, group = blobs([50, 200, 100])
    topics = find_topics(space, ClusterOptions(topics=3, strata=2))
    assert np.array_equal(topics, np.array([2, 0, 1])[group])


def test_the_same_seed_finds_the_same_topics():
    space = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    first, again = (find_topics(space, ClusterOptions(topics=6, seed=3)) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("n", [1, 2, 7, 50, 99])
def test_fewer_pairs_than_clusters_give_fewer_topics(n):
    space = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
    options = ClusterOptions(topics=20, strata=5)
    topics = find_topics(space, options)
    assert topics.max() < max(1, n / (SMALLEST * options.strata))
    assert set(topics) == set(range(topics.max() + 1))


def test_no_pairs_are_an_error():
    with pytest.raises(ClustersError, match="no training pairs"):
        find_topics(np.zeros((0, 3), np.float32), ClusterOptions())


def test_of_many_pairs_topics_are_found_in_a_sample_and_all_are_placed():
    space, group = blobs([LARGE // 2, LARGE // 3, LARGE // 4], d=3)
    assert len(space) > LARGE
    topics = find_topics(space, ClusterOptions(topics=3))
    assert np.array_equal(topics, group)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=300), st.integers(1, 9), st.integers(0, 99), st.booleans())
def test_strata_are_cut_by_agreement_within_topics_into_equal_parts(topics, strata, seed, ties):
    topics = np.array(topics)
    agreement = np.random.default_rng(seed).normal(size=len(topics))
    if ties:
        agreement = agreement.round()
    found = cut_strata(topics, agreement, strata)
    for topic in np.unique(topics):
        own, of = found[topics == topic], agreement[topics == topic]
        sizes = np.bincount(own)
        assert sizes.max() - sizes.min() <= 1
        assert 1 <= len(sizes) <= strata
        assert len(sizes) == 1 or sizes.min() >= SMALLEST
        for lower in range(len(sizes) - 1):
            assert of[own == lower].max() <= of[own == lower + 1].min()


def test_large_topics_get_all_their_strata():
    assert set(cut_strata(np.zeros(5 * SMALLEST, int), np.arange(5 * SMALLEST), 5)) == set(range(5))


def test_equal_agreement_is_cut_by_position():
    found = cut_strata(np.zeros(40, int), np.zeros(40), 5)
    assert np.array_equal(found, np.repeat(np.arange(5), 8))


def test_names_of_clusters_are_topic_and_stratum():
    assert cluster_ids(np.array([0, 12, 0]), np.array([3, 0, 3])).tolist() == ["0.3", "12.0", "0.3"]


def test_the_space_holds_both_sides_of_its_rows():
    image, text = np.arange(12, dtype=np.float16).reshape(4, 3), -np.arange(8, dtype=np.float16).reshape(4, 2)
    space = TopicSpace(image, text, np.array([3, 1]))
    assert len(space) == 2 and space.shape == (2, 5) and space[:].dtype == np.float32
    assert space[:].tolist() == [[9, 10, 11, -6, -7], [3, 4, 5, -2, -3]]
    assert np.array_equal(space[np.array([1])], space[1:])


def test_topics_of_a_space_are_those_of_its_array():
    points, _ = blobs([50, 200, 100], d=4)
    space = TopicSpace(points[:, :1], points[:, 1:], np.arange(350))
    options = ClusterOptions(topics=3, strata=2)
    assert np.array_equal(find_topics(space, options), find_topics(points, options))


def test_fewer_different_pairs_than_topics_give_as_many_topics_as_differ():
    space = np.repeat(np.eye(3, dtype=np.float32), [200, 100, 150], axis=0)
    topics = find_topics(space, ClusterOptions(topics=10, strata=2))
    assert topics.tolist() == [0] * 200 + [2] * 100 + [1] * 150
