"""The trainers ``visualbert`` and ``lxmert``: models that read photo and caption together, and re-rank what the encoder finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from influencespace.errors import FeaturesError, TrainingError
from influencespace.features.encoder import Encoder, load_encoder
from influencespace.features.grid import Grid, grid_features
from influencespace.features.stage import IMPORTED
from influencespace.pairs.views import HeldOut
from influencespace.progress import Progress, silent
from influencespace.training.captions import Captions
from influencespace.training.cross_task import CrossTask
from influencespace.training.data import TrainingData
from influencespace.training.loop import Settings
from influencespace.training.lxmert import Lxmert
from influencespace.training.matcher import Matcher, Start, start
from influencespace.training.options import TrainOptions
from influencespace.training.probe_features import ProbeFeatures
from influencespace.training.probes import Photos
from influencespace.training.runs import Embedded, Judged
from influencespace.training.visualbert import VisualBert
from influencespace.workspace import Workspace

KINDS: dict[str, type[Matcher]] = {kind.name: kind for kind in (VisualBert, Lxmert)}
SETTINGS = Settings(1e-3, 4, 16)
# A caption of a photo has some fifteen words.
LONGEST = 48
# From so many photos follow mean and deviation of the cells, and where they start among the words.
SAMPLE = 1500


@dataclass(frozen=True)
class Questions:
    """What looks at photos and captions that are in no split: the dual encoder's vectors, and its cells."""

    features: ProbeFeatures
    cells: Callable[[Photos], Grid]


class CrossTrainer:
    """Trains models that read photo and caption together (:class:`~influencespace.training.trainer.Trainer`).

    Parameters
    ----------
    kind
        Which model.
    data
        The training pairs and the held-out photos.
    encoder
        The dual encoder that made the features.
    cells
        What it sees in the cells of the photos of all pairs.
    texts
        (n,) captions of all pairs.
    model
        A directory or a name on the hub to start from; None for a small model.
    questions
        Looks at photos and captions of no split; None where it is not asked about any.
    """

    # Untrained, it is the dual encoder alone.
    starts = True

    def __init__(
        self, kind: type[Matcher], data: TrainingData, encoder: Encoder, cells: Grid, texts: Sequence[str],
        model: str | None = None, questions: Questions | None = None,
    ) -> None:
        self.kind, self.name, self.data, self.device = kind, kind.name, data, data.image.device
        self.encoder, self.cells, self.texts, self.model, self.questions = encoder, cells, texts, model, questions
        self.scale = encoder.logit_scale
        begun = self._begun(0)
        self.origin, self.tokenizer = begun.taken, begun.tokenizer
        self.longest = min(LONGEST, self.tokenizer.model_max_length, begun.matcher.model.config.max_position_embeddings)
        self.captions = Captions(self.tokenizer, texts, self.longest)

    @classmethod
    def load(
        cls, workspace: Workspace, data: TrainingData, options: TrainOptions, progress: Progress = silent
    ) -> CrossTrainer:
        """What the options ask for, from a workspace; looks at all photos once.

        Raises
        ------
        TrainingError
            If the features are imported or not aligned: then nothing sees the photos, or there are no candidates to re-rank.
        FeaturesError
            If the encoder or a photo cannot be had any more.
        """
        kind = KINDS[options.trainer]
        features = workspace.artifact("features")
        if features.facts["encoder"] == IMPORTED or not data.aligned:
            why = "were imported" if features.facts["encoder"] == IMPORTED else "are not aligned"
            raise TrainingError(
                f"The trainer {kind.name} re-ranks what a dual encoder finds, but the features {why}. Embed the pairs with a "
                "trained dual encoder (python -m influencespace embed --encoder DIR), or train with --trainer heads."
            )
        encoder = load_encoder(features.facts["encoder"], data.image.device)
        if encoder.digest != features.record["content"]:
            raise FeaturesError(f"The encoder {encoder.name} is not the one any more that made the features; run embed again.")
        table = workspace.artifact("pairs").table("pairs")
        folder = workspace.private("grid")
        paths = table.drop_duplicates("image_path").set_index("image_path", drop=False)

        def look(photos: Photos) -> Grid:
            return grid_features(encoder, paths.loc[list(map(str, photos.paths))], folder, photos.corruption, progress=progress)

        questions = Questions(ProbeFeatures(workspace, data.image.device, progress), look)
        cells = grid_features(encoder, table, folder, progress=progress)
        return cls(kind, data, encoder, cells, table["caption"].tolist(), options.model, questions)

    def grid(self) -> list[Settings]:
        """One setting: a search over models of this size costs more than it could say."""
        return [SETTINGS]

    def task(self, settings: Settings, seed: int) -> CrossTask:
        """A model that is not trained yet; the seed draws what it has from nowhere."""
        return CrossTask(self, self._begun(seed), settings)

    def judge(self, task: CrossTask, split: HeldOut) -> Judged:
        """A held-out split as a trained model ranks and matches it; by the dual encoder alone if it was not trained."""
        if not task.module.trained:
            return self.dual(split)
        return task.validation() if split is self.data.validation else task.reranked(split, task.validation().mix)

    def dual(self, split: HeldOut) -> Embedded:
        """A held-out split by the dual encoder."""
        sides = ((self.data.image, split.image_rows), (self.data.text, split.rows))
        return Embedded(*(side[torch.from_numpy(rows).to(self.device)].cpu().numpy() for side, rows in sides), split.photo)

    def probe(self, task: CrossTask, photos: Photos, captions: list[str], photo: np.ndarray) -> Judged | None:
        """Other photos and captions as a trained model ranks and matches them."""
        if self.questions is None:
            return None
        found = Embedded(*(side.cpu().numpy() for side in self.questions.features(photos, captions)), photo)
        if not task.module.trained:
            return found
        coded = Captions(self.tokenizer, captions, self.longest)
        photo_rows, caption_rows = np.arange(len(found.image)), np.arange(len(captions))
        return task.beside(found, self.questions.cells(photos), photo_rows, coded, caption_rows, task.validation().mix)

    def _begun(self, seed: int) -> Start:
        begun = start(self.kind, self.model, self.encoder, self.cells.cells.shape[2], seed)
        rows = np.sort(np.random.default_rng(0).permutation(self.data.train)[:SAMPLE])
        cells = self.cells.of(rows)
        begun.matcher.standardise(cells)
        if begun.strange:
            index = torch.from_numpy(rows).to(self.device)
            image, text = (side[index].double().cpu().numpy() for side in (self.data.image, self.data.text))
            words = begun.tokenizer([self.texts[row] for row in rows], truncation=True, max_length=LONGEST)["input_ids"]
            begun.matcher.acquaint(cells, image, words, text)
        return begun
