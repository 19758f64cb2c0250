r"""Selection scores: the influence of every pair on every target, from proxies that have not seen the pair.

With :math:`u_q = (H + \delta)^{-1} \nabla L_q`, putting weight :math:`\epsilon` more on pair i moves the optimum by
:math:`-\epsilon (H + \delta)^{-1} \partial_{w_i} \nabla L / n`, and so the target's loss by minus the slope of the pair's
share of the loss along :math:`u_q` (Koh & Liang 2017, eq. 2). One pass over the data with the directional derivative of
:func:`influencespace.proxy.objective.weight_derivative` scores all pairs: no gradient of a single pair is ever formed.

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
from influencespace.proxy.crossfit import CrossFit, PreparedPairs
from influencespace.proxy.objective import logit_gradient, softmaxes, weight_derivative
from influencespace.proxy.options import ProxyOptions


def pair_scores(
    pairs: PreparedPairs, fitted: CrossFit, validation: np.ndarray, targets: list[Target], proxy: ProxyOptions,
    options: ScoreOptions, progress: Progress = silent,
) -> np.ndarray:
    """Cross-fitted influence of each training pair on each target, one for each draw of the folds.

    Parameters
    ----------
    validation
        (m,) positions of the validation pairs in all pairs; the anchors of the targets are over these.

    Returns
    -------
    (repeats, n_train, targets) float64, in units of the target's loss for one pair at weight one more, times n_train.
    """
    repeats, folds = fitted.priors.shape
    out = np.zeros((repeats, len(pairs.train), len(targets)))
    for r in range(repeats):
        for f in range(folds):
            progress(r * folds + f, repeats * folds, "scoring pairs")
            seed = proxy.seed + 1000 * r + f
            model, inside = fitted.models[r, f], np.flatnonzero(fitted.folds[r] != f)
            seen = pairs.batches(pairs.train[inside], proxy.batch_size, seed)
            gradients, _ = target_gradients(model, pairs.batches(validation, proxy.batch_size, seed), targets)
            curvature = LowRankCurvature.of(model, seen, options.rank, seed)
            directions = curvature.solve(gradients, options.damping * proxy.ridge)
            held = np.flatnonzero(fitted.folds[r] == f)
            unseen = pairs.batches(pairs.train[held], proxy.batch_size, seed)
            out[r, held] = slopes(model, unseen, directions)
    progress(repeats * folds, repeats * folds, "scoring pairs")
    return out


def target_gradients(m: torch.Tensor, batches: Batches, targets: list[Target]) -> tuple[torch.Tensor, np.ndarray]:
    """Gradient (targets, kx, ky) and value (targets,) of every target's loss, in one pass over the validation pairs."""
    gradients, losses = m.new_zeros((len(targets), *m.shape)), np.zeros(len(targets))
    anchors = torch.as_tensor(np.stack([t.anchors for t in targets])).to(m)
    for part, x, y, photo, _ in batches:
        p = softmaxes(x @ m @ y.T, None, photo)
        for q in range(len(targets)):
            share = anchors[q, part]
            gradients[q] += x.T @ (logit_gradient(p, share) @ y)
            losses[q] += float(share @ p.loss)
    return gradients, losses


def slopes(m: torch.Tensor, batches: Batches, directions: torch.Tensor) -> np.ndarray:
    """(n, directions) float64: the slope of every pair's share of the loss along each of (k, kx, ky) directions."""
    out = torch.zeros((len(batches.image), len(directions)), dtype=m.dtype, device=m.device)
    for part, x, y, photo, w in batches:
        p = softmaxes(x @ m @ y.T, w, photo)
        for k, u in enumerate(directions):
            out[part, k] = weight_derivative(p, x @ u @ y.T, w)
    return out.cpu().numpy().astype(np.float64)
