"""The ``clip`` trainer: a dual encoder of transformers fine-tuned on photos and captions, whole or through LoRA.

The loss is the weighted contrastive one of :mod:`influencespace.proxy.objective`, as for the heads; SigLIP is fine-tuned with
it too. A batch passes a tower in parts. Of a batch of several, what the gradient needs of a part is computed again when its
turn comes (gradient checkpointing; Chen et al. 2016): every pair has the whole batch for negatives, as in Gao et al. 2021, and
memory holds one part. It works for any tower, convolutional ones included, which transformers' own checkpointing leaves out.
"""

from __future__ import annotations

import copy
import hashlib
import math
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import normalize
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from influencespace.errors import TrainingError
from influencespace.features.corruptions import corrupt
from influencespace.features.device import reading
from influencespace.features.encoder import CPU_PHOTOS, Encoder, load_encoder
from influencespace.features.stage import IMPORTED
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.pairs.views import HeldOut
from influencespace.progress import Progress, silent
from influencespace.proxy.objective import softmaxes
from influencespace.training.data import DECIDES, TrainingData
from influencespace.training.loop import Settings, half
from influencespace.training.lora import add_adapters, attention_layers
from influencespace.training.options import TrainOptions
from influencespace.training.photos import PooledPhotos, PreparedPhotos, table_photos
from influencespace.training.probes import Photos
from influencespace.training.runs import Embedded
from influencespace.workspace import Workspace

# One setting each, as a trial costs what an arm costs: the learning rate at which Goyal et al. 2023 fine-tune CLIP whole, with
# its own loss; learning rate and batch with which Zanella & Ben Ayed 2024 train adapters, which start from nothing.
SETTINGS = {
    "none": Settings(learning_rate=1e-5, epochs=5, batch_size=128),
    "lora": Settings(learning_rate=2e-4, epochs=5, batch_size=32),
}
# Photos or captions that pass a tower together where it runs on no CPU.
PART = 64
# CLIP's own bound, which keeps training stable (Radford et al. 2021).
LARGEST_SCALE = 100
# Held-out photos or captions that are embedded together.
TOGETHER = 256

# What a tower makes of a part of a batch: its tensors in, (b, d) out.
Features = Callable[[dict[str, torch.Tensor]], torch.Tensor]


class ClipTrainer:
    """Fine-tunes one encoder on the pairs of one table (:class:`~influencespace.training.trainer.Trainer`).

    Parameters
    ----------
    encoder
        What is trained, on the CPU; it stays as it is, every training gets a copy.
    data
        The training pairs and the held-out photos, on the device where it is trained.
    table
        All pairs.
    adapter
        ``none`` trains all weights, ``lora`` adapters and projections (:mod:`influencespace.training.lora`).
    folder
        Where prepared photos are kept. It must belong to just this table and this encoder.

    Raises
    ------
    TrainingError
        If a photo cannot be read.
    """

    name = "clip"
    starts = True

    def __init__(
        self, encoder: Encoder, data: TrainingData, table: pd.DataFrame, adapter: str, folder: Path, progress: Progress = silent
    ) -> None:
        self.encoder, self.data, self.adapter, self.device = encoder, data, adapter, data.photo.device
        self.origin = encoder.name
        self.captions = table["caption"].to_numpy(dtype=object)
        # A tower in which nothing is trained sees the same in a photo every time.
        frozen = adapter == "lora" and not attention_layers(encoder.model.vision_model)
        self._tower = copy.deepcopy(encoder.model.vision_model).to(self.device) if frozen else None
        self._prepared, self.photo_of = table_photos(table, encoder)
        self._photo_at = dict(zip(map(_path, table["image_path"]), self.photo_of, strict=True))
        self.photos = self._seen(self._prepared)
        self.photos.keep(folder / f"{'pooled' if frozen else 'prepared'}.f16", progress)

    @classmethod
    def load(
        cls, workspace: Workspace, data: TrainingData, options: TrainOptions, progress: Progress = silent
    ) -> ClipTrainer:
        """The trainer of a workspace; it trains the encoder that ``options.model`` names, or else that of the features.

        Raises
        ------
        FeaturesError
            If the encoder cannot be had.
        TrainingError
            If the features were imported and no encoder is named, or if a photo cannot be read.
        """
        pairs, name = workspace.artifact("pairs"), options.model or workspace.artifact("features").facts["encoder"]
        if name == IMPORTED:
            raise TrainingError(
                "The features of these pairs were imported, so there is no encoder to fine-tune. Name one with --model DIR, or "
                "train heads on the features (--trainer heads)."
            )
        progress(0, 1, f"loading {name}")
        encoder = load_encoder(name, torch.device("cpu"))
        key = hashlib.sha256(f"{pairs.digest} {encoder.digest}".encode()).hexdigest()[:32]
        folder = workspace.private("photos") / key
        for other in folder.parent.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        return cls(encoder, data, pairs.table("pairs"), options.adapter, folder, progress)

    def grid(self) -> list[Settings]:
        """The one setting of the adapter."""
        return [SETTINGS[self.adapter]]

    def task(self, settings: Settings, seed: int) -> ClipTask:
        """The encoder as it came, ready to be trained; the seed draws the adapters' first matrices."""
        model = copy.deepcopy(self.encoder.model)
        if self.adapter == "lora":
            add_adapters(model, seed)
        return ClipTask(self, model.to(self.device, memory_format=torch.channels_last), settings)

    def judge(self, task: ClipTask, split: HeldOut) -> Embedded:
        """A held-out split in the space of the trained model."""
        return task.embed(self.photos, self.photo_of[split.image_rows], self.captions[split.rows], split.photo)

    def probe(self, task: ClipTask, photos: Photos, captions: list[str], photo: np.ndarray) -> Embedded:
        """Photos of the table, damaged or not, and any captions, in the space of the trained model."""
        at = np.array([self._photo_at[_path(path)] for path in photos.paths])
        if photos.corruption is None:
            return task.embed(self.photos, at, captions, photo)
        damaged = PreparedPhotos(self.encoder, len(at), lambda i: corrupt(self._prepared.photo(at[i]), photos.corruption))
        return task.embed(self._seen(damaged), np.arange(len(at)), captions, photo)

    def tokens(self, captions: Sequence[str]) -> dict[str, torch.Tensor]:
        """Captions as the text tower takes them, on the CPU."""
        encoder = self.encoder
        return dict(encoder.tokenizer(list(captions), truncation=True, return_tensors="pt", **encoder.token_options))

    def _seen(self, prepared: PreparedPhotos) -> PreparedPhotos | PooledPhotos:
        return prepared if self._tower is None else PooledPhotos(prepared, self._pool)

    @torch.no_grad()
    def _pool(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return _in_parts(lambda part: self._tower(**part).pooler_output, inputs, self.device, _together(self.device))


class ClipTask:
    """One fine-tuning of the encoder of a trainer (:class:`~influencespace.training.loop.Task`)."""

    def __init__(self, trainer: ClipTrainer, model: PreTrainedModel, settings: Settings) -> None:
        self.trainer, self.module, self.settings = trainer, model.eval(), settings
        self._halved = 0

    def parameters(self) -> list[dict[str, Any]]:
        """Matrices decay; biases, norms and the logit scale do not."""
        trained = [p for p in self.module.parameters() if p.requires_grad]
        return [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.settings.weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ]

    def loss(self, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        """The weighted contrastive loss of a batch; pairs of one photo are no negatives of each other."""
        trainer, scale = self.trainer, self.module.logit_scale
        _train(self.module)
        with torch.no_grad():
            scale.clamp_(max=math.log(LARGEST_SCALE))
        pairs = trainer.data.train[rows]
        image = self.see(trainer.photos.batch(trainer.photo_of[pairs]))
        text = self.read(trainer.captions[pairs])
        twins = trainer.data.photo[torch.from_numpy(pairs).to(trainer.device)]
        return (weights * softmaxes(scale.exp() * image @ text.T, weights, twins).loss).mean()

    def recall(self) -> float:
        """Validation Recall@10 in percent, mean of both directions."""
        judged = self.trainer.judge(self, self.trainer.data.validation)
        return 100 * float(photo_scores(*judged.ranks(), judged.photo, DECIDES)[BOTH].mean())

    def lighten(self) -> bool:
        """Half as much of a batch passes a tower at once; its loss stays that of the whole batch."""
        if _together(self.trainer.device) >> self._halved == 1:
            return False
        self._halved += 1
        return True

    @torch.no_grad()
    def embed(
        self, photos: PreparedPhotos | PooledPhotos, which: np.ndarray, captions: Sequence[str], photo: np.ndarray
    ) -> Embedded:
        """The photos of these (p,) numbers and (m,) captions, by the model as it is."""
        self.module.eval()
        image = [self.see(photos.batch(which[start : start + TOGETHER])) for start in range(0, len(which), TOGETHER)]
        text = [self.read(captions[start : start + TOGETHER]) for start in range(0, len(captions), TOGETHER)]
        return Embedded(torch.cat(image).cpu().numpy(), torch.cat(text).cpu().numpy(), photo)

    def see(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """(b, d) unit vectors of photos, prepared or pooled."""
        if "pooled" in inputs:
            return self._unit(lambda part: self.module.visual_projection(part["pooled"]), inputs)
        return self._unit(lambda part: self.module.get_image_features(**part).pooler_output, inputs)

    def read(self, captions: Sequence[str]) -> torch.Tensor:
        """(b, d) unit vectors of captions."""
        return self._unit(lambda part: self.module.get_text_features(**part).pooler_output, self.trainer.tokens(captions))

    def _unit(self, features: Features, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return normalize(_in_parts(features, inputs, self.trainer.device, _together(self.trainer.device) >> self._halved), dim=1)


def _together(device: torch.device) -> int:
    """How many photos or captions pass a tower at once, as long as there is memory."""
    return CPU_PHOTOS if device.type == "cpu" else PART


def _in_parts(features: Features, inputs: dict[str, torch.Tensor], device: torch.device, size: int) -> torch.Tensor:
    """(b, d) float32 ``features(inputs)`` on the device, ``size`` at a time; see the module's text for what is kept."""
    count = len(next(iter(inputs.values())))
    if count > size and torch.is_grad_enabled():
        # The tensors must be no keyword arguments: from the others alone torch knows on which device to repeat a dropout.
        features = partial(checkpoint, features, use_reentrant=False)
    # What is judged is read as the features were.
    with half(device) if torch.is_grad_enabled() else reading(device):
        parts = [
            features({name: value[start : start + size].to(device) for name, value in inputs.items()})
            for start in range(0, count, size)
        ]
    return torch.cat(parts).float()


def _train(model: torch.nn.Module) -> None:
    """Training mode, but for batch norms, whose statistics are of far more photos than a fine-tuning sees."""
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def _path(path: str | Path | None) -> str | None:
    return str(Path(path)) if isinstance(path, str | Path) else None
