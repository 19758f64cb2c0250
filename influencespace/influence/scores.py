r"""Selection scores: the influence of every pair on every target, from proxies that have not seen the pair.

With :math:`u_q = (H + \delta)^{-1} \nabla L_q`, taking pair i out moves the optimum by
:math:`(H + \delta)^{-1} \nabla \ell_i / n`, and so the target's loss by the slope of the pair's loss along :math:`u_q`
(Koh & Liang 2017, eq. 2), divided by n. One forward-mode pass scores all pairs for all targets: no gradient of a single
pair is ever formed. Two estimands are offered: ``anchor`` differentiates the pair's own loss
(:func:`~influencespace.proxy.objective.anchor_slope`), ``full`` also its terms in the denominators of others
(:func:`~influencespace.proxy.objective.weight_derivative`). A mismatched pair still serves as a negative, so ``full``
shows damage less; docs/results.md has the comparison.

The sign is the same everywhere: positive = keeping the pair helps (lowers the target's loss).
"""

from __future__ import annotations

import numpy as np
import torch

from influencespace.influence.curvature import LowRankCurvature
from influencespace.influence.options import ScoreOptions
from influencespace.influence.targets import Target
from influencespace.progress import Progress, silent
from influencespace.proxy.bilinear import Batches
from influencespace.proxy.crossfit import CrossFit, PreparedPairs, draw_folds
from influencespace.proxy.objective import anchor_slope, logit_gradient, softmaxes, weight_derivative
from influencespace.proxy.options import ProxyOptions


def pair_scores(
    pairs: PreparedPairs, fitted: CrossFit, validation: np.ndarray, targets: list[Target], proxy: ProxyOptions,
    options: ScoreOptions, progress: Progress = silent,
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
    repeats, folds = fitted.priors.shape
    out, losses = np.zeros((2, len(pairs.train), len(targets))), np.zeros(len(validation))
    half = draw_folds(pairs.photo[validation], 2, proxy.seed)
    anchors = np.concatenate([np.stack([t.anchors * (half == h) for t in targets]) for h in (0, 1)])
    for r in range(repeats):
        for f in range(folds):
            progress(r * folds + f, repeats * folds, "scoring pairs")
            seed = proxy.seed + 1000 * r + f
            model, inside = fitted.models[r, f], np.flatnonzero(fitted.folds[r] != f)
            seen = pairs.batches(pairs.train[inside], proxy.batch_size, seed)
            gradients, loss = target_gradients(model, pairs.batches(validation, proxy.batch_size, seed), anchors)
            losses += loss / (repeats * folds)
            curvature = LowRankCurvature.of(model, seen, options.rank, seed)
            directions = curvature.solve(gradients, options.damping * fitted.ridge)
            held = np.flatnonzero(fitted.folds[r] == f)
            unseen = pairs.batches(pairs.train[held], proxy.batch_size, seed)
            found = slopes(model, unseen, directions, options.estimand)
            out[:, held] += found.reshape(len(held), 2, len(targets)).swapaxes(0, 1) / repeats
    progress(repeats * folds, repeats * folds, "scoring pairs")
    return out / len(pairs.train), losses


def target_gradients(m: torch.Tensor, batches: Batches, anchors: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """Gradients (k, kx, ky) of the losses with (k, m) anchors, and the loss (m,) of every validation pair, in one pass."""
    gradients, losses = m.new_zeros((len(anchors), *m.shape)), np.zeros(len(batches.image))
    shares = torch.as_tensor(anchors).to(m)
    for part, x, y, photo, _ in batches:
        p = softmaxes(x @ m @ y.T, None, photo)
        for q in range(len(anchors)):
            share = shares[q, part]
            gradients[q] += x.T @ (logit_gradient(p, share) @ y)
        losses[part.cpu().numpy()] = p.loss.cpu().numpy()
    return gradients, losses


def slopes(m: torch.Tensor, batches: Batches, directions: torch.Tensor, estimand: str) -> np.ndarray:
    """(n, directions) float64: the slope of every pair's share of the loss along each of (k, kx, ky) directions."""
    out = torch.zeros((len(batches.image), len(directions)), dtype=m.dtype, device=m.device)
    for part, x, y, photo, w in batches:
        p = softmaxes(x @ m @ y.T, w, photo)
        for k, u in enumerate(directions):
            change = x @ u @ y.T
            out[part, k] = anchor_slope(p, change) if estimand == "anchor" else weight_derivative(p, change, w)
    return out.cpu().numpy().astype(np.float64)
