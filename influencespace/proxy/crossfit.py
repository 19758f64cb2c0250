"""Cross-fitting: every pair is judged by proxies that have not seen its photo.

A model that was trained on a pair has memorised it: its gradient there is near zero and its influence says nothing. So
the pairs are split into folds, all pairs of a photo in one fold, a proxy is fitted to the others of each fold, and what
is said of a pair comes from the proxy that was fitted without it (Chernozhukov et al. 2018), averaged over several
draws of the folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from influencespace.errors import ProxyError
from influencespace.progress import Progress, silent
from influencespace.proxy.bilinear import Batches, fit, loss_and_gradient, prior_scale
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.preparation import Preparation, Rows

RIDGES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


@dataclass(frozen=True)
class PreparedPairs:
    """What the proxies are fitted to: prepared features of all pairs on the device, and the photos.

    Attributes
    ----------
    image, text
        (n, kx) and (n, ky) float32 of all pairs, held-out ones too.
    photo
        (n,) int64, by content.
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
        x, y = (m.apply(f).to(device) for m, f in zip(maps, (image, text), strict=True))
        similarity = torch.from_numpy(maps[0].basis.T @ maps[1].basis).to(device) if aligned else None
        return cls(x, y, photo, train, similarity)

    def batches(self, rows: np.ndarray, size: int, seed: int, weights: np.ndarray | None = None) -> Batches:
        """A random partition of some pairs (positions in all pairs) into batches."""
        index = torch.from_numpy(rows).to(self.image.device)
        return Batches.draw(self.image[index], self.text[index], self.photo[rows], size, seed, weights)


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


def cross_fit(pairs: PreparedPairs, options: ProxyOptions, progress: Progress = silent) -> CrossFit:
    """Fit ``options.repeats`` x ``options.folds`` proxies to the training pairs.

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
            "training photos are needed."
        )
    folds = np.stack([draw_folds(photo, options.folds, options.seed + 1000 * r) for r in range(options.repeats)])
    shape = (options.repeats, options.folds, pairs.image.shape[1], pairs.text.shape[1])
    models, priors = pairs.image.new_zeros(shape), np.zeros(shape[:2])
    scores = np.zeros((options.repeats, len(photo)))
    ridge = options.ridge or choose_ridge(pairs, folds[0] == 0, options, progress)
    for r in range(options.repeats):
        for f in range(options.folds):
            progress(r * options.folds + f, options.repeats * options.folds, "fitting proxies")
            batches = pairs.batches(pairs.train[folds[r] != f], options.batch_size, options.seed + 1000 * r + f)
            priors[r, f] = _prior_scale(batches, pairs)
            models[r, f] = fit(batches, ridge, _prior(priors[r, f], models[r, f], pairs.similarity))
            held = np.flatnonzero(folds[r] == f)
            cosine = joint_cosine(models[r, f], pairs, pairs.train[held])
            scores[r, held] = (cosine - cosine.mean()) / max(cosine.std(), 1e-12)
    progress(options.repeats * options.folds, options.repeats * options.folds, "fitting proxies")
    mean = scores.mean(0)
    return CrossFit(folds, models, priors, ((mean - mean.mean()) / max(mean.std(), 1e-12)).astype(np.float32), ridge)


def choose_ridge(pairs: PreparedPairs, held: np.ndarray, options: ProxyOptions, progress: Progress = silent) -> float:
    """The ridge of ``RIDGES`` with the least loss on the training pairs marked in (n_train,) ``held``, fitted to the others.

    From the strongest to the weakest, until the loss rises: it is unimodal, and weak ridges take longest to fit.
    """
    batches = pairs.batches(pairs.train[~held], options.batch_size, options.seed)
    unseen = pairs.batches(pairs.train[held], options.batch_size, options.seed)
    nothing = pairs.image.new_zeros(pairs.image.shape[1], pairs.text.shape[1])
    prior = _prior(_prior_scale(batches, pairs), nothing, pairs.similarity)
    best, least = RIDGES[-1], np.inf
    for k, ridge in enumerate(reversed(RIDGES)):
        progress(k, len(RIDGES), "choosing the proxies' ridge")
        loss = float(loss_and_gradient(fit(batches, ridge, prior), unseen)[0])
        if loss >= least:
            break
        best, least = ridge, loss
    progress(len(RIDGES), len(RIDGES), "choosing the proxies' ridge")
    return best


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
    index = torch.from_numpy(rows).to(model.device)
    image = torch.nn.functional.normalize(pairs.image[index] @ (u * root), dim=1, eps=1e-8)
    text = torch.nn.functional.normalize(pairs.text[index] @ (vt.T * root), dim=1, eps=1e-8)
    return (image * text).sum(1).cpu().numpy().astype(np.float64)


def _prior_scale(batches: Batches, pairs: PreparedPairs) -> float:
    return 0.0 if pairs.similarity is None else prior_scale(batches, pairs.similarity)


def _prior(scale: float, like: torch.Tensor, similarity: torch.Tensor | None) -> torch.Tensor:
    return torch.zeros_like(like) if similarity is None else scale * similarity

