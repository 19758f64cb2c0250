import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from influencespace.influence import redundancy
from influencespace.influence.redundancy import likeness, repeats


def unit(draw, n, k):
    vectors = draw.normal(size=(n, k)).astype(np.float32)
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_repeats_are_what_lies_beyond_one_a_set():
    sets = np.array([0, 0, 0, 3, 4, 4])
    member = np.array([0, 0, 0, 0, 1, 1])
    assert repeats(sets, member, 3) == pytest.approx([2 / 4, 1 / 2, 0])


def test_a_set_in_two_clusters_is_shared_out_by_pairs():
    """Three alike, two here and one there: two of the three repeat, two thirds of each."""
    assert repeats(np.array([7, 7, 7]), np.array([0, 0, 1]), 2) == pytest.approx([2 / 3, 2 / 3])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60))
def test_repeats_of_clusters_add_up_to_those_of_all(rows):
    sets, member = np.array(rows).T
    share = repeats(sets, member, 4)
    assert ((share >= -1e-12) & (share < 1)).all()
    assert share @ np.bincount(member, minlength=4) == pytest.approx(len(sets) - len(set(sets)))


def test_likeness_is_the_mean_cosine_of_two_different_pairs(monkeypatch):
    monkeypatch.setattr(redundancy, "CHUNK", 7)
    draw = np.random.default_rng(0)
    sides = unit(draw, 60, 5), unit(draw, 60, 3)
    rows, member = draw.permutation(60)[:40], draw.integers(0, 4, 40)
    found = likeness(sides, rows, member, 4)
    for c in range(4):
        own = rows[member == c]
        cosines = [side[i] @ side[j] for side in sides for i, j in itertools.combinations(own, 2)]
        assert found[c] == pytest.approx(np.mean([float(cosine) for cosine in cosines]), abs=1e-6)


def test_pairs_that_are_all_the_same_are_wholly_alike_and_one_pair_is_like_nothing():
    same = torch.full((5, 4), 0.5)
    found = likeness((same, same), np.arange(5), np.array([0, 0, 0, 0, 1]), 3)
    assert found[0] == pytest.approx(1)
    assert np.isnan(found[1:]).all()


def test_half_precision_is_enough():
    draw = np.random.default_rng(1)
    side = unit(draw, 500, 8)
    member = np.arange(500) % 3
    full, half = (likeness((own, own), np.arange(500), member, 3) for own in (side, side.half()))
    assert half == pytest.approx(full, abs=1e-4)
