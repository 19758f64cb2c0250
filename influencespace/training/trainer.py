"""What is trained, behind one interface; and one arm trained and judged by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.pairs.views import HeldOut
from influencespace.progress import Progress, silent
from influencespace.training.data import DECIDES, TrainingData
from influencespace.training.dynamic import TOGETHER, Judge, Recuration
from influencespace.training.heads import HeadsTrainer
from influencespace.training.loop import Settings, Task, fit, memory_explained
from influencespace.training.options import UNTRAINED, TrainOptions
from influencespace.training.probe_features import ProbeFeatures
from influencespace.training.probes import Photos
from influencespace.training.runs import ArmRun, Judged
from influencespace.workspace import Workspace


class Trainer(Protocol):
    """Makes models, and asks trained ones.

    Attributes
    ----------
    name
        As in :data:`influencespace.training.options.TRAINERS`.
    data
        The training pairs and the held-out photos.
    device
        Where it trains.
    starts
        Whether a model that was not trained yet says something: it is the encoder as it came.
    origin
        What its models start from, in words.
    """

    name: str
    data: TrainingData
    device: torch.device
    starts: bool
    origin: str

    def grid(self) -> list[Settings]:
        """The settings that are tried on the full data, from the least training to the most; of one there is no choice."""

    def task(self, settings: Settings, seed: int) -> Task:
        """A model that is not trained yet."""

    def judge(self, task: Task, split: HeldOut) -> Judged:
        """What a trained model says of a held-out split."""

    def probe(self, task: Task, photos: Photos, captions: list[str], photo: np.ndarray) -> Judged | None:
        """What a trained model says of photos and captions that are in no split; None where it cannot see or read them.

        ``photo`` is (m,) int, the photo of each caption; -1 for one that belongs to none of them.
        """


def make(workspace: Workspace, data: TrainingData, options: TrainOptions, progress: Progress = silent) -> Trainer:
    """The trainer that the options ask for; ``progress`` is told of what it embeds on the way.

    Raises
    ------
    TrainingError
        If the workspace has not what it needs.
    """
    if options.trainer == "clip":
        from influencespace.training.clip import ClipTrainer  # brings along what heads can do without

        return ClipTrainer.load(workspace, data, options, progress)
    if options.trainer in TOGETHER:
        from influencespace.training.cross import CrossTrainer

        return CrossTrainer.load(workspace, data, options, progress)
    features = ProbeFeatures(workspace, data.image.device, progress)
    return HeadsTrainer(data, options.joint_dimensions is not None, features if features.possible else None)


@memory_explained()
def train_arm(
    trainer: Trainer, arm: str, weights: np.ndarray, settings: Settings, seed: int, scoring: float, *, budget: str = "epochs",
    weighting: str = "loss", watch: Callable[[dict[str, Any]], None] = lambda step: None, checkpoint: Path | None = None,
    recurate: Callable[[Judge], Recuration] | None = None, ask: Callable[[Task], dict[str, Judged]] = lambda task: {},
) -> ArmRun:
    """Train one arm with one seed on (n_train,) weights, and judge both held-out splits.

    Parameters
    ----------
    scoring
        What finding the weights took, in seconds.
    budget
        ``epochs``: those of the settings. ``steps``: as many optimizer steps as these epochs are for all pairs.
    weighting, watch, checkpoint
        As for :func:`influencespace.training.loop.fit`.
    recurate
        Makes what curates anew during the training, from what asks the model as it is then; its time counts as scoring.
    ask
        Puts further questions to the trained model (:meth:`influencespace.training.probes.Probes.ask`).
    """
    task = trainer.task(settings, seed)
    again = recurate(partial(trainer.judge, task)) if recurate is not None else None
    fitted = fit(
        task, weights, settings, seed, device=trainer.device, steps=settings.steps(len(weights)) if budget == "steps" else None,
        weighting=weighting, watch=watch, checkpoint=checkpoint, reweigh=again or (lambda epoch: None),
    )
    scoring += again.seconds if again is not None else 0.0
    judged = (trainer.judge(task, split) for split in (trainer.data.test, trainer.data.validation))
    return ArmRun(
        arm, seed, weights, *judged, fitted.seconds, scoring, fitted.curve, fitted.joules, fitted.steps, ask(task)
    )


@memory_explained()
def untouched(
    trainer: Trainer, settings: Settings, seed: int, ask: Callable[[Task], dict[str, Judged]] = lambda task: {}
) -> ArmRun:
    """The arm that trains nothing: the encoder as it came; ``ask`` as for :func:`train_arm`."""
    task, data = trainer.task(settings, seed), trainer.data
    judged = (trainer.judge(task, split) for split in (data.test, data.validation))
    return ArmRun(UNTRAINED, seed, np.zeros(len(data.train), dtype=np.float32), *judged, None, 0.0, probes=ask(task))


@memory_explained()
def trial_scores(
    trainer: Trainer, settings: Settings, seeds: tuple[int, ...], watch: Callable[[], None] = lambda: None,
    checkpoint: Callable[[int], Path | None] = lambda seed: None,
) -> np.ndarray:
    """(photos,) validation Recall@10 in [0, 1] of the full data with these settings, mean over seeds; watched every epoch.

    ``checkpoint`` names the one of each seed.
    """
    weights, found = np.ones(len(trainer.data.train), dtype=np.float32), []
    for seed in seeds:
        task = trainer.task(settings, seed)
        fit(
            task, weights, settings, seed, device=trainer.device, watch=lambda step: watch(), checkpoint=checkpoint(seed)
        )
        judged = trainer.judge(task, trainer.data.validation)
        found.append(photo_scores(*judged.ranks(), judged.photo, DECIDES)[BOTH])
    return np.mean(found, axis=0)
