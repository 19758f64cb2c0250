"""Names as curators read them."""

import pytest

from influencespace.clusters.names import name_strata
from influencespace.ui import wording


@pytest.mark.parametrize(("stored", "read"), [
    ("overall", "overall"), ("gender=woman", "gender: woman"), ("mobility=no_wheelchair", "mobility: no wheelchair"),
    ("skin_tone=a=b", "skin tone: a=b"),
])
def test_targets_are_read_without_their_marks(stored, read):
    assert wording.target(stored) == read


@pytest.mark.parametrize(("count", "read"), [
    (1, ["dog, grass"]), (2, ["dog, grass · fit badly", "dog, grass · fit well"]),
    (7, [f"dog, grass · fit, {i} of 7 (1 is worst)" for i in range(1, 8)]),
])
def test_clusters_are_read_by_what_sets_them_apart(count, read):
    assert [wording.cluster(name) for name in name_strata("dog, grass", count)] == read
