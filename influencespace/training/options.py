"""Options of training and comparing the arms."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.engines.options import EngineOptions
from influencespace.options import option

# What every arm is, for whoever meets its name for the first time.
MEANING = {
    "influence": "the curated pairs, weighted as planned",
    "random": "as many pairs, drawn at random",
    "clip-score": "as many pairs, those whose caption fits best by the encoder itself",
    "agreement": "as many pairs, those whose caption fits best by a comparison that has not seen them",
    "full": "all pairs, nothing removed",
    "start": "the encoder as it came, nothing trained",
    "near-duplicates": "as many pairs, without those that most repeat another of their topic",
    "semantic": "as many pairs, without the topics of least influence, weighted as planned, with no look at how captions fit",
    "dynamic": "as many pairs, curated anew while it trains",
}
ARMS = tuple(MEANING)
# This one asks for a schedule.
DYNAMIC = "dynamic"

# These compare image and text features as the encoder gave them, which says something only where they are aligned.
NEED_ALIGNED = ("clip-score", "start")
# This one trains nothing, so that no seed matters to it.
UNTRAINED = "start"

# What each trainer trains, for whoever meets its name for the first time.
TRAINS = {
    "heads": "two linear heads on the encoder's features, which stay as they are",
    "clip": "the dual encoder itself, from photos and captions",
    "visualbert": "a transformer that reads caption and photo together, and re-ranks what the encoder finds first",
    "lxmert": "two transformers that read caption and photo and attend to each other, and re-rank what the encoder finds first",
}
TRAINERS = tuple(TRAINS)
HEADS = "heads"


@dataclass(frozen=True)
class TrainOptions(EngineOptions):
    """Which arms are trained, with what, how often, and where. What is None is the trainer's own choice."""

    arms: tuple[str, ...] = option(
        tuple(arm for arm in ARMS if arm != DYNAMIC),
        "The arms to train; those that cannot be are left out with a word why.", choices=ARMS,
    )
    seeds: int = option(5, "Repeats; a seed redraws the folds, the random subset and the training.", minimum=1, maximum=50)
    seed: int = option(0, "The first seed.", minimum=0)
    trainer: str = option(
        "heads", "What is trained: heads on frozen features (seconds), the whole dual encoder (clip), or a model that reads "
        "photo and caption together and re-ranks (visualbert, lxmert).", choices=TRAINERS,
    )
    model: str | None = option(
        None, "What clip, visualbert and lxmert start from: a directory or a name on the hub; by default clip takes the encoder "
        "of the features, the others a small model with the encoder's text layers where their shapes allow it.",
    )
    adapter: str = option(
        "none", "How clip is fine-tuned: all of its weights (none), or low-rank adapters (lora) beside weights that stay.",
        choices=("none", "lora"),
    )
    budget: str = option(
        "epochs", "What arms have in common: as many epochs, or as many optimizer steps as the arm full takes.",
        choices=("epochs", "steps"),
    )
    weighting: str = option(
        "loss", "How weights act: as factors in the loss, or as how often a pair is drawn.", choices=("loss", "sampling")
    )
    learning_rate: float | None = option(
        None, "Learning rate; by default chosen once on the validation recall of the full data.", minimum=0.0, maximum=1.0
    )
    epochs: int | None = option(
        None, "Epochs; by default chosen once on the validation recall of the full data.", minimum=1, maximum=1000
    )
    batch: int | None = option(None, "Pairs in a batch; by default the trainer's own.", minimum=2)
    joint_dimensions: int | None = option(
        None, "Dimensions of the joint space of the heads; given, heads start at random on aligned features too.", minimum=2
    )
    patience: int = option(
        0, "Stop after so many epochs without a better validation recall and keep the best; 0 trains all epochs.", minimum=0
    )
    schedule: tuple[int, ...] = option((), "Epochs after which the arm dynamic curates anew.", minimum=1)
    robustness: bool = option(False, "Measure recall on damaged photos and on captions with typing errors too.")
    labels: str | None = option(
        None, "A column of the pairs that names classes, such as meta.label or group.age: measures zero-shot classification."
    )
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)

    def runs(self, arms: list[str]) -> list[tuple[str, int]]:
        """The runs of these arms as (arm, seed), in the order in which they are done."""
        seeds = range(self.seed, self.seed + self.seeds)
        return [(arm, seed) for seed in seeds for arm in arms if arm != UNTRAINED or seed == self.seed]


def possible(arms: tuple[str, ...], aligned: bool) -> list[str]:
    """Those of the arms, each once, that features allow which are or are not aligned."""
    return [arm for arm in dict.fromkeys(arms) if aligned or arm not in NEED_ALIGNED]
