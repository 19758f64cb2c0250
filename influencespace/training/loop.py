"""The one training loop: whatever model is trained, on weights that an arm gives, for every arm alike.

AdamW with a cosine schedule after one tenth of warm-up. After each epoch there is a checkpoint, from which a training that
was killed goes on to the same result: what draws the batches is in it, and dropout is seeded by the epoch.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from influencespace.errors import TrainingError
from influencespace.training import checkpoint as checkpoints
from influencespace.training.checkpoint import Progress
from influencespace.training.energy import Meter

# No two seeds share the dropout of an epoch before this many epochs.
EPOCHS_APART = 100_000
# What a CPU that multiplies bfloat16 says of itself.
NATIVE = ("avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class Settings:
    """How a model is trained; the same for every arm.

    Attributes
    ----------
    learning_rate, epochs, batch_size, weight_decay
        Of AdamW.
    dimensions
        Of a joint space that starts at random.
    patience
        Stop after so many epochs without a better validation recall and take the best model; 0 = train all epochs.
    """

    learning_rate: float
    epochs: int
    batch_size: int = 256
    weight_decay: float = 0.01
    dimensions: int = 256
    patience: int = 0

    def steps(self, pairs: int) -> int:
        """How many optimizer steps these epochs over so many pairs are."""
        return self.batches(pairs) * self.epochs

    def batches(self, pairs: int) -> int:
        """How many batches an epoch over so many pairs has."""
        return max(1, round(pairs / self.batch_size))


class Task(Protocol):
    """A model and its loss, as the loop sees them.

    Attributes
    ----------
    module
        Trained in place; its trainable parameters and its buffers are what changes.
    """

    module: torch.nn.Module

    def parameters(self) -> list[dict[str, Any]]:
        """Parameter groups for AdamW, each with its ``weight_decay`` and, where it learns at another rate, a ``factor`` of it."""

    def loss(self, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        """Mean over a batch of weight times the pair's loss.

        ``rows`` are (b,) positions among the training pairs, ``weights`` (b,) on the device with mean 1 over all kept pairs.
        """

    def recall(self) -> float:
        """Validation Recall@10 in percent, mean of both directions."""

    def lighten(self) -> bool:
        """Take less memory for the loss of a batch from now on, and compute the same; False where that cannot be."""


@dataclass(frozen=True)
class Fitted:
    """What a training took: ``seconds`` and ``joules`` (None where not reported) of training alone, its curve and steps.

    An entry of the curve has ``epoch`` (from 1), ``loss`` (mean), ``recall`` (validation Recall@10, percent) and ``seconds``
    (of training so far).
    """

    seconds: float
    joules: float | None
    curve: list[dict[str, Any]]
    steps: int


@contextlib.contextmanager
def half(device: torch.device, cpu: bool = False):
    """Mixed precision in bfloat16, which needs no scaling of the loss: on a GPU, and if ``cpu`` on a CPU that is made for it.

    Towers that normalise every layer lose nothing that shows. Others do: through a MobileNetV2 whose batch norms are folded into
    its weights cosines moved by 0.01, so that on a CPU only what asks for it takes part.
    """
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type != "cpu" or (cpu and native_bfloat16())):
        yield


def native_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16; without them mixed precision takes longer than none."""
    return any(torch.cpu.get_capabilities().get(name, False) for name in NATIVE)


def fit(
    task: Task, weights: np.ndarray, settings: Settings, seed: int, *, device: torch.device, steps: int | None = None,
    weighting: str = "loss", watch: Callable[[dict[str, Any]], None] = lambda step: None, checkpoint: Path | None = None,
    reweigh: Callable[[int], np.ndarray | None] = lambda epoch: None,
) -> Fitted:
    """Train in place on the pairs whose weight is positive.

    Parameters
    ----------
    weights
        (n_train,) float; 0 removes a pair. Training divides by their mean, so that the loss keeps its scale.
    steps
        Optimizer steps in all; by default those of the epochs of ``settings``. The last epoch may be a part of one.
    weighting
        ``loss``: weights are factors in the loss. ``sampling``: an epoch draws as many pairs as are kept, with replacement
        and in proportion to their weights, and the loss counts each alike.
    watch
        Called after every epoch with its entry of the curve, those before a checkpoint included; its time does not count, and
        it may end the training.
    checkpoint
        Written after every epoch; where it is there already, training goes on from it.
    reweigh
        Called after every epoch but the last with its number; may return other weights for what follows.
    """
    optimizer = torch.optim.AdamW(task.parameters(), lr=settings.learning_rate)
    generator, meter, progress = np.random.default_rng(seed), Meter(device), Progress()
    best: dict[str, torch.Tensor] = {}
    total = steps or settings.steps(np.count_nonzero(weights))
    if checkpoint is not None and checkpoint.exists():
        progress, weights, best = checkpoints.load(checkpoint, task.module, optimizer)
        generator.bit_generator.state = progress.generator
        for step in progress.curve:
            watch(step)
    while progress.step < total and not (settings.patience and progress.since >= settings.patience):
        torch.manual_seed(EPOCHS_APART * seed + progress.epoch)
        loss = _epoch(task, optimizer, weights, settings, generator, weighting, total, progress, meter)
        progress.epoch += 1
        recall = task.recall()
        progress.curve.append({"epoch": progress.epoch, "loss": loss, "recall": recall, "seconds": progress.seconds})
        better = progress.best is None or recall > progress.best
        progress.best, progress.since = (recall, 0) if better else (progress.best, progress.since + 1)
        if settings.patience and better:
            best = {name: tensor.clone() for name, tensor in checkpoints.trained_tensors(task.module).items()}
        if progress.step < total and (changed := reweigh(progress.epoch)) is not None:
            weights = changed
        if checkpoint is not None:
            progress.generator = generator.bit_generator.state
            checkpoints.save(checkpoint, progress, task.module, optimizer, weights, best)
        watch(progress.curve[-1])
    if best:
        checkpoints.put_back(task.module, best)
    return Fitted(progress.seconds, progress.joules, progress.curve, progress.step)


def _epoch(
    task: Task, optimizer: torch.optim.Optimizer, weights: np.ndarray, settings: Settings, generator: np.random.Generator,
    weighting: str, total: int, progress: Progress, meter: Meter,
) -> float:
    """One pass over the kept pairs, or what is left of the steps; its mean loss."""
    began, joules = time.perf_counter(), meter.read()
    kept = np.flatnonzero(weights > 0)
    share = np.zeros(len(weights))
    # Summed in double precision: what are to be probabilities must add up to 1.
    share[kept] = weights[kept] / weights[kept].mean(dtype=np.float64)
    order = generator.permutation(len(kept))
    if weighting == "sampling":
        order = generator.choice(len(kept), len(kept), p=share[kept] / len(kept))
        share[kept] = 1.0
    factors = torch.as_tensor(share, dtype=_precision(task.module), device=_device(task.module))
    warmup, loss_sum, seen = max(1, total // 10), 0.0, 0
    for part in np.array_split(kept[order], settings.batches(len(kept)))[: total - progress.step]:
        rate = min(1.0, (progress.step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * progress.step / total))
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate * group.get("factor", 1.0)
        loss = _with_gradient(task, optimizer, part, factors[torch.from_numpy(part).to(factors.device)])
        optimizer.step()
        progress.step += 1
        loss_sum, seen = loss_sum + loss * len(part), seen + len(part)
    progress.seconds += time.perf_counter() - began
    spent = meter.spent(joules)
    known = progress.joules is not None or progress.epoch == 0
    progress.joules = (progress.joules or 0.0) + spent if known and spent is not None else None
    return loss_sum / seen


def _with_gradient(task: Task, optimizer: torch.optim.Optimizer, rows: np.ndarray, weights: torch.Tensor) -> float:
    """The loss of a batch, whose gradient is left in the parameters; tried again with less memory as long as the task can."""
    while True:
        optimizer.zero_grad()
        try:
            loss = task.loss(rows, weights)
            loss.backward()
            return loss.item()
        except torch.OutOfMemoryError:
            if not task.lighten():
                raise
        # Out of the handler, so that what the failed attempt has computed is let go.
        torch.cuda.empty_cache()


@contextlib.contextmanager
def memory_explained():
    """Say what to do where the memory of the device does not suffice.

    Raises
    ------
    TrainingError
        In place of PyTorch's own error.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            "The device ran out of memory while training. Train in smaller batches (--batch), on another --device, or end what "
            f"else uses its memory; what was finished is kept. PyTorch says: {str(error).partition('. ')[0]}."
        ) from None


def _device(module: torch.nn.Module) -> torch.device:
    return next(module.parameters()).device


def _precision(module: torch.nn.Module) -> torch.dtype:
    return next(p.dtype for p in module.parameters() if p.requires_grad)
