"""What every trainer trains and is evaluated on: prepared features, the training pairs, and the held-out photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from influencespace.pairs.views import HeldOut
from influencespace.proxy.preparation import Preparation, Rows

# Validation Recall@10 chooses settings and stops early.
DECIDES = 10
WIDEST = 4096


@dataclass(frozen=True)
class TrainingData:
    """All that models are trained and evaluated on.

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

    def cosine(self) -> np.ndarray | None:
        """(n_train,) the encoder's own cosine of the training pairs, or None where it means nothing."""
        if not self.aligned:
            return None
        rows = torch.from_numpy(self.train).to(self.image.device)
        return (self.image[rows] * self.text[rows]).sum(1).cpu().numpy()
