"""The ``heads`` trainer: two linear heads on frozen features, trained with the weighted contrastive loss.

Where image and text features are aligned the heads start at the encoder's own embedding (the identity) with its logit
scale, so that an arm that trains nothing is the encoder untouched; elsewhere they start at random.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.pairs.views import HeldOut
from influencespace.proxy.objective import softmaxes
from influencespace.training.data import DECIDES, TrainingData
from influencespace.training.loop import Settings
from influencespace.training.probe_features import ProbeFeatures
from influencespace.training.probes import Photos
from influencespace.training.runs import Embedded

INITIAL_SCALE = 1 / 0.07
LEARNING_RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
EPOCHS = (3, 10)


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


class HeadsTask:
    """Heads on the training pairs, as the training loop takes them (:class:`~influencespace.training.loop.Task`)."""

    def __init__(self, data: TrainingData, heads: Heads, settings: Settings) -> None:
        self.data, self.module, self.settings = data, heads, settings
        rows = torch.from_numpy(data.train).to(data.image.device)
        self.image, self.text, self.photo = data.image[rows], data.text[rows], data.photo[rows]

    def parameters(self) -> list[dict[str, Any]]:
        """The heads decay, the scale does not."""
        heads = self.module
        return [
            {"params": [heads.image, heads.text], "weight_decay": self.settings.weight_decay},
            {"params": [heads.log_scale], "weight_decay": 0.0},
        ]

    def loss(self, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        """The weighted contrastive loss of a batch; pairs of one photo are no negatives of each other."""
        index = torch.from_numpy(rows).to(self.image.device)
        logits = self.module.logits(self.image[index], self.text[index])
        return (weights * softmaxes(logits, weights, self.photo[index]).loss).mean()

    def lighten(self) -> bool:
        """Its loss takes what it takes."""
        return False

    def recall(self) -> float:
        """Validation Recall@10 in percent, mean of both directions."""
        judged = self.judge(self.data.validation)
        return 100 * float(photo_scores(*judged.ranks(), judged.photo, DECIDES)[BOTH].mean())

    def judge(self, split: HeldOut) -> Embedded:
        """A held-out split through the heads."""
        return self.embed(self.data.image[split.image_rows], self.data.text[split.rows], split.photo)

    @torch.no_grad()
    def embed(self, image: torch.Tensor, text: torch.Tensor, photo: np.ndarray) -> Embedded:
        """(p, kx) and (m, ky) features, prepared as the training's are, through the heads."""
        heads = self.module
        return Embedded(
            heads.embed(image, heads.image).cpu().numpy(), heads.embed(text, heads.text).cpu().numpy(), photo
        )


class HeadsTrainer:
    """Trains heads on frozen features (:class:`~influencespace.training.trainer.Trainer`)."""

    name = "heads"

    def __init__(self, data: TrainingData, random_start: bool = False, features: ProbeFeatures | None = None) -> None:
        self.data, self.device, self.features = data, data.image.device, features
        self.identity = data.aligned and not random_start

    @property
    def origin(self) -> str:
        """What heads start from, in words."""
        return "the features as they are" if self.identity else "random matrices"

    @property
    def starts(self) -> bool:
        """Whether a model that was not trained is the encoder; heads that start at random are not."""
        return self.identity

    def grid(self) -> list[Settings]:
        """The settings that are tried on the full data, from the least training to the most."""
        settings = [Settings(rate, epochs) for rate in LEARNING_RATES for epochs in EPOCHS]
        return sorted(settings, key=lambda s: (s.learning_rate * s.epochs, s.epochs))

    def task(self, settings: Settings, seed: int) -> HeadsTask:
        """Untrained heads on the device."""
        data = self.data
        sizes = data.image.shape[1], data.text.shape[1]
        heads = Heads(*sizes, self.identity, data.logit_scale, settings.dimensions, seed).to(self.device)
        return HeadsTask(data, heads, settings)

    def judge(self, task: HeadsTask, split: HeldOut) -> Embedded:
        """A held-out split by trained heads."""
        return task.judge(split)

    def probe(self, task: HeadsTask, photos: Photos, captions: list[str], photo: np.ndarray) -> Embedded | None:
        """Other photos and captions by trained heads; None where the encoder of the features is not known."""
        return None if self.features is None else task.embed(*self.features(photos, captions), photo)
