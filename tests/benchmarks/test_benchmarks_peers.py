"""What the benchmarks of the engine and of its peers compute themselves."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from engine import closeness
from peer_methods import as_network, back, batch_loss, datasets, in_order
from peers import cluster_sums
from verification import figure, table

from influencespace.proxy.bilinear import Batches, loss_and_gradient
from influencespace.proxy.objective import softmaxes


def drawn_pairs() -> Batches:
    rng = np.random.default_rng(3)
    image, text = (torch.from_numpy(rng.normal(size=(11, width)).astype(np.float32)) for width in (4, 3))
    return Batches.draw(image, text, np.array([0, 0, 2, 3, 4, 5, 6, 7, 8, 8, 8]), 4, 0)


def test_closeness_of_a_prediction_that_is_half_the_truth():
    actual = np.array([2.0, -4.0, 6.0, 8.0])
    assert closeness(actual, actual / 2) == pytest.approx(
        {"spearman": 1, "pearson": 1, "slope": 2, "sign_accuracy": 1, "majority_sign": 0.75}
    )


def test_closeness_says_how_often_the_sign_is_right():
    found = closeness(np.array([1.0, -1.0, -2.0, -3.0]), np.array([-1.0, -1.0, -2.0, 1.0]))
    assert found["sign_accuracy"] == 0.5
    assert found["majority_sign"] == 0.75


def test_the_peers_see_the_loss_of_the_engine():
    pairs, model = drawn_pairs(), torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    network, total = as_network(model), 0.0
    for _, x, y, photo, _ in pairs:
        loss = batch_loss(network(x), y, photo)
        assert loss.item() == pytest.approx(softmaxes(x @ model @ y.T, None, photo).loss.sum().item(), rel=1e-5)
        total = total + loss
    total.backward()
    wanted = loss_and_gradient(model, pairs)[1] * len(pairs.image)
    assert torch.allclose(network[0].weight.grad.T, wanted, atol=1e-4)


def test_the_loss_for_drawn_labels_never_draws_a_twin():
    photo = torch.tensor([5, 5, 5, 6])
    for seed in range(20):
        torch.manual_seed(seed)
        assert torch.isfinite(batch_loss(torch.randn(4, 3), torch.randn(4, 3), photo, sample=True))


def test_a_loader_cuts_the_pairs_into_the_same_batches():
    pairs = drawn_pairs()
    (dataset,), (order, size) = datasets(pairs), in_order(pairs)
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    assert all(torch.equal(mine, part) for mine, part in zip(cut, pairs.parts, strict=True))
    assert torch.equal(dataset.tensors[0][: len(cut[0])], pairs.image[pairs.parts[0]])


def test_scores_come_back_in_the_order_of_the_pairs():
    pairs = drawn_pairs()
    of_pair = torch.arange(11) * 10.0
    found = back(pairs, [of_pair[in_order(pairs)[0]][None], -of_pair[in_order(pairs)[0]]])
    assert np.array_equal(found, np.stack([of_pair.numpy(), -of_pair.numpy()], 1))


def test_cluster_sums_equal_a_loop():
    scores, member = np.arange(8.0).reshape(4, 2), np.array([1, 0, 1, 2])
    wanted = [[sum(scores[i, q] for i in range(4) if member[i] == c) for q in range(2)] for c in range(3)]
    assert np.array_equal(cluster_sums(scores, member), wanted)


@pytest.mark.parametrize(("name", "text"), [
    ("spearman", "0.950 (0.900)"), ("slope", "0.950 (0.900)"), ("time_share", "95.0% (100.0%)"), ("majority_sign", "0.95"),
])
def test_a_figure_is_the_mean_with_the_worst_beside_it(name: str, text: str):
    assert figure(name, np.array([0.9, 1.0])) == text


def test_the_table_has_a_line_for_each_value_of_its_keys():
    row = dict.fromkeys(("spearman", "pearson", "slope", "sign_accuracy", "majority_sign", "time_share"), 1.0)
    lines = table([row | {"target": "a"}, row | {"target": "b"}, row | {"target": "a"}], ("target",)).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| a", "| b"]
