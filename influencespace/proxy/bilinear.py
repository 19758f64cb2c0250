r"""The proxy: a convex stand-in for the model that is to be trained.

Logits :math:`S = X M Y^\top` on prepared features, weighted InfoNCE over batches, and a ridge that pulls :math:`M` to a
prior :math:`M_0` (nothing, or the encoder's own similarity where image and text features are aligned):

.. math:: J(M) = \frac{1}{\sum_i w_i}\sum_i w_i\,\ell_i(M) + \frac{\lambda}{2}\,\lVert M - M_0\rVert_F^2 .

It is convex with one optimum, so retraining is deterministic, influence is well defined, and the Gauss-Newton matrix is
the Hessian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq

from influencespace.proxy.objective import logit_curvature, logit_gradient, softmaxes


@dataclass(frozen=True)
class Batches:
    """Prepared pairs and their partition into batches, each of which is one softmax.

    Attributes
    ----------
    image, text
        (n, kx) and (n, ky) prepared features on the device.
    photo
        (n,) int64, the photo of each pair.
    weights
        (n,) positive weights, or None for ones.
    parts
        The partition: index tensors.
    """

    image: torch.Tensor
    text: torch.Tensor
    photo: torch.Tensor
    weights: torch.Tensor | None
    parts: tuple[torch.Tensor, ...]

    @classmethod
    def draw(
        cls, image: torch.Tensor, text: torch.Tensor, photo: np.ndarray, size: int, seed: int,
        weights: np.ndarray | None = None,
    ) -> Batches:
        """Partition the pairs at random into equal batches of at most ``size``."""
        device = image.device
        parts = tuple(torch.from_numpy(part).to(device) for part in partition(len(image), size, seed))
        held = None if weights is None else torch.as_tensor(weights, dtype=image.dtype, device=device)
        return cls(image, text, torch.as_tensor(photo, dtype=torch.int64, device=device), held, parts)

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return float(len(self.image)) if self.weights is None else float(self.weights.sum())

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
        """Yields (positions, image, text, photo, weights) a batch."""
        for part in self.parts:
            yield part, self.image[part], self.text[part], self.photo[part], None if self.weights is None else self.weights[part]


def partition(count: int, size: int, seed: int) -> list[np.ndarray]:
    """The positions 0 to count - 1 at random in equal parts of at most ``size``."""
    return np.array_split(np.random.default_rng(seed).permutation(count), max(1, -(-count // size)))


def loss_and_gradient(m: torch.Tensor, batches: Batches) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean loss without the ridge, a scalar tensor, and its gradient (kx, ky)."""
    loss, gradient = m.new_zeros(()), torch.zeros_like(m)
    for _, x, y, photo, w in batches:
        p = softmaxes(x @ m @ y.T, w, photo)
        loss += p.loss.sum() if w is None else (w * p.loss).sum()
        gradient += x.T @ (logit_gradient(p, w) @ y)
    return loss / batches.total, gradient / batches.total


def curvature_products(m: torch.Tensor, batches: Batches, directions: torch.Tensor) -> torch.Tensor:
    """The Hessian of the mean loss (without the ridge) times each of (k, kx, ky) directions, in one pass over the data."""
    out = torch.zeros_like(directions)
    for _, x, y, photo, w in batches:
        p = softmaxes(x @ m @ y.T, w, photo)
        for k, v in enumerate(directions):
            out[k] += x.T @ (logit_curvature(p, x @ v @ y.T, w) @ y)
    return out / batches.total


def units(batches: Batches, ridge: float) -> torch.Tensor:
    """(kx, ky) units in which the curvature of the objective is about one in every direction.

    Where the softmax is flat, the curvature of :math:`M_{ab}` is about the mean square of image feature a times that of text
    feature b, plus the ridge; main directions of features differ in size by orders of magnitude.
    """
    return (torch.outer(batches.image.square().mean(0), batches.text.square().mean(0)) + ridge).rsqrt()


def fit(
    batches: Batches, ridge: float, prior: torch.Tensor, iterations: int = 100, tolerance: float = 1e-5,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """The optimum (kx, ky) by L-BFGS with a strong Wolfe line search, from ``start`` or else the prior.

    It works in :func:`units`, without which it takes twice as many steps. ``tolerance`` bounds the largest component of the
    gradient of the objective in these units, relative to that at the prior.
    """
    unit = units(batches, ridge)

    def objective(m: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, gradient = loss_and_gradient(m, batches)
        return loss + 0.5 * ridge * (m - prior).square().sum(), unit * (gradient + ridge * (m - prior))

    first = objective(prior)[1].abs().max().item()
    step = torch.zeros_like(prior) if start is None else (start - prior) / unit

    def closure() -> torch.Tensor:
        value, step.grad = objective(prior + unit * step)
        return value

    optimizer = torch.optim.LBFGS(
        [step], max_iter=iterations, max_eval=2 * iterations, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=tolerance * first, tolerance_change=0.0,
    )
    optimizer.step(closure)
    return prior + unit * step.detach()


def prior_scale(batches: Batches, similarity: torch.Tensor) -> float:
    """The scale s for which ``s * similarity`` (kx, ky) fits the pairs best: one-dimensional and convex, by Brent's method.

    Zero if the similarity says nothing of which text belongs to which image.
    """
    def slope(scale: float) -> float:
        total = 0.0
        for _, x, y, photo, w in batches:
            logits = x @ similarity @ y.T
            total += float((logit_gradient(softmaxes(scale * logits, w, photo), w) * logits).sum())
        return total

    low, high, largest = 0.0, 1.0, 1024.0
    if slope(low) >= 0:
        return 0.0
    while slope(high) < 0:
        if high >= largest:
            return largest
        low, high = high, 4 * high
    return brentq(slope, low, high, xtol=1e-4 * high)
