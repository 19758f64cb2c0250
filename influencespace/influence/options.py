"""Options of the influence scores."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.engines.options import EngineOptions
from influencespace.options import Options, option


@dataclass(frozen=True)
class ScoreOptions(EngineOptions):
    """How the influence of pairs on the targets is computed."""

    rank: int = option(32, "Directions of curvature that are kept; the rest is damped.", minimum=1, maximum=1024)
    damping: float = option(
        10.0, "Damping of the curvature in multiples of the ridge; more looks at agreement of gradients alone.",
        minimum=0.01, maximum=1e6,
    )
    estimand: str = option(
        "anchor", "What a pair's weight acts on: its own terms of the loss (anchor), or also its terms in the denominators "
        "of others (full).", choices=("anchor", "full"),
    )
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)


@dataclass(frozen=True)
class EffectOptions(Options):
    """How removal effects are predicted."""

    steps: int = option(
        2, "The most steps that follow the proxy to its optimum without a cluster; each costs a pass over the data a cluster.",
        minimum=1, maximum=20,
    )
    removal_dimensions: int = option(
        128, "Features are reduced to this many main directions where removals are predicted.", minimum=2, maximum=2048
    )
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)
