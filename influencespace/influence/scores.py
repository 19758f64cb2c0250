r"""Selection scores: the influence of every pair on every target, from proxies that have not seen the pair.

With :math:`u_q = (H + \delta)^{-1} \nabla L_q`, taking pair i out moves the optimum by
:math:`(H + \delta)^{-1} \nabla \ell_i / n`, and so the target's loss by the slope of the pair's loss along :math:`u_q`
(Koh & Liang 2017, eq. 2), divided by n. One forward-mode pass scores all pairs for all targets: no gradient of a single
pair is ever formed. Two estimands are offered: ``anchor`` differentiates the pair's own loss, ``full`` also its terms in the
denominators of others. A mismatched pair still serves as a negative, so ``full``
shows damage less; docs/results.md has the comparison.

The sign is the same everywhere: positive = keeping the pair helps (lowers the target's loss).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from influencespace.engines import HERE, Engine, Piece
from influencespace.influence.curvature import LowRankCurvature
from influencespace.influence.options import ScoreOptions
from influencespace.influence.targets import Target
from influencespace.progress import Progress, silent
from influencespace.proxy.bilinear import Batches
from influencespace.proxy.crossfit import CrossFit, PreparedPairs, chunks, draw_folds
from influencespace.proxy.objective import softmaxes
from influencespace.proxy.options import ProxyOptions

# Pairs that the curvature is taken from; with four times as many, scores moved by 3e-4 of their spread (docs/benchmarks.md).
CURVED = 4_096
# Numbers that the directions of one batch may take at once.
CHUNK = 2**23


@dataclass(frozen=True)
class Passes:
    """What both passes over the proxies work on; a proxy is named by its draw and fold, and numbered draw by draw."""

    pairs: PreparedPairs
    fitted: CrossFit
    proxy: ProxyOptions
    options: ScoreOptions

    @property
    def proxies(self) -> list[tuple[int, int]]:
        """All proxies, in order."""
        return list(np.ndindex(self.fitted.priors.shape))


@dataclass(frozen=True)
class Solving(Passes):
    """The first pass, over the validation pairs: :func:`influence_directions`, one proxy a piece."""

    validation: np.ndarray
    anchors: np.ndarray

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``directions`` (k, kx, ky) and ``losses`` (m,) a piece."""
        for which in (self.proxies[piece] for piece in pieces):
            directions, losses = influence_directions(
                self.pairs, self.fitted, which, self.validation, self.anchors, self.proxy, self.options
            )
            yield {"directions": directions.cpu().numpy(), "losses": losses}


@dataclass(frozen=True)
class Scoring(Passes):
    """The second pass, over the training pairs that a proxy has not seen: their slopes, one chunk of pairs a piece.

    Attributes
    ----------
    directions
        Those of each proxy.
    """

    directions: list[np.ndarray]

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The number of the proxy and of the chunk, of each piece."""
        return [
            (k, chunk) for k, (r, f) in enumerate(self.proxies)
            for chunk in range(chunks(int((self.fitted.folds[r] == f).sum()), self.proxy.batch_size))
        ]

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``rows`` (h,) among the training pairs and ``slopes`` (h, k) a piece."""
        parts = self.parts
        for k, chunk in (parts[piece] for piece in pieces):
            directions = torch.tensor(self.directions[k]).to(self.pairs.zeros)
            rows, found = unseen_slopes(
                self.pairs, self.fitted, self.proxies[k], directions, self.proxy, self.options, [chunk]
            )
            yield {"rows": rows, "slopes": found}


def pair_scores(
    pairs: PreparedPairs, fitted: CrossFit, validation: np.ndarray, targets: list[Target], proxy: ProxyOptions,
    options: ScoreOptions, progress: Progress = silent, engine: Engine = HERE,
) -> tuple[np.ndarray, np.ndarray]:
    """Cross-fitted influence of each training pair on each target, and the validation losses that it is about.

    Parameters
    ----------
    validation
        (m,) positions of the validation pairs in all pairs; the anchors of the targets are over these.

    Returns
    -------
    scores
        (2, n_train, targets) float64, mean over the draws of the folds; the score is the sum of the two parts, each of which
        comes from one random half of the validation photos, so that chance can be told from influence. In units of the
        target's loss: by how much taking the pair out raises it, to first order and as strongly damped as ``options``
        say, so that it orders pairs but does not predict.
    losses
        (m,) float64, the loss of every validation pair, mean over the proxies.
    """
    anchors = half_anchors(targets, pairs.photo[validation], proxy.seed)
    solving = Solving(pairs, fitted, proxy, options, validation, anchors)
    count = len(solving.proxies)
    directions, losses = [], np.zeros(len(validation))
    progress(0, count, "solving for the targets")
    for found in engine.map(solving, count):
        directions.append(found["directions"])
        losses += found["losses"] / count
        progress(len(directions), count, "solving for the targets")
    scoring = Scoring(pairs, fitted, proxy, options, directions)
    out, parts = np.zeros((2, len(pairs.train), len(targets))), len(scoring.parts)
    progress(0, parts, "scoring pairs")
    for done, found in enumerate(engine.map(scoring, parts)):
        by_half = found["slopes"].reshape(-1, 2, len(targets)).swapaxes(0, 1)
        out[:, found["rows"]] += by_half / len(fitted.folds)
        progress(done + 1, parts, "scoring pairs")
    return out / len(pairs.train), losses


def half_anchors(targets: list[Target], photo: np.ndarray, seed: int) -> np.ndarray:
    """(2 x targets, m): the anchors of all targets in one random half of the validation photos, then in the other."""
    half = draw_folds(photo, 2, seed)
    return np.concatenate([np.stack([t.anchors * (half == h) for t in targets]) for h in (0, 1)])


def influence_directions(
    pairs: PreparedPairs, fitted: CrossFit, which: tuple[int, int], validation: np.ndarray, anchors: np.ndarray,
    proxy: ProxyOptions, options: ScoreOptions,
) -> tuple[torch.Tensor, np.ndarray]:
    """The directions u (k, kx, ky) of (k, m) anchors for the proxy ``which`` (draw, fold), and the validation losses (m,)."""
    model, seed = fitted.models[which], _seed(which, proxy)
    gradients, losses = target_gradients(model, pairs.batches(validation, proxy.batch_size, seed), anchors)
    sampled = replace(proxy, fitted_pairs=min(proxy.fitted_pairs, CURVED))
    seen = pairs.seen(fitted.folds[which[0]], which[1], sampled, seed)
    return LowRankCurvature.of(model, seen, options.rank, seed).solve(gradients, options.damping * fitted.ridge), losses


def unseen_slopes(
    pairs: PreparedPairs, fitted: CrossFit, which: tuple[int, int], directions: torch.Tensor, proxy: ProxyOptions,
    options: ScoreOptions, only: Iterable[int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The training pairs that the proxy ``which`` (draw, fold) has not seen, (h,), and their slopes (h, k).

    ``only`` numbers the chunks of these pairs that are gone over; all of them by default.
    """
    held = np.flatnonzero(fitted.folds[which[0]] == which[1])
    rows, found = [], []
    for number in range(chunks(len(held), proxy.batch_size)) if only is None else only:
        places, batches = pairs.chunk(pairs.train[held], proxy.batch_size, _seed(which, proxy), number)
        rows.append(held[places])
        found.append(slopes(fitted.models[which], batches, directions, options.estimand))
    return np.concatenate(rows), np.concatenate(found)


def target_gradients(m: torch.Tensor, batches: Batches, anchors: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    r"""Gradients (k, kx, ky) of the losses with (k, m) anchors, and the loss (m,) of every validation pair, in one pass.

    With the softmax means of :func:`slopes`, the gradient of pair i is :math:`x_i (\bar y_i / 2 - y_i)^\top + \bar x_i
    y_i^\top / 2`.
    """
    gradients, losses = m.new_zeros((len(anchors), *m.shape)), np.zeros(len(batches.image))
    shares = torch.as_tensor(anchors).to(m)
    for part, x, y, photo, _ in batches:
        p = softmaxes(x @ m @ y.T, None, photo)
        mean_x, mean_y = 0.5 * (p.by_text.T @ x), 0.5 * (p.by_image @ y) - y
        for q, share in enumerate(shares[:, part]):
            gradients[q] += (share[:, None] * x).T @ mean_y + mean_x.T @ (share[:, None] * y)
        losses[part.cpu().numpy()] = p.loss.cpu().numpy()
    return gradients, losses


def slopes(m: torch.Tensor, batches: Batches, directions: torch.Tensor, estimand: str) -> np.ndarray:
    r"""(n, directions) float64: the slope of every pair's share of the loss along each of (k, kx, ky) directions.

    Notes
    -----
    With the softmaxes P (by image) and R (by text) of a batch and their means :math:`\bar y_i = \sum_j P_{ij} y_j` and
    :math:`\bar x_j = \sum_i R_{ij} x_i`, the slope of the pair's own loss along U is

    .. math:: \tfrac12 x_i^\top U \bar y_i + \tfrac12 \bar x_i^\top U y_i - x_i^\top U y_i ,

    so that the logits of a batch are gone over twice, not once a direction. What a pair's weight does as a negative of others
    needs two more means, :math:`\tilde x_j = \sum_i w_i P_{ij} x_i` and :math:`\tilde y_i = \sum_j R_{ij} w_j y_j`: with
    :math:`r_i = x_i^\top U \bar y_i` and :math:`c_j = \bar x_j^\top U y_j` it is

    .. math:: \tfrac{1}{2 w_i} \Big[\tilde x_i^\top U y_i + x_i^\top U \tilde y_i - \sum_j P_{ji} w_j r_j
        - \sum_j R_{ij} w_j c_j\Big] .
    """
    out = torch.empty((len(batches.image), len(directions)), dtype=m.dtype, device=m.device)
    for part, x, y, photo, w in batches:
        p = softmaxes(x @ m @ y.T, w, photo)
        mean_x, mean_y = p.by_text.T @ x, p.by_image @ y
        if estimand == "full":
            own = torch.ones_like(p.loss)[:, None] if w is None else w[:, None]
            as_negative_x, as_negative_y = p.by_image.T @ (own * x), p.by_text @ (own * y)
        for some in torch.arange(len(directions), device=m.device).split(max(1, CHUNK // x.numel())):
            along_x, along_y = _along(x, directions[some]), _along(y, directions[some].mT)
            row, column = _dot(along_x, mean_y), _dot(along_y, mean_x)
            slope = 0.5 * (row + column) - _dot(along_x, y)
            if estimand == "full":
                slope += (_dot(along_y, as_negative_x) + _dot(along_x, as_negative_y)) / (2 * own)
                slope -= (p.by_image.T @ (own * row) + p.by_text @ (own * column)) / (2 * own)
            out[part[:, None], some] = slope
    return out.cpu().numpy().astype(np.float64)


def _along(x: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """(b, q, ky): (b, kx) features times each of (q, kx, ky) directions, as one product of two matrices."""
    q, kx, ky = directions.shape
    return (x @ directions.permute(1, 0, 2).reshape(kx, q * ky)).view(len(x), q, ky)


def _dot(along: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(b, q) inner products of (b, q, k) with (b, k)."""
    return (along @ y[:, :, None]).squeeze(2)


def _seed(which: tuple[int, int], proxy: ProxyOptions) -> int:
    return proxy.seed + 1000 * which[0] + which[1]
