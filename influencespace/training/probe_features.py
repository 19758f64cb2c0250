"""Features of photos and captions that are in no split, by the encoder that made the features of the workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from filelock import FileLock

from influencespace.artifact import canonical
from influencespace.errors import FeaturesError
from influencespace.features.corruptions import corrupt
from influencespace.features.stage import IMPORTED
from influencespace.features.store import Rows, ahead, batches, open_photo
from influencespace.pairs.views import training_rows
from influencespace.progress import Progress, silent
from influencespace.proxy.preparation import Preparation
from influencespace.proxy.preparation import Rows as TrainingRows
from influencespace.training.data import WIDEST
from influencespace.training.probes import Photos
from influencespace.workspace import Workspace

if TYPE_CHECKING:
    from influencespace.features.encoder import Encoder

BATCH, WORKERS = 64, 4
# Changes with what the corruptions do, so that vectors of photos that were damaged otherwise are not taken for these.
CACHE = 1


class ProbeFeatures:
    """Embeds what :mod:`influencespace.training.probes` asks about, prepared as the features that models are trained on.

    Each set is embedded once, kept in the workspace's cache under the encoder's digest and that of what was embedded, and goes
    on where a kill has stopped it. The encoder is loaded when something is not there yet; photos as they are have their
    features already.

    Photos are held-out ones of the workspace.

    Parameters
    ----------
    workspace
        Whose features are continued.
    device
        Where the encoder runs.
    progress
        Told of what is embedded.
    """

    def __init__(self, workspace: Workspace, device: torch.device, progress: Progress = silent) -> None:
        self.workspace, self.device, self.progress = workspace, device, progress
        self.features = workspace.artifact("features")
        self.arrays = {side: self.features.array(side) for side in ("image", "text")}
        self._encoder: Encoder | None = None
        self._preparations: dict[str, Preparation] = {}

    @cached_property
    def _pairs(self) -> pd.DataFrame:
        return self.workspace.artifact("pairs").table("pairs")

    @cached_property
    def _known(self) -> pd.DataFrame:
        """The pairs of held-out photos, one a photo, by the path of their image."""
        table = self._pairs.assign(at=range(len(self._pairs)))
        table = table[table["split"] != "train"].dropna(subset="image_path")
        return table.set_axis(table["image_path"].map(Path)).loc[lambda known: ~known.index.duplicated()]

    @property
    def possible(self) -> bool:
        """Whether there is an encoder: imported features came from one that is not known."""
        return self.features.facts["encoder"] != IMPORTED

    def __call__(self, photos: Photos, captions: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(p, kx) and (m, ky) float32 on the device, prepared as the features that models are trained on are.

        Raises
        ------
        FeaturesError
            If the encoder cannot be had any more or is another one now, or a photo cannot be read.
        """
        return self._prepared("image", self._photos(photos)), self._prepared("text", self._captions(captions))

    def _photos(self, photos: Photos) -> np.ndarray:
        known = self._known.loc[photos.paths]
        if photos.corruption is None:
            return self.arrays["image"][known["at"].to_numpy()]

        def prepared(source: tuple[Path, int]) -> dict:
            return self._loaded().prepare(corrupt(open_photo(str(source[0]), source[1]), photos.corruption))

        def embed(start: int) -> Iterator[np.ndarray]:
            sources = list(zip(photos.paths, known["row"], strict=True))[start:]
            for batch in batches(ahead(prepared, sources, WORKERS, 2 * BATCH), BATCH):
                yield self._loaded().embed_photos(batch)

        return self._kept([CACHE, photos.corruption, *known["photo"]], len(known), embed, f"photos with {photos.corruption}")

    def _captions(self, captions: list[str]) -> np.ndarray:
        def embed(start: int) -> Iterator[np.ndarray]:
            for batch in batches(captions[start:], BATCH):
                yield self._loaded().embed_captions(batch)

        return self._kept(captions, len(captions), embed, "captions")

    def _kept(self, content: list, count: int, embed: Callable[[int], Iterator[np.ndarray]], what: str) -> np.ndarray:
        """(count, d) float16: those that are kept, and the rest as ``embed(start)`` gives them, batch after batch."""
        folder = self.workspace.private("probes") / self.features.record["content"]
        folder.mkdir(exist_ok=True)
        name = hashlib.sha256(canonical(content).encode()).hexdigest()[:32]
        with FileLock(folder / f"{name}.lock"):  # runs that train at the same time ask the same
            rows = Rows(folder / f"{name}.f16", self.arrays["text"].shape[1])
            if rows.done < count:
                self._loaded()
                for vectors in embed(rows.done):
                    rows.append(vectors)
                    self.progress(rows.done, count, f"embedding {what} on {self.device.type}")
            return np.array(rows.read())

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            # transformers takes seconds to import, which is needed only where something is not kept yet.
            from influencespace.features.encoder import load_encoder

            name = self.features.facts["encoder"]
            encoder = load_encoder(name, self.device)
            if encoder.digest != self.features.record["content"]:
                raise FeaturesError(f"The encoder {name} is not the one any more that made the features; run embed again.")
            self._encoder = encoder
        return self._encoder

    def _prepared(self, side: str, vectors: np.ndarray) -> torch.Tensor:
        if self.features.facts["aligned"]:
            vectors = torch.from_numpy(np.asarray(vectors, dtype=np.float32))
            return torch.nn.functional.normalize(vectors, dim=1).to(self.device)
        if side not in self._preparations:
            self._preparations[side] = Preparation.fit(TrainingRows(self.arrays[side], training_rows(self._pairs)), WIDEST, 0)
        return self._preparations[side].apply(vectors).to(self.device)
