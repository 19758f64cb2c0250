"""The ``heads`` trainer: two linear heads on frozen features, trained with the weighted contrastive loss.

Where image and text features are aligned the heads start at the encoder's own embedding (the identity) with its logit
scale, so that an arm that trains nothing is the encoder untouched; elsewhere they start at random.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from influencespace.proxy.objective import softmaxes

INITIAL_SCALE = 1 / 0.07


@dataclass(frozen=True)
class HeadsSettings:
    """How the heads are trained; the same for every arm.

    Attributes
    ----------
    learning_rate, epochs, batch_size, weight_decay
        Of AdamW with a cosine schedule after one tenth of warm-up.
    dimensions
        Of the joint space, where the features are not aligned.
    """

    learning_rate: float
    epochs: int
    batch_size: int = 256
    weight_decay: float = 0.01
    dimensions: int = 256


class Heads(torch.nn.Module):
    """Two linear heads and a logit scale; see the module's text for where they start."""

    def __init__(self, image_size: int, text_size: int, aligned: bool, scale: float | None, dimensions: int, seed: int):
        super().__init__()
        self.aligned = aligned
        generator = torch.Generator().manual_seed(seed)
        sizes = [(image_size, image_size), (text_size, text_size)] if aligned else [
            (image_size, dimensions), (text_size, dimensions)
        ]
        # The identity is added in `embed` rather than stored, so that weight decay pulls toward the encoder, not zero.
        matrices = [torch.zeros(s) if aligned else torch.randn(s, generator=generator) / math.sqrt(s[0]) for s in sizes]
        self.image, self.text = (torch.nn.Parameter(m) for m in matrices)
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(scale or INITIAL_SCALE)))

    def embed(self, features: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        """(n, d) unit vectors of (n, k) features through one head."""
        projected = features @ matrix
        return normalize(features + projected if self.aligned else projected, dim=1)

    def logits(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """(b, b) scaled cosines of a batch of features."""
        scale = self.log_scale.clamp(max=math.log(100)).exp()
        return scale * self.embed(image, self.image) @ self.embed(text, self.text).T


def train_heads(
    heads: Heads, image: torch.Tensor, text: torch.Tensor, photo: torch.Tensor, weights: np.ndarray,
    settings: HeadsSettings, seed: int, report: Callable[[int, float], None],
) -> float:
    """Train in place on the pairs whose weight is positive; returns the seconds of the training alone.

    Parameters
    ----------
    image, text
        (n, kx) and (n, ky) features on the device.
    photo
        (n,) int64; pairs of one photo are no negatives of each other.
    weights
        (n,) float; 0 removes a pair. Training divides by their mean, so that the loss keeps its scale.
    report
        Called after every epoch with its number (from 1) and mean loss; its time does not count.
    """
    kept = np.flatnonzero(weights > 0)
    w = torch.as_tensor(weights[kept] / weights[kept].mean(), dtype=image.dtype, device=image.device)
    rows = torch.from_numpy(kept).to(image.device)
    image, text, photo = image[rows], text[rows], photo[rows]
    optimizer = torch.optim.AdamW(
        [{"params": [heads.image, heads.text], "weight_decay": settings.weight_decay},
         {"params": [heads.log_scale], "weight_decay": 0.0}], lr=settings.learning_rate,
    )
    batches = max(1, round(len(kept) / settings.batch_size))
    steps = batches * settings.epochs
    warmup = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1.0, (s + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * s / steps))
    )
    generator = np.random.default_rng(seed)
    seconds = 0.0
    for epoch in range(settings.epochs):
        began = time.perf_counter()
        total = 0.0
        for part in np.array_split(generator.permutation(len(kept)), batches):
            index = torch.from_numpy(part).to(image.device)
            p = softmaxes(heads.logits(image[index], text[index]), w[index], photo[index])
            loss = (w[index] * p.loss).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(part)
        seconds += time.perf_counter() - began
        report(epoch + 1, total / len(kept))
    return seconds
