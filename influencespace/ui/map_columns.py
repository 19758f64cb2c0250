"""The columns that the map of pairs is drawn from, made when the browser first asks for them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from influencespace.ui import colours, lasso, served
from influencespace.ui.columns import INFLUENCE, Codes, TrainingPairs
from influencespace.workspace import Artifact

STRATUM_DARK, STRATUM_LIGHT = -0.4, 0.55


def points(pairs: TrainingPairs) -> str:
    """Address of the places and clusters of the pairs."""
    return served.column(
        f"{pairs.key}-points",
        lambda: np.concatenate([places(pairs).ravel(), pairs.codes("cluster").code.astype("<u2")]),
    )


def places(pairs: TrainingPairs) -> np.ndarray:
    """(n, 2) uint16: where the pairs lie, as :func:`influencespace.ui.lasso.fixed` has it."""
    return np.stack([lasso.fixed(pairs.numbers(side)) for side in ("x", "y")], axis=1)


def atlas(pairs: TrainingPairs, clusters: Artifact) -> str:
    """Address of the names of clusters, and of topics with their places."""
    def make() -> np.ndarray:
        topics = clusters.table("topics").set_index("topic")["name"]
        strata = clusters.table("clusters").set_index("cluster")["name"]
        codes, middle = pairs.codes("topic"), middles(pairs)
        written = [
            {"x": int(middle[t][0]), "y": int(middle[t][1]), "text": topics[codes.labels[t]]}
            for t in np.argsort(-codes.counts, kind="stable")
        ]
        text = json.dumps({"clusters": strata[pairs.codes("cluster").labels].tolist(), "places": written})
        return np.frombuffer(text.encode(), dtype=np.uint8)

    return served.column(f"{pairs.key}-atlas", make)


def middles(pairs: TrainingPairs) -> np.ndarray:
    """(topics, 2) uint16: the place of the pair of each topic that is nearest to the topic's mean."""
    codes, xy = pairs.codes("topic"), places(pairs)
    mean = np.stack([np.bincount(codes.code, xy[:, i]) / codes.counts for i in (0, 1)], axis=1)
    distance = ((xy - mean[codes.code]) ** 2).sum(axis=1)
    return xy[pd.Series(distance).groupby(codes.code).idxmin()]


def cluster_colours(pairs: TrainingPairs, clusters: Artifact, by_stratum: bool) -> str:
    """Address of a colour for each cluster: that of its topic, or that darkened where captions fit badly, lightened where well.

    There are far more topics than colours to tell apart, so that equal colours are given to topics that lie far apart.
    """
    def make() -> np.ndarray:
        table = clusters.table("clusters").set_index("cluster").loc[pairs.codes("cluster").labels]
        codes = pairs.codes("topic")
        palette = colours.CATEGORIES if by_stratum else colours.categories(3 * len(colours.CATEGORIES))
        of_topic = spread(middles(pairs).astype(float), codes.counts, len(palette))
        shade = of_topic[np.searchsorted(codes.labels, table["topic"])]
        last = max(int(table["stratum"].max()), 1)
        return np.array([
            _rgba(palette[place], STRATUM_DARK + (STRATUM_LIGHT - STRATUM_DARK) * stratum / last if by_stratum else 0)
            for place, stratum in zip(shade, table["stratum"], strict=True)
        ], dtype=np.uint8)

    return served.column(f"{pairs.key}-colours-{'cluster' if by_stratum else 'topic'}", make)


def spread(xy: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """(t,) one of ``count`` colours for each of t places: the heaviest choose first, each the colour that is farthest away."""
    nearest = np.full((len(xy), count), np.inf)  # to each place, the nearest that has the colour
    chosen = np.zeros(len(xy), dtype=np.int64)
    for place in np.argsort(-weight, kind="stable"):
        colour = chosen[place] = int(np.argmax(nearest[place]))
        nearest[:, colour] = np.minimum(nearest[:, colour], np.hypot(*(xy - xy[place]).T))
    return chosen


def influence(pairs: TrainingPairs, target: str) -> str:
    """Address of the place of each pair on the diverging scale of influence."""
    def make() -> np.ndarray:
        values = pairs.numbers(INFLUENCE + target)
        end = colours.reach(values)
        return colours.steps(values, -end, end)

    return served.column(f"{pairs.key}-influence-{digest(target.encode())}", make)


def amount(pairs: TrainingPairs, name: str) -> str:
    """Address of the place of each pair between the 2nd and the 98th percentile of a column of numbers."""
    def make() -> np.ndarray:
        values = pairs.numbers(name)
        return colours.steps(values, *np.quantile(values, [0.02, 0.98]))

    return served.column(f"{pairs.key}-amount-{digest(name.encode())}", make)


def category(pairs: TrainingPairs, name: str, codes: Codes, order: list[int]) -> str:
    """Address of the place of each pair's category in an ``order`` of the codes; all after the 255th have the last place."""
    def make() -> np.ndarray:
        place = np.empty(len(order), dtype=np.uint8)
        place[order] = np.minimum(np.arange(len(order)), colours.STEPS - 1)
        return place[codes.code]

    return served.column(f"{pairs.key}-category-{digest(name.encode())}", make)


def mask(shown: np.ndarray) -> str:
    """Address of a (n,) column of what is shown in colour (true) and what in grey."""
    shown = shown.astype(bool)
    return served.column(f"mask-{digest(np.packbits(shown).tobytes())}-{len(shown)}", lambda: shown.astype(np.uint8))


def digest(content: bytes) -> str:
    """Names a content."""
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _rgba(colour: str, lighter: float) -> list[int]:
    mixed = colours.mix(colour, "#ffffff" if lighter > 0 else "#000000", abs(lighter))
    return [int(mixed[i : i + 2], 16) for i in (1, 3, 5)] + [255]
