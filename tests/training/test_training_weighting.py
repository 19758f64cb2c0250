"""Weights as factors in the loss, and as how often a pair is drawn: the same where the loss is a sum over pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.training.loop import Settings, fit

PAIRS = 40
CPU = torch.device("cpu")


class Means:
    """A model of one number a direction whose loss is a sum over pairs: half the squared distance to each pair's point."""

    def __init__(self, points):
        self.module, self.points, self.drawn, self.factors = torch.nn.Linear(points.shape[1], 1, bias=False), points, [], []
        torch.nn.init.zeros_(self.module.weight)

    def parameters(self):
        return [{"params": list(self.module.parameters()), "weight_decay": 0.0}]

    def loss(self, rows, weights):
        self.drawn.append(rows)
        self.factors.append(weights)
        away = self.module.weight[0] - self.points[torch.from_numpy(rows)]
        return (weights * away.square().sum(1) / 2).mean()

    def recall(self):
        return 0.0


def points(seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(PAIRS, 3)).astype(np.float32))


def weights(seed=0):
    """From 1 to 4, a quarter removed."""
    drawn = np.random.default_rng(seed).uniform(1, 4, PAIRS).astype(np.float32)
    drawn[::4] = 0
    return drawn


def trained(weighting, given, *, epochs=150, batch_size=PAIRS, seed=0):
    task = Means(points())
    fit(task, given, Settings(5e-2, epochs, batch_size), seed, device=CPU, weighting=weighting)
    return task


@pytest.mark.parametrize("weighting", ["loss", "sampling"])
def test_both_lead_to_the_weighted_mean_where_the_loss_is_a_sum_over_pairs(weighting):
    given = weights() * (1 + (points()[:, 0] > 0).numpy())
    wanted = np.average(points().numpy(), axis=0, weights=given)
    plain = points().numpy()[given > 0].mean(0)
    found = np.mean([trained(weighting, given, seed=seed).module.weight.detach().numpy()[0] for seed in range(4)], axis=0)
    # Draws leave an error, but a far smaller one than what weights change.
    assert np.abs(plain - wanted).max() > 0.2
    np.testing.assert_allclose(found, wanted, atol=1e-3 if weighting == "loss" else 0.05)


def test_draws_are_in_proportion_to_the_weights_and_count_alike():
    given = weights()
    task = trained("sampling", given, epochs=200, batch_size=30)
    times = np.bincount(np.concatenate(task.drawn), minlength=PAIRS)
    # As many an epoch as are kept; each share within four standard errors of its weight's.
    assert times.sum() == 200 * 30 and not times[given == 0].any()
    share = given / given.sum()
    assert (np.abs(times / times.sum() - share) <= 4 * np.sqrt(share * (1 - share) / times.sum())).all()
    assert all((factors == 1).all() for factors in task.factors)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([3, 7, 30, 100]))
def test_factors_have_a_mean_of_one_over_what_is_kept_which_each_epoch_sees_once(seed, batch_size):
    given = weights(seed)
    task = trained("loss", given, epochs=2, batch_size=batch_size, seed=seed)
    seen, factors = np.concatenate(task.drawn), torch.cat(task.factors).numpy()
    kept = np.flatnonzero(given)
    for epoch in np.split(seen, 2):
        assert np.array_equal(np.sort(epoch), kept)
    np.testing.assert_allclose(factors, given[seen] / given[kept].mean(), rtol=1e-6)
    assert factors.mean() == pytest.approx(1, rel=1e-5)


def test_equal_weights_are_no_weights():
    """Whatever their size, as factors; as draws they are draws with replacement all the same."""
    kept = (weights() > 0).astype(np.float32)
    one, three = (trained("loss", size * kept, epochs=3).module.weight for size in (1, 3))
    torch.testing.assert_close(one, three, rtol=0, atol=0)
