"""The peers of benchmarks/peers.py, each called as its own documentation says, on the model that the engine scores.

kronfluence and captum see the proxy as one bias-free ``nn.Linear`` on the image features, whose loss is that of a whole batch;
what their hooks give a pair is the gradient through its photo's row. dattri differentiates the loss of single pairs, with the
batch that a pair is contrasted with as its bank of negatives. A score is the product of a target's and a pair's gradients with
the method's inverse curvature between them; all give (n, targets) scores.
"""

from __future__ import annotations

import tempfile

import checkout  # noqa: F401
import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.proxy.bilinear import Batches, fit
from influencespace.proxy.objective import twins

# dattri 0.3.0 stops after these; it does not look at the residual.
ITERATIONS = 50
# Steps of the fit after which TracIn takes a checkpoint, and the optimum.
CHECKPOINTS = (1, 3, 10, 30)


def as_network(model: torch.Tensor) -> torch.nn.Sequential:
    """The bilinear form (kx, ky) as a network of one layer: its output for a photo, times a text's features, is their logit."""
    layer = torch.nn.Linear(*model.shape, bias=False)
    layer.weight.data = model.T.clone()
    return torch.nn.Sequential(layer)


def batch_loss(
    projected: torch.Tensor, text: torch.Tensor, photo: torch.Tensor, share: torch.Tensor | None = None, sample: bool = False,
) -> torch.Tensor:
    """The sum of the losses of a batch, weighted by (b,) shares; with ``sample`` for labels drawn from the model."""
    logits = (projected @ text.T).masked_fill(twins(photo), -torch.inf)
    losses = torch.zeros(len(logits))
    for side in (logits, logits.T):
        own = torch.arange(len(side))
        with torch.no_grad():
            label = torch.multinomial(side.softmax(1), 1)[:, 0] if sample else own
        losses = losses + 0.5 * cross_entropy(side, label, reduction="none")
    return losses.sum() if share is None else (share * losses).sum()


def checkpoints_of(optimum: Optimum) -> torch.Tensor:
    """(k, kx, ky): the model at some steps of its fit, and at its end."""
    early = [fit(optimum.batches, optimum.ridge, optimum.prior, iterations=steps) for steps in CHECKPOINTS]
    return torch.stack([*early, optimum.model])


def in_order(batches: Batches) -> tuple[torch.Tensor, int]:
    """The pairs one batch after the other, and the size at which a loader cuts them into the same batches again."""
    return torch.cat(batches.parts), max(len(part) for part in batches.parts)


def datasets(batches: Batches, anchors: np.ndarray | None = None) -> list[TensorDataset]:
    """The pairs batch by batch; with (targets, m) anchors once for each target, with the shares."""
    order, _ = in_order(batches)
    columns = [batches.image[order], batches.text[order], batches.photo[order]]
    if anchors is None:
        return [TensorDataset(*columns)]
    return [TensorDataset(*columns, torch.as_tensor(share, dtype=torch.float32)[order]) for share in anchors]


def back(batches: Batches, scores: list[torch.Tensor]) -> np.ndarray:
    """(n, targets): scores of the pairs in the order of the batches, one tensor a target, put into that of the pairs."""
    out = np.empty((len(batches.image), len(scores)))
    out[in_order(batches)[0].numpy()] = torch.stack([score.reshape(-1) for score in scores], 1).double().numpy()
    return out


def kronfluence(optimum: Optimum, losses: TargetLosses, strategy: str) -> np.ndarray:
    """EK-FAC (Grosse et al. 2023) or another of kronfluence's strategies, damped by the ridge."""
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.task import Task

    class Contrast(Task):
        def compute_train_loss(self, batch, model, sample=False):
            image, text, photo = batch
            return batch_loss(model(image), text, photo, sample=sample)

        def compute_measurement(self, batch, model):
            image, text, photo, share = batch
            return batch_loss(model(image), text, photo, share)

    size = in_order(optimum.batches)[1]
    (train,) = datasets(optimum.batches)
    task = Contrast()
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer(
            "peers", prepare_model(as_network(optimum.model), task), task, cpu=True, output_dir=folder, disable_tqdm=True,
            log_level=40,
        )
        analyzer.fit_all_factors("factors", train, size, factor_args=FactorArguments(strategy=strategy))
        arguments = ScoreArguments(damping_factor=optimum.ridge, aggregate_query_gradients=True)
        scores = []
        for q, target in enumerate(datasets(losses.batches, losses.anchors)):
            name = f"target-{q}"
            analyzer.compute_pairwise_scores(
                name, "factors", target, train, in_order(losses.batches)[1], size, score_args=arguments,
            )
            scores.append(analyzer.load_pairwise_scores(name)["all_modules"])
    return back(optimum.batches, scores)


def captum(optimum: Optimum, losses: TargetLosses, checkpoints: torch.Tensor) -> np.ndarray:
    """TracInCP (Pruthi et al. 2020) over (k, kx, ky) checkpoints of the fit, all with the same weight."""
    from captum.influence import TracInCP

    def load(network: torch.nn.Sequential, checkpoint: torch.Tensor) -> float:
        network[0].weight.data = checkpoint.T.clone()
        return 1.0

    def loss(projected: torch.Tensor, rest: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return batch_loss(projected, *rest)

    loss.reduction = "sum"

    def loader(pairs: TensorDataset, size: int) -> DataLoader:
        def collate(rows: list[tuple[torch.Tensor, ...]]) -> tuple:
            image, *rest = (torch.stack(column) for column in zip(*rows, strict=True))
            return image, tuple(rest)
        return DataLoader(pairs, size, collate_fn=collate)

    (train,) = datasets(optimum.batches)
    tracing = TracInCP(
        as_network(optimum.model), loader(train, in_order(optimum.batches)[1]), list(checkpoints), load, loss_fn=loss,
        sample_wise_grads_per_batch=True,
    )
    size = in_order(losses.batches)[1]
    scores = [
        tracing.influence(loader(target, size), aggregate=True) for target in datasets(losses.batches, losses.anchors)
    ]
    return back(optimum.batches, scores)


def dattri(optimum: Optimum, losses: TargetLosses) -> np.ndarray:
    """Influence functions (Koh & Liang 2017) with dattri's conjugate gradients, damped by the ridge."""
    from dattri.algorithm.influence_function import IFAttributorCG
    from dattri.task import AttributionTask

    pairs, judged = optimum.batches, losses.batches
    part_of = torch.empty(len(pairs.image), dtype=torch.int64)
    for k, part in enumerate(pairs.parts):
        part_of[part] = k

    def mean_loss(layer: torch.Tensor, batches: Batches, share: torch.Tensor) -> torch.Tensor:
        return sum(batch_loss(x @ layer.T, y, photo, share[part]) for part, x, y, photo, _ in batches)

    def own_loss(layer: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
        other = (part_of != part_of[i]) | ((pairs.photo == pairs.photo[i]) & (torch.arange(len(part_of)) != i))
        x, y = pairs.image[i].squeeze(0), pairs.text[i].squeeze(0)
        by_image, by_text = pairs.text @ (layer @ x), pairs.image @ (layer.T @ y)
        denominators = [side.masked_fill(other, -torch.inf).logsumexp(0) for side in (by_image, by_text)]
        return 0.5 * sum(denominators) - x @ (layer.T @ y)

    def loss(params, data):
        """Of one pair, or the mean of all where all are given."""
        (index,) = data
        if len(index) == 1:
            return own_loss(params["0.weight"], index)
        return mean_loss(params["0.weight"], pairs, torch.full((len(part_of),), 1 / len(part_of)))

    def target(params, data):
        return mean_loss(params["0.weight"], judged, data[0].squeeze(0))

    network = as_network(optimum.model)
    task = AttributionTask(loss, network, network.state_dict(), target_func=target)
    attributor = IFAttributorCG(task, max_iter=ITERATIONS, regularization=optimum.ridge)
    # One batch: for each batch of training pairs dattri would solve for the targets again.
    train = DataLoader(TensorDataset(torch.arange(len(part_of))), len(part_of))
    queries = DataLoader(TensorDataset(torch.as_tensor(losses.anchors, dtype=torch.float32)), len(losses.anchors))
    attributor.cache(train)
    with torch.no_grad():
        return attributor.attribute(train, queries).double().numpy()
