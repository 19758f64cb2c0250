"""Changed retrievals beside a naive loop, by hand, and as properties."""

import statistics

import evaluation_cases as cases
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.errors import TrainingError
from influencespace.evaluation.retrieval import SIDES, changes, crossed, crossings
from influencespace.evaluation.store import ranks_table


@pytest.fixture(scope="module")
def ranks():
    return ranks_table(cases.measured(photos=30).runs)


def table(**arms):
    """Ranks of one query a column, one row a seed."""
    return pd.DataFrame([
        {"arm": arm, "seed": seed, "direction": "text_to_image", "query": query, "photo": query // 2, "rank": rank}
        for arm, seeds in arms.items() for seed, row in enumerate(seeds) for query, rank in enumerate(row)
    ])


@pytest.mark.parametrize("direction", SIDES)
def test_places_are_medians_over_seeds_as_by_a_naive_loop(ranks, direction):
    found = changes(ranks, "full", "influence", direction).set_index("query")
    assert len(found) == (30 if direction == "image_to_text" else 60)
    for query, row in found.iterrows():
        of = ranks[(ranks["direction"] == direction) & (ranks["query"] == query)]
        for arm, column in (("full", "before"), ("influence", "after")):
            assert row[column] == statistics.median(of.loc[of["arm"] == arm, "rank"] + 1)
        assert {row["photo"]} == set(of["photo"])


def test_the_largest_moves_by_their_ratio_come_first():
    found = changes(table(a=[[11, 299, 0, 4, 1]], b=[[0, 199, 0, 9, 0]]), "a", "b", "text_to_image")
    assert list(found["query"]) == [0, 4, 3, 1, 2]
    assert found.iloc[0].to_dict() == {"query": 0, "photo": 0, "before": 12, "after": 1}


def test_an_arm_that_was_run_once_is_compared_with_one_of_many_seeds(ranks):
    assert len(changes(ranks, "start", "influence", "image_to_text")) == 30


def test_the_order_of_the_rows_of_the_table_does_not_matter(ranks):
    shuffled = ranks.sample(frac=1, random_state=0)
    one, other = (changes(given, "random", "influence", "text_to_image") for given in (ranks, shuffled))
    pd.testing.assert_frame_equal(one, other)


def test_what_came_in_is_gained_and_what_left_is_lost():
    found = changes(table(a=[[4, 5, 0, 9]], b=[[5, 4, 0, 10]]), "a", "b", "text_to_image").sort_values("query")
    assert list(crossed(found, 5)) == ["lost", "gained", "", ""]
    assert list(crossed(found, 10)) == ["", "", "", "lost"]
    rows = crossings({"text_to_image": found}).set_index("k")
    assert rows.loc[5].to_dict() == {"direction": "text_to_image", "queries": 4, "gained": 1, "lost": 1}
    assert rows.loc[1, ["gained", "lost"]].tolist() == [0, 0]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=20), st.sampled_from([1, 5, 10]))
def test_what_is_gained_one_way_is_lost_the_other_and_recall_is_their_difference(pairs, k):
    old, new = zip(*pairs, strict=True)
    given = table(a=[old], b=[new])
    forth, back = (crossings({"d": changes(given, *arms, "text_to_image")}).set_index("k").loc[k]
                   for arms in (("a", "b"), ("b", "a")))
    assert (forth["gained"], forth["lost"]) == (back["lost"], back["gained"])
    assert forth["gained"] - forth["lost"] == np.sum(np.array(new) < k) - np.sum(np.array(old) < k)


def test_an_arm_that_was_not_trained_is_named(ranks):
    with pytest.raises(TrainingError, match="no results of the arm 'clip-score'"):
        changes(ranks, "full", "clip-score", "text_to_image")
