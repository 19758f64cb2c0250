"""The map: all pairs as points in the plane, near where they are alike."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from influencespace.clusters.tree import TopicSpace
from influencespace.engines import HERE, Engine, Piece
from influencespace.progress import Progress, silent

DIMENSIONS = 50
NEIGHBOURS = 15
# UMAP itself would take 500 for fewer than 10,000 points: three times as long for a map that looks the same.
EPOCHS = 200
# With fewer points UMAP has no neighbourhoods to keep.
FEWEST = 10
EDGE_PERCENT = 0.5
# Points whose features are read at once.
CHUNK = 65_536


def project(
    space: np.ndarray | TopicSpace, seed: int, sample: int = 20_000, progress: Progress = silent, engine: Engine = HERE,
) -> tuple[np.ndarray, str]:
    """Project a space to the unit square: UMAP (McInnes, Healy & Melville 2018) of its first 50 principal components.

    A larger space is fitted on a random sample; each other point is placed among its nearest neighbours in the sample,
    by the weights that UMAP gives them at the start of its own transform.

    Parameters
    ----------
    space
        (n, d) float32.
    seed
        Draws the sample and UMAP's steps; the same space and seed make the same map.
    sample
        How many points UMAP is fitted on.
    progress
        Told what is being done.
    engine
        Does the steps; points beyond the sample are placed in pieces.

    Returns
    -------
    xy : (n, 2) float32
        In [0, 1]; the outermost half percent on every side lies on the edge, so that outliers do not squeeze the rest.
    how : str
        What was done, for people.
    """
    n = len(space)
    progress(0, 3, "reducing the space for the map")
    # One thread and one seed throughout: sums in another order would move the map from run to run.
    with threadpool_limits(limits=1):
        fitted = np.arange(n)
        if n > sample:
            fitted = np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))
        found = engine.once("reduction", lambda: _principal(space, fitted))
        if not found:
            return np.full((n, 2), 0.5, dtype=np.float32), "no map: all pairs are alike"
        reduction = Reduction(**found)
        reduced = reduction(space[fitted])
        # Rounded, for equal pairs may differ in their last bits by now, which scaling would blow up.
        if len(np.unique(reduced.round(5), axis=0)) < FEWEST:
            plane = [_plane(reduction(space[some]).round(5)) for some in _chunks(np.arange(n))]
            return _scaled(np.concatenate(plane)), f"first two principal components (fewer than {FEWEST} different pairs)"
        progress(1, 3, f"fitting the map to {len(fitted):,} pairs")
        near = engine.once("neighbours", lambda: _nearest(reduced, reduced, min(NEIGHBOURS, len(fitted) - 1)))
        xy = np.empty((n, 2), dtype=np.float32)
        xy[fitted] = engine.once("map", lambda: {"xy": _umap(reduced, near["near"], near["distance"], seed)})["xy"]
        progress(2, 3, "placing the other pairs")
        others = np.setdiff1d(np.arange(n), fitted)
        parts = _chunks(others)
        placing = Placing(space, reduction, parts, reduced, xy[fitted])
        for some, placed in zip(parts, engine.map(placing, len(parts)), strict=True):
            xy[some] = placed["xy"]
    progress(3, 3, "map ready")
    if len(others) == 0:
        return _scaled(xy), "umap of all pairs"
    return _scaled(xy), f"umap fitted on {len(fitted):,} pairs, the other {len(others):,} placed among their neighbours"


@dataclass(frozen=True)
class Reduction:
    """The first principal components of a space.

    Attributes
    ----------
    centre, size
        (d,) and a number: what points are centred by and divided by.
    components
        (k, d) float32.
    """

    centre: np.ndarray
    size: np.ndarray
    components: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(n, k) float32 of (n, d) points."""
        return (np.asarray(points - self.centre, dtype=np.float32) / self.size) @ self.components.T


@dataclass(frozen=True)
class Placing:
    """Places points beyond the sample among their neighbours in it, :data:`CHUNK` of them a piece."""

    space: np.ndarray | TopicSpace
    reduction: Reduction
    parts: list[np.ndarray]
    fitted: np.ndarray
    xy: np.ndarray

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``xy`` (m, 2) float32 a piece."""
        for piece in pieces:
            points = self.reduction(self.space[self.parts[piece]])
            yield {"xy": _placed(points, self.fitted, self.xy).astype(np.float32)}


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _principal(space: np.ndarray | TopicSpace, fitted: np.ndarray) -> Piece:
    """What makes a :class:`Reduction`; nothing where all points are alike."""
    if len(fitted) == 0:
        return {}
    sample = space[fitted]
    centre = sample.mean(axis=0)
    sample = np.asarray(sample - centre, dtype=np.float32)
    size = np.abs(sample).max()
    # What differs by rounding alone is alike.
    if size <= 1e-6 * max(1.0, float(np.abs(centre).max())):
        return {}
    count = min(DIMENSIONS, space.shape[1], len(fitted))
    pca = PCA(count, svd_solver="covariance_eigh" if space.shape[1] <= len(fitted) else "full").fit(sample / size)
    return {"centre": centre, "size": size, "components": pca.components_}


def _umap(points: np.ndarray, near: np.ndarray, distance: np.ndarray, seed: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tensorflow not installed")
        # Its import takes seconds; only who draws a map pays for it.
        from umap import UMAP

    start = _plane(points)
    rng = np.random.default_rng(seed)
    # Equal pairs would start, and so stay, on one point.
    start = 10 * start / np.abs(start).max() + rng.normal(0, 1e-2, start.shape)
    with warnings.catch_warnings():
        # We place further points ourselves; UMAP's own transform compiles for half a minute more.
        warnings.filterwarnings("ignore", message=".*transform will be unavailable")
        model = UMAP(
            n_neighbors=near.shape[1], n_epochs=EPOCHS, init=start.astype(np.float32), random_state=seed, n_jobs=1,
            precomputed_knn=(near, distance),
        )
        return model.fit_transform(points)


def _placed(points: np.ndarray, fitted: np.ndarray, xy: np.ndarray) -> np.ndarray:
    near, distance = _nearest(points, fitted, min(NEIGHBOURS, len(fitted))).values()
    beyond = distance - distance[:, :1]
    scale = beyond.mean(axis=1, keepdims=True)
    weight = np.exp(-beyond / np.where(scale > 0, scale, 1))
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("nk,nkc->nc", weight, xy[near])


def _nearest(points: np.ndarray, among: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """``near`` and ``distance`` (n, count): the nearest of other points, and how far they are."""
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(among)
    distance, near = search.kneighbors(points)
    return {"near": near.astype(np.int32), "distance": distance.astype(np.float32)}


def _plane(points: np.ndarray) -> np.ndarray:
    """The first two columns; a second one of zeros where there is but one."""
    return np.pad(points[:, :2], ((0, 0), (0, max(0, 2 - points.shape[1]))))


def _scaled(xy: np.ndarray) -> np.ndarray:
    low, high = np.percentile(xy, (EDGE_PERCENT, 100 - EDGE_PERCENT), axis=0)
    spread = np.where(high > low, high - low, 1)
    return np.where(high > low, np.clip((xy - low) / spread, 0, 1), 0.5).astype(np.float32)
