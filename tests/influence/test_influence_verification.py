"""What predictions are worth: figures with known answers, and verdicts that can go both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from influencespace.influence.verification import DOUBTFUL, UNVERIFIED, VERIFIED, check, verdicts


def drawn(n, noise, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    predicted = rng.normal(size=n)
    return predicted, scale * (predicted + noise * rng.normal(size=n))


@given(st.integers(3, 60), st.floats(0.01, 3), st.integers(0, 99))
def test_figures_are_those_of_scipy(n, noise, seed):
    predicted, actual = drawn(n, noise, seed)
    found = check(predicted, actual)
    assert found.spearman.mean == pytest.approx(stats.spearmanr(predicted, actual)[0])
    assert found.pearson.mean == pytest.approx(stats.pearsonr(predicted, actual)[0])
    assert found.slope.mean == pytest.approx(stats.linregress(predicted, actual).slope)
    assert found.sign_accuracy.mean == np.mean((predicted > 0) == (actual > 0))
    assert found.majority == max(np.mean(actual > 0), np.mean(actual <= 0))
    assert found.pearson.low <= found.pearson.mean + 1e-9 and found.pearson.mean <= found.pearson.high + 1e-9


def test_predictions_like_retraining_are_verified():
    assert check(*drawn(30, 0.05)).verdict == VERIFIED


@pytest.mark.parametrize("case", [drawn(30, 1.0), drawn(30, 0.05, scale=2.0), drawn(30, 0.05, scale=-1.0), drawn(4, 0.01)])
def test_others_are_doubtful(case):
    assert check(*case).verdict == DOUBTFUL


def test_signs_that_guessing_gets_right_as_often_are_no_merit():
    predicted = np.linspace(-0.2, 1, 30)
    assert check(predicted, predicted + 0.25).verdict == DOUBTFUL
    assert check(predicted, predicted).verdict == VERIFIED


@pytest.mark.parametrize("predicted", [np.zeros(8), np.full(8, 0.1)])
def test_predictions_that_are_all_the_same_are_doubtful_and_not_a_number_is_null(predicted):
    found = check(predicted, np.arange(8.0))
    assert found.verdict == DOUBTFUL
    assert found.json()["spearman"] == {"mean": None, "low": None, "high": None}


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    truth, inside = 1.0, 0
    for seed in range(200):
        slope = check(*drawn(40, 0.3, seed)).slope
        inside += slope.low <= truth <= slope.high
    assert 0.88 <= inside / 200 <= 0.99


def test_before_there_are_effects_nothing_is_said(tmp_path):
    from influencespace.workspace import Workspace

    assert verdicts(Workspace(tmp_path / "w", create=True)) == {}
    assert UNVERIFIED not in {VERIFIED, DOUBTFUL}
