import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.fairness import direction

OVERALL = {"attribute": None, "loss": 2.0, "loss_error": 0.1}


def groups(losses, errors=None, attribute="gender"):
    errors = [0.0] * len(losses) if errors is None else errors
    return [{"attribute": attribute, "loss": a, "loss_error": e} for a, e in zip(losses, errors, strict=True)]


def weights(*targets, fairness=1.0):
    return direction([OVERALL, *targets], fairness).weights


def test_without_groups_only_overall_counts():
    assert weights().tolist() == [1.0]


def test_of_two_groups_the_one_served_worse_gains_and_the_other_gives():
    np.testing.assert_allclose(weights(*groups([3.0, 2.5])), [1, 1, -1])
    np.testing.assert_allclose(weights(*groups([2.5, 3.0]), fairness=0.25), [1, -0.25, 0.25])


def test_the_size_of_a_sure_gap_does_not_matter():
    np.testing.assert_allclose(weights(*groups([2.6, 2.5])), weights(*groups([9.0, 2.5])))


def test_a_fairness_weight_of_zero_leaves_overall():
    assert weights(*groups([3.0, 2.0]), fairness=0.0).tolist() == [1, 0, 0]


def test_groups_that_are_served_alike_have_no_need():
    assert weights(*groups([2.5, 2.5])).tolist() == [1, 0, 0]
    assert weights(*groups([2.5] * 4, [0.1] * 4)).tolist() == [1, 0, 0, 0, 0]


def test_a_group_alone_has_no_need():
    assert weights(*groups([7.0])).tolist() == [1, 0]


def test_noise_shrinks_the_need_and_much_noise_leaves_none():
    losses = [3.0, 2.0]
    # Half of the sum of squared errors is expected of the squares by chance: 0.5 x (0.25 + 0.25) of 0.5.
    np.testing.assert_allclose(weights(*groups(losses, [0.5, 0.5])), [1, 0.5, -0.5])
    assert weights(*groups(losses, [1.0, 1.0])).tolist() == [1, 0, 0]
    assert weights(*groups(losses, [np.inf, 0.1])).tolist() == [1, 0, 0]
    found = [weights(*groups(losses, [e, e]))[1] for e in (0, 0.1, 0.3, 0.6, 2)]
    assert found == sorted(found, reverse=True)


def test_by_chance_alone_there_is_little_need():
    rng = np.random.default_rng(0)
    needs = [np.abs(weights(*groups(2 + 0.1 * rng.normal(size=2), [0.1, 0.1]))[1]) for _ in range(500)]
    assert np.mean(needs) < 0.2


def test_three_groups_share_needs_of_two_in_all():
    np.testing.assert_allclose(weights(*groups([4.0, 2.0, 3.0])), [1, 1, -1, 0])
    np.testing.assert_allclose(weights(*groups([4.0, 1.0, 1.0])), [1, 1, -0.5, -0.5])


def test_attributes_are_averaged():
    found = weights(*groups([3.0, 2.0]), *groups([1.0, 1.0, 1.0], attribute="age"), fairness=2.0)
    np.testing.assert_allclose(found, [1, 1, -1, 0, 0, 0])


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=6), st.floats(0, 5))
def test_needs_sum_to_nothing_and_stay_within_the_fairness_weight(members, fairness):
    found = weights(*groups(*map(list, zip(*members, strict=True))), fairness=fairness)
    assert found[0] == 1
    assert found[1:].sum() == pytest.approx(0, abs=1e-6 * max(1.0, fairness))
    assert np.abs(found[1:]).sum() <= 2 * fairness * (1 + 1e-9)
