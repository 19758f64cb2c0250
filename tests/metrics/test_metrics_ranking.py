"""MaxSkew@k and NDKL against plain loops and what theory says of perfect, one-sided, random and constant rankings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.metrics.ranking import FIRST, NEUTRAL_QUERIES, allowed, chance, skews
from influencespace.pairs.groups import CHILD_WORDS, FEMALE_WORDS, MALE_WORDS


def plain(ranked, first):
    """Geyik et al. 2019, equations 2 to 4, for a list of groups in the order of the ranking."""
    names = sorted(set(ranked))
    pool = {name: ranked.count(name) / len(ranked) for name in names}

    def share(name, k):
        return sum(one == name for one in ranked[:k]) / k

    found = [max(math.log(share(g, k) / pool[g]) for g in names if share(g, k)) for k in first]
    total = norm = 0.0
    for i in range(1, len(ranked) + 1):
        divergence = sum(share(g, i) * math.log(share(g, i) / pool[g]) for g in names if share(g, i))
        total += divergence / math.log2(i + 1)
        norm += 1 / math.log2(i + 1)
    return found, total / norm


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), photos=st.integers(2, 40), groups=st.integers(1, 4))
def test_a_ranking_equals_the_plain_loop(seed, photos, groups):
    rng = np.random.default_rng(seed)
    values = np.array([f"g{i}" for i in rng.integers(groups, size=photos)], dtype=object)
    similarity = rng.permutation(photos) / 7
    first = range(1, photos + 1)
    found = skews(similarity, values, first)
    max_skew, ndkl = plain([str(values[i]) for i in np.argsort(-similarity)], first)
    assert found.max_skew[0] == pytest.approx(max_skew, abs=1e-12)
    assert found.ndkl[0] == pytest.approx(ndkl, abs=1e-12)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), photos=st.integers(2, 15))
def test_a_resample_is_the_ranking_of_its_photos_copies_at_one_place(seed, photos):
    rng = np.random.default_rng(seed)
    values = np.array(["a", "b", "c"], dtype=object)[rng.integers(3, size=photos)]
    similarity, counts = rng.permutation(photos) * 1.0, rng.integers(0, 3, size=(4, photos))
    counts[:, 0] += 1
    found = skews(similarity, values, (1, 2), counts)
    for draw, often in enumerate(counts):
        again = skews(np.repeat(similarity, often), np.repeat(values, often), (1, 2))
        assert found.ndkl[draw] == pytest.approx(again.ndkl[0], abs=1e-12)
        if often.sum() >= 2:
            assert found.max_skew[draw] == pytest.approx(again.max_skew[0], abs=1e-12)


def test_groups_in_turn_have_no_skew_and_less_and_less_divergence():
    assert skews(-np.arange(400.0), np.array(["a", "b"] * 200), (10, 50)).max_skew[0] == pytest.approx([0, 0])
    ndkl = [skews(-np.arange(2.0 * n), np.array(["a", "b"] * n), ()).ndkl[0] for n in (10, 100, 1000, 10000)]
    # The first place is of one group whatever comes after it; its weight goes to nothing.
    assert ndkl == sorted(ndkl, reverse=True) and ndkl[-1] < 0.002


@pytest.mark.parametrize("share", [0.5, 0.25, 0.1])
def test_all_of_one_group_first_gives_the_log_of_one_over_its_share(share):
    size = round(200 * share)
    found = skews(-np.arange(200.0), np.array(["a"] * size + ["b"] * (200 - size)), (size // 2, size))
    assert found.max_skew[0] == pytest.approx([math.log(1 / share)] * 2)
    reverse = skews(np.arange(200.0), np.array(["a"] * size + ["b"] * (200 - size)), (10,))
    assert reverse.max_skew[0] == pytest.approx([math.log(1 / (1 - share))])


@pytest.mark.parametrize("flat", [np.zeros(60), np.full(60, np.nan), 0.3 + 1e-9 * np.arange(60)])
def test_a_constant_scorer_takes_no_side(flat):
    found = skews(flat, np.array(["a"] * 45 + ["b"] * 15), (10, 25))
    assert found.max_skew[0] == pytest.approx([0, 0]) and found.ndkl[0] == pytest.approx(0)


def test_what_is_no_number_stands_last():
    found = skews(np.array([np.nan, np.nan, 1.0, 2.0]), np.array(["a", "a", "b", "b"]), (2,))
    assert found.max_skew[0, 0] == pytest.approx(math.log(2))


def test_random_rankings_have_the_skew_of_a_draw_without_replacement():
    # Of ten drawn from 50 and 50, the larger part is max(h, 10 - h) with h hypergeometric.
    total = math.comb(100, 10)
    expected = sum(
        math.comb(50, h) * math.comb(50, 10 - h) / total * math.log(max(h, 10 - h) / 5) for h in range(11)
    )
    found = chance(np.array(["a", "b"] * 50), (10,), rankings=4000)
    assert found.max_skew.mean() == pytest.approx(expected, abs=4 * found.max_skew.std() / math.sqrt(4000))
    assert found.max_skew.shape == (4000, 1) and 0 < found.ndkl.mean() < 0.1


def test_only_those_first_are_looked_at_that_are_half_of_the_pool_at_most():
    assert allowed(19) == () and allowed(20) == (10,) and allowed(99) == (10, 25) and allowed(1000) == FIRST


def test_neutral_queries_name_no_group():
    words = {word for query in NEUTRAL_QUERIES for word in query.lower().split()}
    assert not words & {*MALE_WORDS, *FEMALE_WORDS, *CHILD_WORDS}
    assert len(set(NEUTRAL_QUERIES)) == len(NEUTRAL_QUERIES)
