"""What a trained model is asked beyond the held-out splits: damaged photos and captions, neutral phrases, and classes.

A question is photos and captions that are in no split as they are asked. Whether a model can be asked depends on its trainer:
one that trains on frozen features needs the encoder that made them (:mod:`influencespace.training.probe_features`), and where
that is not at hand what would have been measured is named with the reason why not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from influencespace.errors import FeaturesError, TrainingError
from influencespace.features.corruptions import CORRUPTIONS, mistype
from influencespace.metrics.ranking import NEUTRAL_QUERIES
from influencespace.metrics.zeroshot import UNLABELLED, prompts
from influencespace.pairs.candidates import UNKNOWN
from influencespace.pairs.views import HeldOut, heldout
from influencespace.training.options import TrainOptions
from influencespace.training.runs import Judged
from influencespace.workspace import Workspace

if TYPE_CHECKING:
    from influencespace.training.loop import Task
    from influencespace.training.trainer import Trainer

PHRASES, TYPOS = "phrases", "typos"
# What is measured from questions, by the name that results give it.
NEUTRAL, ZERO_SHOT, ROBUSTNESS = "neutral", "zero_shot", "robustness"
NO_ENCODER = "the features were imported, so there is no encoder to look at photos or read phrases with"


@dataclass(frozen=True)
class Photos:
    """Photos as they are, or each with one of :data:`~influencespace.features.corruptions.CORRUPTIONS`."""

    paths: list[Path]
    corruption: str | None = None


@dataclass(frozen=True)
class Question:
    """Photos and captions to judge; ``photo`` is (m,) int, the photo of each caption, -1 for one that belongs to none."""

    photos: Photos
    captions: list[str]
    photo: np.ndarray


@dataclass(frozen=True)
class Phrases:
    """The captions of the question :data:`PHRASES`: first neutral queries, then one prompt a class.

    Attributes
    ----------
    queries
        Neutral queries; empty where no groups are compared.
    classes
        The classes, sorted; empty where no labels were named.
    labels
        (p,) of str, the class of each test photo; ``""`` for a photo without one.
    """

    queries: list[str]
    classes: list[str]
    labels: np.ndarray

    @property
    def captions(self) -> list[str]:
        """What is asked."""
        return [*self.queries, *prompts(self.classes)]

    @property
    def codes(self) -> np.ndarray:
        """(p,) int, the position of each test photo's class; -1 for a photo without one."""
        return pd.Index(self.classes).get_indexer(self.labels)


@dataclass
class Probes:
    """The questions of one training, and why some of what they would measure cannot be.

    Attributes
    ----------
    questions
        By name: :data:`PHRASES`, :data:`TYPOS`, and the corruptions.
    phrases
        What :data:`PHRASES` is made of.
    unmeasured
        :data:`NEUTRAL`, :data:`ZERO_SHOT` or :data:`ROBUSTNESS` -> why it is not measured.
    """

    questions: dict[str, Question]
    phrases: Phrases
    unmeasured: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, workspace: Workspace, test: HeldOut, options: TrainOptions) -> Probes:
        """What these options ask of the test photos.

        Raises
        ------
        TrainingError
            If there is no such column of labels, or it names fewer than two classes.
        """
        source = workspace.artifact("pairs")
        table = source.table("pairs")
        compared = any(len(values) > 1 for values in source.facts["groups"].values())
        labels, classes = _labels(table, test, options.labels)
        phrases = Phrases(list(NEUTRAL_QUERIES) if compared else [], classes, labels)
        unmeasured = {}
        if not compared:
            unmeasured[NEUTRAL] = "no group attribute with two groups or more was declared"
        if options.labels is None:
            unmeasured[ZERO_SHOT] = "no column of labels was named (--labels)"
        if not options.robustness:
            unmeasured[ROBUSTNESS] = "it was not asked for (--robustness)"
        paths, captions = table["image_path"].to_numpy()[test.image_rows], table["caption"].to_numpy()[test.rows].tolist()
        questions = {}
        if not all(isinstance(path, str) for path in paths):
            return cls({}, phrases, _all_for(unmeasured, "the pairs came without their photos"))
        paths = [Path(path) for path in paths]
        if phrases.captions:
            questions[PHRASES] = Question(Photos(paths), phrases.captions, np.full(len(phrases.captions), -1))
        if options.robustness:
            questions |= {name: Question(Photos(paths, name), captions, test.photo) for name in CORRUPTIONS}
            questions[TYPOS] = Question(Photos(paths), [mistype(caption) for caption in captions], test.photo)
        return cls(questions, phrases, unmeasured)

    def ask(self, trainer: Trainer, task: Task) -> dict[str, Judged]:
        """What a trained model answers, by question; empty, and a word why from then on, where its trainer cannot ask it."""
        answers = {}
        for name, question in self.questions.items():
            try:
                judged = trainer.probe(task, question.photos, question.captions, question.photo)
                why = NO_ENCODER if trainer.name == "heads" else f"the trainer {trainer.name} judges the held-out pairs alone"
            except FeaturesError as error:
                judged, why = None, str(error)
            if judged is None:
                self.questions.clear()
                _all_for(self.unmeasured, why)
                return {}
            answers[name] = judged
        return answers


def _labels(table: pd.DataFrame, test: HeldOut, column: str | None) -> tuple[np.ndarray, list[str]]:
    """(p,) of str, the label of each test photo, and the labels of all held-out photos."""
    if column is None:
        return np.full(test.photos, UNLABELLED, dtype=object), []
    if column not in table.columns or not column.startswith(("meta.", "group.")):
        named = [name for name in table.columns if name.startswith(("meta.", "group."))]
        raise TrainingError(f"--labels {column}: there is no such column of the pairs. There are: {', '.join(named) or 'none'}.")
    labels = table[column].astype("string").fillna(UNLABELLED).replace(UNKNOWN, UNLABELLED).to_numpy(dtype=object)
    rows = np.concatenate([heldout(table, split).image_rows for split in ("validation", "test")])
    classes = sorted(set(labels[rows]) - {UNLABELLED})
    if len(classes) < 2:
        raise TrainingError(f"--labels {column}: held-out photos have {len(classes)} class; it takes two to tell apart.")
    return labels[test.image_rows], classes


def _all_for(unmeasured: dict[str, str], why: str) -> dict[str, str]:
    """The same reason for all that has none yet."""
    for name in (NEUTRAL, ZERO_SHOT, ROBUSTNESS):
        unmeasured.setdefault(name, why)
    return unmeasured
