"""Training one arm of a workspace: features to the device, heads, a curve, and the held-out splits embedded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from influencespace.metrics.recall import BOTH, photo_scores, retrieval_ranks
from influencespace.pairs.views import HeldOut
from influencespace.proxy.preparation import Preparation, Rows
from influencespace.training.heads import Heads, HeadsSettings, train_heads
from influencespace.training.runs import ArmRun, Embedded

DECIDES = 10
WIDEST = 4096


@dataclass(frozen=True)
class TrainingData:
    """All that heads are trained and evaluated on.

    Attributes
    ----------
    image, text
        (n, kx) and (n, ky) features of all pairs on the device: of unit length as the encoder gave them where they are
        aligned, centred and of unit length elsewhere.
    photo
        (n,) int64 on the device.
    train
        (n_train,) positions of the training pairs.
    validation, test
        The held-out photos.
    aligned, logit_scale
        Of the encoder.
    """

    image: torch.Tensor
    text: torch.Tensor
    photo: torch.Tensor
    train: np.ndarray
    validation: HeldOut
    test: HeldOut
    aligned: bool
    logit_scale: float | None

    @classmethod
    def load(
        cls, image: np.ndarray, text: np.ndarray, photo: np.ndarray, train: np.ndarray, validation: HeldOut, test: HeldOut,
        aligned: bool, logit_scale: float | None, device: torch.device,
    ) -> TrainingData:
        """From (n, dx) and (n, dy) stored features."""
        if aligned:
            sides = [torch.nn.functional.normalize(torch.from_numpy(np.asarray(f, np.float32)), dim=1) for f in (image, text)]
        else:
            sides = [Preparation.fit(Rows(f, train), WIDEST, 0).apply(f) for f in (image, text)]
        codes = torch.as_tensor(photo, dtype=torch.int64, device=device)
        return cls(sides[0].to(device), sides[1].to(device), codes, train, validation, test, aligned, logit_scale)

    def heads(self, seed: int, dimensions: int) -> Heads:
        """Untrained heads on the device."""
        return Heads(
            self.image.shape[1], self.text.shape[1], self.aligned, self.logit_scale, dimensions, seed
        ).to(self.image.device)

    def cosine(self) -> np.ndarray | None:
        """(n_train,) the encoder's own cosine of the training pairs, or None where it means nothing."""
        if not self.aligned:
            return None
        rows = torch.from_numpy(self.train).to(self.image.device)
        return (self.image[rows] * self.text[rows]).sum(1).cpu().numpy()

    @torch.no_grad()
    def embed(self, heads: Heads, split: HeldOut) -> Embedded:
        """A held-out split through the heads."""
        images, texts = (torch.from_numpy(rows).to(self.image.device) for rows in (split.image_rows, split.rows))
        image = heads.embed(self.image[images], heads.image).cpu().numpy()
        return Embedded(image, heads.embed(self.text[texts], heads.text).cpu().numpy(), split.photo)


def train_arm(
    data: TrainingData, arm: str, weights: np.ndarray, settings: HeadsSettings, seed: int, scoring: float,
    watch: Callable[[dict], None] = lambda step: None,
) -> ArmRun:
    """Train one arm with one seed on (n_train,) weights; ``scoring`` is what finding them took, in seconds.

    ``watch`` is told of every epoch: ``epoch`` (from 1), ``loss`` (mean) and ``recall`` (validation Recall@10, in percent).
    """
    heads = data.heads(seed, settings.dimensions)
    rows = torch.from_numpy(data.train).to(data.image.device)
    curve: list[dict] = []

    def report(epoch: int, loss: float) -> None:
        recall = 100 * float(validation_scores(data, heads).mean())
        curve.append({"epoch": epoch, "loss": loss, "recall": recall})
        watch(curve[-1])

    seconds = train_heads(heads, data.image[rows], data.text[rows], data.photo[rows], weights, settings, seed, report)
    return ArmRun(
        arm, seed, weights, data.embed(heads, data.test), data.embed(heads, data.validation), seconds, scoring, curve
    )


def untouched(data: TrainingData, seed: int) -> ArmRun:
    """The arm that trains nothing: the encoder as it came."""
    heads = data.heads(seed, 1)
    weights = np.zeros(len(data.train), dtype=np.float32)
    return ArmRun("start", seed, weights, data.embed(heads, data.test), data.embed(heads, data.validation), None, 0.0)


def validation_scores(data: TrainingData, heads: Heads) -> np.ndarray:
    """(photos,) validation Recall@10 of each photo in [0, 1], mean of both directions."""
    embedded = data.embed(heads, data.validation)
    forward, backward = retrieval_ranks(embedded.image, embedded.text, embedded.photo)
    return photo_scores(forward, backward, embedded.photo, DECIDES)[BOTH]


def trial_scores(
    data: TrainingData, settings: HeadsSettings, seeds: tuple[int, ...], watch: Callable[[], None] = lambda: None
) -> np.ndarray:
    """(photos,) validation Recall@10 of the full data with these settings, mean over seeds; ``watch`` is called every epoch."""
    rows = torch.from_numpy(data.train).to(data.image.device)
    found = []
    for seed in seeds:
        heads = data.heads(seed, settings.dimensions)
        weights = np.ones(len(data.train), dtype=np.float32)
        train_heads(
            heads, data.image[rows], data.text[rows], data.photo[rows], weights, settings, seed, lambda epoch, loss: watch()
        )
        found.append(validation_scores(data, heads))
    return np.mean(found, axis=0)
