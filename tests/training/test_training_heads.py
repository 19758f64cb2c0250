import copy

import numpy as np
import pytest
import torch
from engine_cases import plain_losses, planted_views

from influencespace.pairs.views import HeldOut
from influencespace.training.data import TrainingData
from influencespace.training.heads import Heads, HeadsTask, HeadsTrainer
from influencespace.training.loop import Settings, fit

SETTINGS = Settings(learning_rate=1e-2, epochs=2, batch_size=8, dimensions=3)
N, K = 20, 4


@pytest.fixture
def data():
    """Unit features of 20 pairs, some of one photo, in double precision."""
    image, text, _ = planted_views(N, K)
    x, y = (torch.nn.functional.normalize(torch.from_numpy(view), dim=1) for view in (image, text))
    return x, y, torch.arange(N) - (torch.arange(N) % 5 == 1).long()


def heads(aligned=False, seed=0):
    return Heads(K, K, aligned, None, SETTINGS.dimensions, seed).double()


def prepared(data, aligned=False):
    """These pairs as training pairs and, once more, as validation and test photos."""
    image, text, photo = data
    held = HeldOut(np.arange(len(image)), np.arange(len(image)), np.arange(len(image)), {})
    return TrainingData(image, text, photo, np.arange(len(image)), held, held, aligned, None)


def trained(data, weights, settings=SETTINGS, seed=0, aligned=False):
    """The trained parameters, the losses of the epochs and the seconds."""
    module = heads(aligned)
    found = fit(
        HeadsTask(prepared(data, aligned), module, settings), np.asarray(weights), settings, seed, device=torch.device("cpu")
    )
    losses = [(entry["epoch"], entry["loss"]) for entry in found.curve]
    return [p.detach() for p in module.parameters()], losses, found.seconds


def same(first, second, tolerance=0.0):
    return all(torch.allclose(a, b, rtol=0, atol=tolerance) for a, b in zip(first[0], second[0], strict=True))


def test_the_loss_of_an_epoch_is_the_definition_by_a_plain_loop(data):
    """A weight, divided by the mean weight, multiplies a pair's anchor terms and its terms in the denominators of others."""
    weights = np.random.default_rng(0).uniform(0.5, 4, N)
    image, text, photo = data
    module = heads()
    w = torch.from_numpy(weights / weights.mean())
    # A learning rate of nothing, so that all batches of the epoch see the same heads.
    still = Settings(0.0, 1, SETTINGS.batch_size, dimensions=SETTINGS.dimensions)
    total = 0.0
    for part in np.array_split(np.random.default_rng(0).permutation(N), 2):
        i = torch.from_numpy(part)
        a, b = image[i] @ module.image, text[i] @ module.text
        cosine = (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T
        total += float((w[i] * plain_losses(cosine / 0.07, w[i], photo[i])).sum().detach())
    assert trained(data, weights, still)[1] == [(1, pytest.approx(total / N, abs=1e-6))]


def test_a_step_goes_down_the_gradient_of_that_loss(data):
    weights = np.random.default_rng(0).uniform(0.5, 4, N)
    image, text, photo = data
    one = Settings(1e-2, 1, N, weight_decay=0.0, dimensions=SETTINGS.dimensions)
    module = heads()
    order = torch.from_numpy(np.random.default_rng(0).permutation(N))
    w = torch.from_numpy(weights / weights.mean())[order]
    losses = plain_losses(module.logits(image[order], text[order]), w, photo[order])
    (w * losses).mean().backward()
    found = trained(data, weights, one)[0]
    for before, after in zip(module.parameters(), found, strict=True):
        # The first step of Adam is the learning rate against the sign of the gradient.
        torch.testing.assert_close(after, (before - 1e-2 * before.grad.sign()).detach(), rtol=0, atol=1e-6)


def test_a_constant_factor_of_all_weights_changes_nothing(data):
    weights = np.random.default_rng(0).uniform(0.5, 4, N)
    assert same(trained(data, weights), trained(data, 8 * weights))
    assert same(trained(data, weights), trained(data, 3.7 * weights), 1e-9)


def test_a_weight_of_nothing_is_absence(data):
    weights = np.ones(N)
    weights[[3, 4, 11]] = 0
    left = torch.from_numpy(np.flatnonzero(weights))
    without = tuple(part[left] for part in data)
    found, expected = trained(data, weights), trained(without, np.ones(N - 3))
    assert same(found, expected) and found[1] == expected[1]


def test_weights_matter(data):
    weights = np.ones(N)
    weights[:5] = 4
    assert not same(trained(data, weights), trained(data, np.ones(N)), 1e-3)


def test_without_training_aligned_heads_are_the_encoder(data):
    module = heads(aligned=True)
    torch.testing.assert_close(module.embed(data[0], module.image), data[0])


def test_elsewhere_heads_start_at_random_and_embed_unit_vectors(data):
    module = heads()
    embedded = module.embed(data[0], module.image)
    assert embedded.shape == (N, SETTINGS.dimensions)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(N, dtype=torch.float64))


def test_weight_decay_pulls_aligned_heads_back_to_the_encoder(data):
    def moved(decay):
        found, _, _ = trained(data, np.ones(N), Settings(1e-2, 30, 8, weight_decay=decay), aligned=True)
        return found[0].norm()

    assert moved(10.0) < 0.5 * moved(0.0)


def test_the_logit_scale_starts_at_that_of_the_encoder():
    assert Heads(K, K, True, 50.0, 3, 0).log_scale.exp().item() == pytest.approx(50)
    assert Heads(K, K, True, None, 3, 0).log_scale.exp().item() == pytest.approx(1 / 0.07)


def test_the_scale_is_bounded(data):
    module = Heads(K, K, True, 1e6, 3, 0).double()
    assert module.logits(data[0], data[1]).abs().max() <= 100 * (1 + 1e-6)


def test_a_seed_gives_the_same_heads_and_another_others(data):
    first, again, other = (trained(data, np.ones(N), seed=s) for s in (1, 1, 2))
    assert same(first, again) and not same(first, other, 1e-6)
    assert not torch.equal(heads(seed=1).image, heads(seed=2).image)


def test_training_learns_and_its_time_is_measured(data):
    _, losses, seconds = trained(data, np.ones(N), Settings(3e-2, 20, 8, dimensions=3))
    assert [epoch for epoch, _ in losses] == list(range(1, 21))
    assert losses[-1][1] < 0.5 * losses[0][1]
    assert seconds > 0


def test_the_features_and_weights_given_are_left_as_they_are(data):
    before, weights = copy.deepcopy(data), np.linspace(0, 4, N)
    kept = weights.copy()
    trained(data, weights)
    assert all(torch.equal(a, b) for a, b in zip(before, data, strict=True)) and np.array_equal(weights, kept)


def test_heads_start_as_the_encoder_unless_they_are_to_start_at_random(data):
    known = HeadsTrainer(prepared(data, aligned=True))
    other = HeadsTrainer(prepared(data, aligned=True), random_start=True)
    assert known.starts and not other.starts and not HeadsTrainer(prepared(data)).starts
    task = other.task(Settings(1e-2, 1, dimensions=3), 0)
    assert tuple(task.module.image.shape) == (K, 3) and not task.module.aligned


def test_the_grid_goes_from_the_least_training_to_the_most(data):
    grid = HeadsTrainer(prepared(data)).grid()
    amounts = [settings.learning_rate * settings.epochs for settings in grid]
    assert amounts == sorted(amounts) and len(set(grid)) == len(grid)
