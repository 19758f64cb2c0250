"""Removal effects: what retraining without a cluster says, at a fraction of its work."""

import numpy as np
import pytest
import torch
from engine_cases import planted_pairs

from influencespace.errors import InfluenceSpaceError
from influencespace.influence.optimum import Optimum, TargetLosses, reweighted
from influencespace.influence.removal import RemovalEffects, gradients_without
from influencespace.proxy.bilinear import curvature_products

CLUSTERS = 8


def case(aligned=False, ridge=1e-2, photo=None, n=240):
    """A fitted proxy in float64, three targets over pairs it has not seen, and a cluster for each of its pairs.

    The last two clusters hold the wrong pairs, so that some clusters help and some harm.
    """
    held = 80
    pairs, wrong = planted_pairs(n=n + held, train=np.arange(n), aligned=aligned, photo=photo)
    optimum = Optimum.of(pairs, pairs.train, ridge, batch_size=64, seed=0)
    rng = np.random.default_rng(1)
    anchors = np.stack([np.full(held, 1 / held), *(rng.dirichlet(np.ones(held)) for _ in range(2))])
    losses = TargetLosses(pairs.batches(np.arange(n, n + held), 64, 0), anchors)
    member = np.where(wrong[:n], rng.integers(CLUSTERS - 2, CLUSTERS, n), rng.integers(0, CLUSTERS - 2, n))
    return optimum, losses, member


def retrained_effects(optimum, losses, member):
    """What taking out each cluster does, by definition."""
    return np.stack([losses.at(optimum.retrained(member != c)) - losses.at(optimum.model) for c in range(CLUSTERS)])


@pytest.mark.parametrize("aligned", [False, True])
def test_gradients_without_a_cluster_equal_those_of_the_smaller_data(aligned):
    photo = np.arange(320) // 2
    optimum, _, member = case(aligned, photo=photo)
    found = gradients_without(optimum, member, np.arange(CLUSTERS))
    for c in range(CLUSTERS):
        plain = optimum.gradient(optimum.model, reweighted(optimum.batches, member != c))
        torch.testing.assert_close(found[c], plain, rtol=0, atol=1e-10)


@pytest.fixture
def to_the_end(monkeypatch):
    """All steps are taken, however little is left."""
    monkeypatch.setattr("influencespace.influence.removal.ENOUGH", 0.0)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.usefixtures("to_the_end")
def test_removal_effects_are_those_of_retraining(aligned):
    optimum, losses, member = case(aligned)
    truth = retrained_effects(optimum, losses, member)
    effects = RemovalEffects(optimum, losses)
    first = np.abs(effects.first_order(member, CLUSTERS) - truth).max()
    errors = [np.abs(effects.of_clusters(member, np.arange(CLUSTERS), steps) - truth).max() for steps in (1, 2, 4, 8)]
    assert errors[0] < 0.35 * first
    assert errors[1] < 0.5 * errors[0]
    assert errors[3] < 0.002 * np.abs(truth).max()


def test_steps_end_when_little_is_left(monkeypatch):
    optimum, losses, member = case()
    effects, every = RemovalEffects(optimum, losses), np.arange(CLUSTERS)
    spread = effects.first_order(member, CLUSTERS).std(0)
    one, many = effects.of_clusters(member, every, steps=1), effects.of_clusters(member, every, steps=9)
    assert (one != many).any()
    assert (np.abs(many - retrained_effects(optimum, losses, member)) < 0.1 * spread).all()
    monkeypatch.setattr("influencespace.influence.removal.ENOUGH", 1e9)
    np.testing.assert_array_equal(effects.of_clusters(member, every, steps=9), one)


def test_without_a_step_it_is_the_gradient_along_the_adjoints():
    optimum, losses, member = case()
    effects = RemovalEffects(optimum, losses)
    found = effects.of_clusters(member, np.arange(CLUSTERS), steps=0)
    plain = -torch.einsum("cij,qij->cq", gradients_without(optimum, member, np.arange(CLUSTERS)), effects.adjoints)
    np.testing.assert_allclose(found, plain.numpy(), atol=1e-12)


def test_wrong_pairs_are_better_removed():
    optimum, losses, member = case()
    effects = RemovalEffects(optimum, losses).of_clusters(member, np.arange(CLUSTERS), steps=1)
    assert (effects[:-2, 0] > 0).all() and (effects[-2:, 0] < 0).all()


def test_adjoints_solve_the_curvature_and_the_ridge():
    optimum, losses, _ = case()
    effects = RemovalEffects(optimum, losses)
    product = curvature_products(optimum.model, optimum.batches, effects.adjoints) + optimum.ridge * effects.adjoints
    right = losses.gradients(optimum.model)
    assert (product - right).flatten(1).norm(dim=1).max() < 0.02 * right.flatten(1).norm(dim=1).max()


@pytest.mark.usefixtures("to_the_end")
def test_removing_a_cluster_is_the_weight_zero_of_its_pairs():
    optimum, losses, member = case()
    effects = RemovalEffects(optimum, losses)
    by_cluster = effects.of_clusters(member, np.array([3]), steps=2)[0]
    np.testing.assert_allclose(effects.of_weights((member != 3).astype(float), steps=2), by_cluster, atol=1e-10)


def test_weights_of_a_plan_are_predicted():
    optimum, losses, member = case()
    weights = np.where(member >= CLUSTERS - 2, 0.0, np.where(member == 0, 3.0, 1.0))
    truth = losses.at(optimum.retrained(weights)) - losses.at(optimum.model)
    np.testing.assert_allclose(RemovalEffects(optimum, losses).of_weights(weights, steps=8), truth, rtol=2e-3)


def test_nothing_left_is_what_the_prior_says():
    optimum, losses, member = case(aligned=True)
    effects = RemovalEffects(optimum, losses)
    nothing = losses.at(optimum.prior) - losses.at(optimum.model)
    np.testing.assert_array_equal(effects.of_weights(np.zeros(len(member)), steps=1), nothing)
    np.testing.assert_array_equal(effects.of_clusters(np.zeros_like(member), np.array([0]), steps=1)[0], nothing)
    torch.testing.assert_close(optimum.retrained(np.zeros(len(member))), optimum.prior)


def test_a_cluster_without_pairs_changes_nothing():
    optimum, losses, member = case()
    np.testing.assert_allclose(RemovalEffects(optimum, losses).of_clusters(member, np.array([CLUSTERS]), steps=1), 0, atol=1e-5)


def test_a_ridge_too_weak_to_solve_for_is_said(monkeypatch):
    monkeypatch.setattr("influencespace.influence.removal.ADJOINT_ITERATIONS", 1)
    optimum, losses, _ = case()
    with pytest.raises(InfluenceSpaceError, match="larger one"):
        RemovalEffects(optimum, losses)
