r"""Near-duplicates: pairs whose photo and caption are both nearly those of another pair.

How near is measured by the cosine of whitened features. Plain cosines crowd near 1 in the few directions in which photos
of one kind vary together; whitened, every direction counts by how rarely pairs differ along it, so that what tells two
photos of a kind apart weighs as much as what makes them one kind. With the covariance :math:`\Sigma` of the training
pairs (Ledoit & Wolf 2004, so that few pairs of many features do not fool it), a photo becomes
:math:`\Sigma^{-1/2}(x - \bar x)`, of unit length, and so does a caption; the likeness of two pairs is the mean of their two
cosines.

Pairs of a likeness of 3/4 are near-duplicates. As neither cosine exceeds 1, both are then at least 1/2: a caption written
twice does not make two photos one, nor a photo two captions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import MiniBatchKMeans
from sklearn.covariance import ledoit_wolf
from threadpoolctl import threadpool_limits

from influencespace.engines import HERE, Engine, Piece
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact

CLOSE = 0.75
SAMPLE = 50_000
DIRECTIONS = 256
# The directions in which pairs vary most are disturbed least by what near-duplicates differ in: cells are made of these.
MAIN = 32
# Up to so many pairs are compared each with each; more are compared within cells of about CELL pairs.
REACH = 20_000
CELL = 500
BLOCK = 2_048
# Fewer sets than this share of those before are reason to look again.
MANY = 0.9
# Links kept of one pair within a block: a pair with more near-duplicates than this makes several sets.
MOST = 64


@dataclass(frozen=True)
class Whitening:
    """The directions in which features vary, the main ones first.

    Attributes
    ----------
    mean
        (d,) float32.
    basis
        (d, k) float32, orthonormal columns.
    spread
        (k,) float32, the standard deviation along each.
    """

    mean: np.ndarray
    basis: np.ndarray
    spread: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, rows: np.ndarray, seed: int) -> Whitening:
        """Fit to some rows of (n, d) features; to a sample of 50,000 when there are more."""
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(seed).choice(rows, SAMPLE, replace=False))
        sample = np.asarray(features[rows], dtype=np.float32)
        mean = sample.mean(0)
        values, vectors = np.linalg.eigh(ledoit_wolf(sample - mean, assume_centered=True)[0])
        main = np.argsort(-values)[:DIRECTIONS]
        main = main[values[main] > 1e-9 * max(values[main[0]], 1e-9)]
        return cls(mean, vectors[:, main].astype(np.float32), np.sqrt(values[main]).astype(np.float32))

    def whitened(self, features: np.ndarray) -> np.ndarray:
        """(n, k) float32 of unit length; zero where a row equals the mean."""
        return _unit((np.asarray(features, dtype=np.float32) - self.mean) @ (self.basis / self.spread))

    def main(self, features: np.ndarray) -> np.ndarray:
        """(n, at most 32) float32 of unit length along the main directions as they are."""
        return _unit((np.asarray(features, dtype=np.float32) - self.mean) @ self.basis[:, :MAIN])


@dataclass(frozen=True)
class Linking:
    """Looks for near-duplicates within cells, one block of rows of a cell a piece.

    Attributes
    ----------
    sides
        Features of photos and of captions, each with what whitens them.
    rows
        (m,) the rows of the features that are looked at.
    cells
        Index arrays into ``rows``; in one of more than ``REACH`` pairs each is compared with those next in its order.
    """

    sides: list[tuple[np.ndarray, Whitening]]
    rows: np.ndarray
    cells: list[np.ndarray]

    @cached_property
    def blocks(self) -> list[tuple[int, int]]:
        """The cell of each piece, and where in it the piece begins."""
        return [(number, start) for number, cell in enumerate(self.cells) for start in range(0, len(cell), BLOCK)]

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``one`` and ``other``, the indices at both ends of each link, a piece."""
        looked_at, near = -1, np.empty(0)
        for number, start in (self.blocks[piece] for piece in pieces):
            cell = self.cells[number]
            if number != looked_at:
                looked_at, near = number, self._whitened(cell)
            likeness = near[start : start + BLOCK] @ near[start : start + REACH].T
            close = likeness >= CLOSE
            for crowded in np.flatnonzero(close.sum(1) > MOST):
                close[crowded, np.argpartition(-likeness[crowded], MOST)[MOST:]] = False
            one, other = np.nonzero(close)
            yield {"one": cell[start + one], "other": cell[start + other]}

    def _whitened(self, cell: np.ndarray) -> np.ndarray:
        rows = self.rows[cell]
        return np.concatenate([whitening.whitened(features[rows]) for features, whitening in self.sides], axis=1) / np.sqrt(2)


def find_duplicates(
    image: np.ndarray, text: np.ndarray, rows: np.ndarray, same: np.ndarray, seed: int = 0, progress: Progress = silent,
    engine: Engine = HERE,
) -> np.ndarray:
    """Which pairs are near-duplicates of each other.

    Up to 20,000 different pairs are compared each with each. More are compared within cells of pairs that are alike in the
    main, every pair being in the two cells whose centres are nearest to it.

    Parameters
    ----------
    image, text
        (n, dx) and (n, dy) features of all pairs; they may be memory-mapped.
    rows
        (m,) positions of the pairs to look at, the training pairs.
    same
        (m,) one number for all pairs with the same photo and the same caption: duplicates whatever their features say.
    seed
        Draws samples and cells.
    engine
        Computes the links, some rows of a cell a piece.

    Returns
    -------
    sets : np.ndarray
        (m,) int32, the set of each pair: the index in ``rows`` of the pair that all of the set are near-duplicates of, its own
        for a pair without any.
    """
    first, copy_of = np.unique(same, return_index=True, return_inverse=True)[1:]
    if len(first) < 2:
        return first[copy_of].astype(np.int32)
    own, centre, before = rows[first], np.arange(len(first)), np.inf
    # Where many pairs are near-duplicates, what they differ by among themselves passes for what pairs differ by; so the
    # covariance is taken again, from one pair a set, while that finds more.
    while (count := len(distinct := np.unique(centre))) < MANY * before:
        before = count
        sides = [(features, Whitening.fit(features, own[distinct], seed)) for features in (image, text)]
        linking = Linking(sides, own, _cells(sides, own, seed, engine))
        links = list(_counted(engine.map(linking, len(linking.blocks)), len(linking.blocks), progress))
        centre = _stars(*(np.concatenate([found[end] for found in links]) for end in ("one", "other")), len(own))
    return first[centre[copy_of]].astype(np.int32)


def twin_codes(photo: np.ndarray, duplicates: np.ndarray) -> np.ndarray:
    """(n,) int64, one number for pairs that share a photo or a set of near-duplicates, and for pairs joined through others.

    Such pairs are judged by the same proxies and are no negatives of each other.
    """
    of_photo, of_set = (np.unique(codes, return_inverse=True)[1] for codes in (photo, duplicates))
    photos = int(of_photo.max(initial=-1)) + 1
    joined = _graph(of_photo, photos + of_set, photos + int(of_set.max(initial=-1)) + 1)
    return connected_components(joined, directed=False)[1][of_photo].astype(np.int64)


def stored_duplicates(features: Artifact) -> np.ndarray:
    """(n,) the sets of all pairs of a workspace; every pair alone in features from before they were looked for."""
    if not features.has("duplicates.npy"):
        return np.arange(len(features.array("image")), dtype=np.int32)
    return features.array("duplicates")


def _cells(sides: list[tuple[np.ndarray, Whitening]], rows: np.ndarray, seed: int, engine: Engine) -> list[np.ndarray]:
    """Index arrays into ``rows`` that are compared within, each ordered by the distance from its cell's centre."""
    if len(rows) <= REACH:
        return [np.arange(len(rows))]
    found = engine.once("cells of near-duplicates", lambda: _nearest_centres(sides, rows, seed))
    return np.split(found["members"], found["ends"][:-1])


def _nearest_centres(sides: list[tuple[np.ndarray, Whitening]], rows: np.ndarray, seed: int) -> Piece:
    """``members`` of the cells, one cell after the other, and where each of these ``ends``."""
    space = np.concatenate([
        np.concatenate([whitening.main(features[rows[part]]) for features, whitening in sides], axis=1)
        for part in _parts(len(rows), SAMPLE)
    ])
    sample = space if len(space) <= SAMPLE else space[np.random.default_rng(seed).choice(len(space), SAMPLE, replace=False)]
    with threadpool_limits(limits=1):
        centres = MiniBatchKMeans(len(rows) // CELL, n_init=1, random_state=seed).fit(sample).cluster_centers_
    nearest, distance = np.empty((len(rows), 2), dtype=np.int64), np.empty((len(rows), 2), dtype=np.float32)
    for part in _parts(len(rows), BLOCK):
        away = np.square(centres).sum(1) - 2 * space[part] @ centres.T
        nearest[part] = np.argpartition(away, 1, axis=1)[:, :2]
        distance[part] = np.take_along_axis(away, nearest[part], axis=1)
    order = np.lexsort((distance.ravel(), nearest.ravel()))
    return {"members": order // 2, "ends": np.searchsorted(nearest.ravel()[order], np.arange(1, len(centres) + 1))}


def _stars(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """(count,) the centre of each: the one with most links and all it is linked to, then so among the rest (Aslam, Pelekhov
    & Rus 2004). Unlike connected components, stars do not chain up what is alike only from neighbour to neighbour."""
    apart = one != other
    one, other = one[apart], other[apart]
    graph = _graph(np.concatenate([one, other]), np.concatenate([other, one]), count)
    degree = np.diff(graph.indptr)
    centre = np.arange(count)
    free = np.ones(count, dtype=bool)
    for c in np.argsort(-degree, kind="stable")[: np.count_nonzero(degree)]:
        if free[c]:
            linked = graph.indices[graph.indptr[c] : graph.indptr[c + 1]]
            linked = linked[free[linked]]
            centre[linked], free[linked], free[c] = c, False, False
    return centre


def _graph(one: np.ndarray, other: np.ndarray, count: int) -> csr_array:
    graph = csr_array((np.ones(len(one), dtype=bool), (one, other)), shape=(count, count))
    graph.sum_duplicates()
    return graph


def _parts(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]


def _counted(pieces: Iterator[Piece], count: int, progress: Progress) -> Iterator[Piece]:
    progress(0, count, "looking for near-duplicates")
    for done, piece in enumerate(pieces, 1):
        yield piece
        progress(done, count, "looking for near-duplicates")


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
