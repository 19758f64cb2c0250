"""The model behind the preview: exact where its directions span all, and close to retraining where they are few."""

import numpy as np
import pytest
import torch
from engine_cases import plain_losses, planted_pairs

from influencespace.curation.preview import Response
from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.influence.removal import RemovalEffects
from influencespace.influence.response import anchor_gradients, response

CLUSTERS = 6


def case(k, n=160, ridge=1e-2, batch=40):
    held = 40
    pairs, wrong = planted_pairs(n=n + held, k=k, train=np.arange(n))
    optimum = Optimum.of(pairs, pairs.train, ridge, batch_size=batch, seed=0)
    anchors = np.stack([np.full(held, 1 / held), np.random.default_rng(0).dirichlet(np.ones(held))])
    losses = TargetLosses(pairs.batches(np.arange(n, n + held), batch, 0), anchors)
    member = np.where(wrong[:n], CLUSTERS - 1, np.arange(n) % (CLUSTERS - 1))
    return RemovalEffects(optimum, losses), member


def bare(**model):
    """The model alone, without plans that it has learnt from."""
    return Response(**model, reference_shares=np.zeros((0, CLUSTERS)), reference_missed=np.zeros((0, 2)))


def anchored_objective(optimum, member, weights, m):
    """The objective under weights of the clusters, each pair with its own loss among all others, for autograd."""
    total, value = 0.0, 0.0
    for part, x, y, photo, _ in optimum.batches:
        of_pair = torch.as_tensor(weights[member[part.numpy()]])
        value = value + (of_pair * plain_losses(x @ m @ y.T, None, photo)).sum()
        total = total + of_pair.sum()
    return value / total + 0.5 * optimum.ridge * (m - optimum.prior).square().sum()


def target_loss(losses, q, m):
    value = 0.0
    for part, x, y, photo, _ in losses.batches:
        value = value + (torch.as_tensor(losses.anchors[q][part.numpy()]) * plain_losses(x @ m @ y.T, None, photo)).sum()
    return value


def slope_and_bend(value, m):
    """Gradient (p,) and Hessian (p, p) by autograd."""
    return (torch.autograd.functional.jacobian(value, m).flatten(),
            torch.autograd.functional.hessian(value, m).reshape(m.numel(), m.numel()))


def test_with_all_directions_it_is_the_newton_step_of_autograd():
    effects, member = case(k=3, n=24, batch=12)
    found = bare(**response(effects, member, CLUSTERS, directions=9))
    weights = np.array([1.0, 0.0, 2.0, 1.0, 1.5, 0.0])
    model = effects.optimum.model
    slope, bend = slope_and_bend(lambda m: anchored_objective(effects.optimum, member, weights, m), model)
    step = -torch.linalg.solve(bend, slope)
    expected = []
    for q in range(2):
        rise, curve = slope_and_bend(lambda m, q=q: target_loss(effects.losses, q, m), model)
        expected.append(-float(rise @ step + 0.5 * step @ curve @ step))
    np.testing.assert_allclose(found.gain(weights[None], np.bincount(member))[0], expected, rtol=1e-4)


def test_anchor_gradients_add_up_to_that_of_the_objective():
    effects, member = case(k=5)
    optimum = effects.optimum
    summed = anchor_gradients(optimum.model, optimum.batches, member, CLUSTERS).sum(0) / len(member)
    torch.testing.assert_close(summed + optimum.ridge * (optimum.model - optimum.prior),
                               optimum.gradient(optimum.model, optimum.batches), rtol=0, atol=1e-10)


@pytest.mark.parametrize("weights", [
    [1, 1, 1, 1, 1, 0], [2, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0], [4, 3, 2, 1, 1, 0],
])
def test_plans_are_predicted_as_retraining_finds_them(weights):
    effects, member = case(k=8, n=400)
    weights = np.array(weights, dtype=float)
    found = bare(**response(effects, member, CLUSTERS, directions=12)).gain(weights[None], np.bincount(member))[0]
    actual = effects.before - effects.losses.at(effects.optimum.retrained(weights[member]))
    np.testing.assert_allclose(found, actual, rtol=0.3, atol=0.02)


def test_the_plan_that_keeps_all_gains_nothing():
    effects, member = case(k=5)
    found = bare(**response(effects, member, CLUSTERS)).gain(np.ones((1, CLUSTERS)), np.bincount(member))
    np.testing.assert_allclose(found, 0, atol=1e-5)
