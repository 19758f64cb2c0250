"""Options of the clusters."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.options import Options, option


@dataclass(frozen=True)
class ClusterOptions(Options):
    """How pairs are grouped: topics by what they show and say, strata by how well caption and photo fit."""

    topics: int = option(20, "Topics; fewer where there are too few pairs.", minimum=1, maximum=2000)
    strata: int = option(5, "Strata of agreement in each topic.", minimum=1, maximum=20)
    sample: int = option(20_000, "Pairs the map is fitted to; the others are placed on it.", minimum=100)
    seed: int = option(0, "Draws the starts of the topics and of the map.", minimum=0)
