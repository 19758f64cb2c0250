"""Cross-fitting: every pair is judged by proxies that have not seen its photo.

A model that was trained on a pair has memorised it: its gradient there is near zero and its influence says nothing. So
the pairs are split into folds, all pairs of a photo in one fold, a proxy is fitted to the others of each fold, and what
is said of a pair comes from the proxy that was fitted without it (Chernozhukov et al. 2018), averaged over several
draws of the folds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from influencespace.engines import HERE, Engine, Piece
from influencespace.errors import ProxyError
from influencespace.progress import Progress, silent
from influencespace.proxy.bilinear import Batches, fit, loss_and_gradient, partition, prior_scale
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.preparation import Preparation, Rows

RIDGES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
# Where features of all pairs would take more bytes than this as float32, they are kept as float16, as they were stored.
BUDGET = 2**30
# Pairs whose features are brought to float32 at once when all are judged.
CHUNK = 32_768
# From here to the exact optimum agreement moves by some ten-thousandths of its spread.
TOLERANCE = 3e-4


@dataclass(frozen=True)
class PreparedPairs:
    """What the proxies are fitted to: prepared features of all pairs on the device, and the photos.

    Attributes
    ----------
    image, text
        (n, kx) and (n, ky) of all pairs, held-out ones too: float32, or float16 where there are very many.
    photo
        (n,) int64, the same for pairs that share a photo or are near-duplicates: they are judged by the same proxies and are
        no negatives of each other.
    train
        (n_train,) positions of the training pairs.
    similarity
        (kx, ky), the encoder's own cosine as a bilinear form where image and text features are aligned, else None.
    """

    image: torch.Tensor
    text: torch.Tensor
    photo: np.ndarray
    train: np.ndarray
    similarity: torch.Tensor | None

    @classmethod
    def prepare(
        cls, image: np.ndarray, text: np.ndarray, photo: np.ndarray, train: np.ndarray, aligned: bool,
        dimensions: int, seed: int, device: torch.device,
    ) -> PreparedPairs:
        """Prepare (n, dx) and (n, dy) features; the preparation is fitted to the training pairs alone."""
        maps = [Preparation.fit(Rows(f, train), dimensions, seed) for f in (image, text)]
        size = 4 * len(image) * sum(m.basis.shape[1] for m in maps)
        dtype = torch.float32 if size <= BUDGET else torch.float16
        x, y = (m.apply(f, dtype).to(device) for m, f in zip(maps, (image, text), strict=True))
        similarity = torch.from_numpy(maps[0].basis.T @ maps[1].basis).to(device) if aligned else None
        return cls(x, y, photo, train, similarity)

    @property
    def zeros(self) -> torch.Tensor:
        """(kx, ky) zeros, of the type in which all is computed: that of the features, float32 for float16."""
        dtype = torch.float32 if self.image.dtype == torch.float16 else self.image.dtype
        return torch.zeros(self.image.shape[1], self.text.shape[1], dtype=dtype, device=self.image.device)

    def features(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Image (len(rows), kx) and text (len(rows), ky) features of some rows, of the type in which all is computed."""
        index, dtype = torch.from_numpy(rows).to(self.image.device), self.zeros.dtype
        return self.image[index].to(dtype), self.text[index].to(dtype)

    def batches(self, rows: np.ndarray, size: int, seed: int, weights: np.ndarray | None = None) -> Batches:
        """A random partition of some pairs (positions in all pairs) into batches."""
        return Batches.draw(*self.features(rows), self.photo[rows], size, seed, weights)

    def chunk(self, rows: np.ndarray, size: int, seed: int, number: int) -> tuple[np.ndarray, Batches]:
        """A few of the batches of :meth:`batches`, the ``number``-th ones of :func:`chunks` many; and the places in ``rows`` of
        the pairs that they hold."""
        parts, many = partition(len(rows), size, seed), max(1, CHUNK // size)
        chunk = parts[number * many : (number + 1) * many]
        places, ends = np.concatenate(chunk), np.cumsum([len(part) for part in chunk])
        photo = torch.as_tensor(self.photo[rows[places]], dtype=torch.int64, device=self.image.device)
        inside = torch.arange(len(places), device=self.image.device).tensor_split(ends[:-1].tolist())
        return places, Batches(*self.features(rows[places]), photo, None, tuple(inside))

    def seen(self, fold_of: np.ndarray, fold: int, options: ProxyOptions, seed: int) -> Batches:
        """What the proxy without a fold is fitted to: the training pairs of the other folds, or a sample of them.

        Parameters
        ----------
        fold_of
            (n_train,) the fold of each training pair.
        """
        return self.batches(sample_rows(self.train[fold_of != fold], options.fitted_pairs, seed), options.batch_size, seed)


@dataclass(frozen=True)
class CrossFit:
    """The fitted proxies and what they say of pairs they did not see.

    Attributes
    ----------
    folds
        (repeats, n_train) int8, the fold of each training pair in each draw.
    models
        (repeats, folds, kx, ky) on the device; ``models[r, f]`` was fitted without fold f of draw r.
    priors
        (repeats, folds) float, how much of the encoder's similarity each started from.
    agreement
        (n_train,) float32, the standardised cosine of each pair in the space of proxies that did not see it.
    ridge
        Strength of the ridge that they were fitted with.
    """

    folds: np.ndarray
    models: torch.Tensor
    priors: np.ndarray
    agreement: np.ndarray
    ridge: float


@dataclass(frozen=True)
class Fits:
    """Fits the proxy without one fold of one draw, and asks it about that fold; pieces are numbered draw by draw.

    Attributes
    ----------
    pairs
        What they are fitted to.
    folds
        (repeats, n_train), the fold of each training pair in each draw.
    """

    pairs: PreparedPairs
    folds: np.ndarray
    ridge: float
    options: ProxyOptions

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``model`` (kx, ky), ``prior`` and ``cosine``, one for each pair of the fold, a piece."""
        pairs, options = self.pairs, self.options
        for r, f in (divmod(piece, options.folds) for piece in pieces):
            batches = pairs.seen(self.folds[r], f, options, options.seed + 1000 * r + f)
            prior, scale = _prior(batches, pairs)
            model = fit(batches, self.ridge, prior, tolerance=TOLERANCE)
            cosine = joint_cosine(model, pairs, pairs.train[self.folds[r] == f])
            yield {"model": model.cpu().numpy(), "prior": scale, "cosine": cosine}


def cross_fit(pairs: PreparedPairs, options: ProxyOptions, progress: Progress = silent, engine: Engine = HERE) -> CrossFit:
    """Fit ``options.repeats`` x ``options.folds`` proxies to the training pairs, each of which is a piece for the engine.

    Raises
    ------
    ProxyError
        If there are fewer photos than folds need.
    """
    photo = pairs.photo[pairs.train]
    distinct = len(np.unique(photo))
    if distinct < 2 * options.folds:
        raise ProxyError(
            f"{distinct} photos are too few to be split into {options.folds} folds; at least {2 * options.folds} "
            "training photos are needed, of which near-duplicates count as one."
        )
    folds = np.stack([draw_folds(photo, options.folds, options.seed + 1000 * r) for r in range(options.repeats)])
    models = pairs.zeros.repeat(options.repeats, options.folds, 1, 1)
    priors, scores = np.zeros(models.shape[:2]), np.zeros(folds.shape)
    ridge = options.ridge or choose_ridge(pairs, folds[0] == 0, options, progress, engine)
    count = options.repeats * options.folds
    progress(0, count, "fitting proxies")
    for done, found in enumerate(engine.map(Fits(pairs, folds, ridge, options), count)):
        r, f = divmod(done, options.folds)
        models[r, f], priors[r, f] = torch.tensor(found["model"]), found["prior"]
        cosine = found["cosine"]
        scores[r, folds[r] == f] = (cosine - cosine.mean()) / max(cosine.std(), 1e-12)
        progress(done + 1, count, "fitting proxies")
    mean = scores.mean(0)
    return CrossFit(folds, models, priors, ((mean - mean.mean()) / max(mean.std(), 1e-12)).astype(np.float32), ridge)


def choose_ridge(
    pairs: PreparedPairs, held: np.ndarray, options: ProxyOptions, progress: Progress = silent, engine: Engine = HERE
) -> float:
    """The ridge of ``RIDGES`` with the least loss on the training pairs marked in (n_train,) ``held``, fitted to the others.

    From the strongest to the weakest, each started where the one before ended, until the loss rises: it is unimodal, and
    weak ridges take longest to fit.
    """
    batches = pairs.seen(held, True, options, options.seed)
    unseen = pairs.seen(held, False, options, options.seed)
    prior, _ = _prior(batches, pairs)
    best, least, model = RIDGES[-1], np.inf, prior
    for k, ridge in enumerate(reversed(RIDGES)):
        progress(k, len(RIDGES), "choosing the proxies' ridge")
        found = engine.once("ridge", partial(_tried, batches, unseen, ridge, prior, model))
        model, loss = torch.tensor(found["model"]).to(prior), float(found["loss"])
        if loss >= least:
            break
        best, least = ridge, loss
    progress(len(RIDGES), len(RIDGES), "choosing the proxies' ridge")
    return best


def chunks(count: int, size: int) -> int:
    """In how many chunks so many pairs in batches of at most ``size`` are gone over."""
    return -(-max(1, -(-count // size)) // max(1, CHUNK // size))


def draw_folds(photo: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(n,) int8: a random fold of each pair, the same for all pairs of a photo; folds are of (nearly) equal photos."""
    distinct, code = np.unique(photo, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(distinct)) % folds).astype(np.int8)[code]


def joint_cosine(model: torch.Tensor, pairs: PreparedPairs, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) cosine of image and text in the model's joint space, split evenly between the two sides.

    With the singular values of M = U s V', image and text are embedded as ``x U sqrt(s)`` and ``y V sqrt(s)``.
    """
    u, s, vt = torch.linalg.svd(model, full_matrices=False)
    root = s.sqrt()
    out = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        image, text = pairs.features(rows[start : start + CHUNK])
        image = torch.nn.functional.normalize(image @ (u * root), dim=1, eps=1e-8)
        text = torch.nn.functional.normalize(text @ (vt.T * root), dim=1, eps=1e-8)
        out[start : start + CHUNK] = (image * text).sum(1).cpu().numpy()
    return out


def sample_rows(rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most ``most`` of (n,) rows, drawn at random, in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng([seed, most]).choice(rows, most, replace=False, shuffle=False))


def _tried(batches: Batches, unseen: Batches, ridge: float, prior: torch.Tensor, start: torch.Tensor) -> Piece:
    """The ``model`` that a ridge gives, and its ``loss`` on pairs that it has not seen."""
    model = fit(batches, ridge, prior, tolerance=TOLERANCE, start=start)
    return {"model": model.cpu().numpy(), "loss": float(loss_and_gradient(model, unseen)[0])}


def _prior(batches: Batches, pairs: PreparedPairs) -> tuple[torch.Tensor, float]:
    """What a proxy is pulled to, and how much of the encoder's similarity that is."""
    if pairs.similarity is None:
        return pairs.zeros, 0.0
    scale = prior_scale(batches, pairs.similarity)
    return scale * pairs.similarity, scale
