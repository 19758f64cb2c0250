"""Options of the plan."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.options import Options, option


@dataclass(frozen=True)
class PlanOptions(Options):
    """What the curator asks of a plan."""

    reduction: float = option(0.2, "Share of the training pairs to remove, met to the pair.", minimum=0.0, maximum=0.95)
    cap: float = option(4.0, "The largest weight of a pair; what is kept is weighted from 1 to this.", minimum=1.0, maximum=20.0)
    fairness: float = option(
        0.5, "How much the groups that the data serves worst count beside the overall target.", minimum=0.0, maximum=5.0
    )
    agreement: float = option(
        1.0, "How much agreement (how well the caption fits) counts beside influence in the order of pruning.",
        minimum=0.0, maximum=10.0,
    )
    floor: float = option(
        0.0, "Coverage floor: the least share of every topic that stays, its best pairs, whatever the reduction.",
        minimum=0.0, maximum=1.0,
    )


@dataclass(frozen=True)
class VerifyOptions(Options):
    """How removal effects are checked by retraining."""

    clusters: int = option(30, "Clusters to leave out, one at a time, drawn at random; each is one retraining.", minimum=2)
    seed: int = option(0, "Draws the clusters and the bootstrap.", minimum=0)
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)
