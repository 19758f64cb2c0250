"""Options of training and comparing the arms."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.options import Options, option

ARMS = ("influence", "random", "clip-score", "agreement", "full", "start")

# These compare image and text features as the encoder gave them, which says something only where they are aligned.
NEED_ALIGNED = ("clip-score", "start")
# This one trains nothing, so that no seed matters to it.
UNTRAINED = "start"


@dataclass(frozen=True)
class TrainOptions(Options):
    """Which arms are trained, how often, and where."""

    arms: tuple[str, ...] = option(ARMS, "The arms to train; those that cannot be are left out with a word why.", choices=ARMS)
    seeds: int = option(5, "Repeats; a seed redraws the folds, the random subset and the training.", minimum=1, maximum=50)
    seed: int = option(0, "The first seed.", minimum=0)
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)

    def runs(self, arms: list[str]) -> list[tuple[str, int]]:
        """The runs of these arms as (arm, seed), in the order in which they are done."""
        seeds = range(self.seed, self.seed + self.seeds)
        return [(arm, seed) for seed in seeds for arm in arms if arm != UNTRAINED or seed == self.seed]


def possible(arms: tuple[str, ...], aligned: bool) -> list[str]:
    """Those of the arms, each once, that features allow which are or are not aligned."""
    return [arm for arm in dict.fromkeys(arms) if aligned or arm not in NEED_ALIGNED]
