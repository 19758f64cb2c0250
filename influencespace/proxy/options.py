"""Options of the proxy."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.engines.options import EngineOptions
from influencespace.options import option


@dataclass(frozen=True)
class ProxyOptions(EngineOptions):
    """How the proxies are fitted that judge pairs they have not seen."""

    folds: int = option(2, "Folds a draw; every pair is judged by proxies fitted without its fold.", minimum=2, maximum=20)
    repeats: int = option(3, "Draws of the folds to average over.", minimum=1, maximum=20)
    ridge: float | None = option(
        None, "Strength of the proxy's ridge. Default: the one with the least loss on pairs that a proxy has not seen.",
        minimum=1e-8, maximum=1.0,
    )
    dimensions: int = option(256, "Features are reduced to this many main directions.", minimum=2, maximum=2048)
    fitted_pairs: int = option(
        20_000, "The most pairs that a proxy is fitted to; of larger folds a sample is drawn. All pairs are judged.", minimum=100,
    )
    batch_size: int = option(1024, "Pairs that contrast with each other in the proxy's loss.", minimum=2, maximum=16384)
    seed: int = option(0, "Draws the folds and the batches.", minimum=0)
    device: str = option("auto", "Where to compute: auto, cpu, cuda or mps.", recipe=False)
