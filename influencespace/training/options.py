"""Options of training and comparing the arms."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.options import Options, option

ARMS = ("influence", "random", "clip-score", "agreement", "full", "start")


@dataclass(frozen=True)
class TrainOptions(Options):
    """Which arms are trained, how often, and where."""

    arms: tuple[str, ...] = option(ARMS, "The arms to train; those that cannot be are left out with a word why.", choices=ARMS)
    seeds: int = option(5, "Repeats; a seed redraws the folds, the random subset and the training.", minimum=1, maximum=50)
    seed: int = option(0, "The first seed.", minimum=0)
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)
