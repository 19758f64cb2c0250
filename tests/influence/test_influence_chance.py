import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from influencespace.influence.chance import RATE, beyond_chance


def step_up(p, rate):
    """Benjamini and Hochberg's procedure by its definition: the largest k with p_(k) <= k rate / n, and all up to it."""
    order = np.argsort(p)
    passed = [k for k in range(1, len(p) + 1) if p[order[k - 1]] <= k * rate / len(p)]
    found = np.zeros(len(p), dtype=bool)
    found[order[: max(passed, default=0)]] = True
    return found


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 3)), min_size=1, max_size=40))
def test_it_is_the_procedure_of_benjamini_and_hochberg(rows):
    mean, error = np.array(rows).T
    assert np.array_equal(beyond_chance(mean, error), step_up(2 * norm.sf(np.abs(mean) / error), RATE))


def test_of_a_thousand_means_without_influence_hardly_any_is_called_beyond_chance():
    mean = np.random.default_rng(0).normal(size=1000)
    assert (np.abs(mean) > 1.96).sum() > 30
    assert beyond_chance(mean, np.ones(1000)).sum() <= 1


def test_what_is_not_known_is_within_chance():
    mean, error = np.array([np.nan, 1.0, 1.0, 0.0, 2.0]), np.array([1.0, np.nan, np.inf, 0.0, 0.0])
    assert beyond_chance(mean, error).tolist() == [False, False, False, False, True]
    assert beyond_chance(np.zeros(0), np.zeros(0)).tolist() == []


def test_one_mean_alone_is_judged_by_its_interval():
    assert beyond_chance(np.array([1.97]), np.ones(1)).tolist() == [True]
    assert beyond_chance(np.array([-1.95]), np.ones(1)).tolist() == [False]
