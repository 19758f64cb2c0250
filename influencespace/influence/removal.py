r"""Removal effects: what taking a whole cluster out does to every target, in the target's own size.

First-order influence takes the curvature to stay as it is. A cluster takes its own curvature with it, and the step it leaves
behind is too long for a straight line, so first-order figures have the wrong size (Koh et al. 2019). Here the proxy's
objective without the cluster, :math:`J_{-c}`, is followed from the optimum :math:`M` on all pairs, and what is left undone is
weighed by the adjoint:

1. The gradient :math:`g_0 = \nabla J_{-c}(M)` is known for all clusters after one pass over the data
   (:func:`gradients_without`).
2. A step :math:`d` against the gradient, in units in which the curvature is about one, to :math:`M + d`. The gradient
   :math:`g_1` there holds the cluster's own curvature, for :math:`g_1 - g_0 = (H - H_c) d` and higher orders along the step;
   how far to go follows from it, and leaves the residual gradient :math:`r`. Where much is left, a second step follows, as
   in L-BFGS.
3. The target's loss is evaluated at the point :math:`\hat M` so reached, not linearised, and what the rest of the way would
   bring is added to first order:

   .. math:: \Delta_q = L_q(\hat M) - L_q(M) - u_q^\top r , \qquad u_q = (H + \lambda)^{-1} \nabla L_q(M) .

   The error of this is the product of two small ones, that of the point and that of the adjoint :math:`u_q` (adjoint error
   correction: Pierce & Giles 2000; dual-weighted residuals: Becker & Rannacher 2001). The adjoints are solved once a target
   and serve all clusters.

Positive = keeping the cluster helps: without it, the target's loss is higher.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from influencespace.engines import HERE, Engine, Piece
from influencespace.errors import InfluenceSpaceError
from influencespace.influence.optimum import Optimum, TargetLosses, reweighted
from influencespace.influence.scores import slopes
from influencespace.progress import Progress, silent
from influencespace.proxy.bilinear import curvature_products, units
from influencespace.proxy.objective import softmaxes

# The adjoints' residual, relative; what is left of it is multiplied by the small residual of the steps.
ADJOINT_TOLERANCE = 0.03
ADJOINT_ITERATIONS = 300
# Steps end when what is left, weighed by the adjoints, is at most this part of the spread of first-order effects.
ENOUGH = 0.1
# Clusters whose gradients are found in one pass over the data.
TOGETHER = 64


class RemovalEffects:
    """Predicts what other weights of the pairs do to the targets, from the optimum on all pairs.

    Attributes
    ----------
    optimum, losses
        The proxy, and the targets.
    before
        (targets,) the losses at the optimum.
    adjoints
        (targets, kx, ky), :math:`(H + \\lambda)^{-1} \\nabla L_q`.
    unit
        (kx, ky), units in which the curvature is about one.
    """

    def __init__(self, optimum: Optimum, losses: TargetLosses, engine: Engine = HERE) -> None:
        self.optimum, self.losses = optimum, losses
        self.before = losses.at(optimum.model)
        self.unit = units(optimum.batches, optimum.ridge)
        solved = engine.once("adjoints", lambda: {"adjoints": self._solve(losses.gradients(optimum.model)).cpu().numpy()})
        self.adjoints = torch.tensor(solved["adjoints"]).to(optimum.model)

    def first_order(self, member: np.ndarray, count: int, estimand: str = "full") -> np.ndarray:
        """(count, targets): first-order influence of the clusters that (n,) ``member`` numbers, for comparison."""
        found = slopes(self.optimum.model, self.optimum.batches, self.adjoints, estimand)
        # The mean is over fewer pairs without the cluster: what counts is how its slope differs from the mean slope.
        found -= found.mean(0)
        return np.stack([np.bincount(member, column, minlength=count) for column in found.T], 1) / len(member)

    def of_clusters(
        self, member: np.ndarray, clusters: np.ndarray, steps: int, progress: Progress = silent, engine: Engine = HERE
    ) -> np.ndarray:
        """(len(clusters), targets) float64: the removal effects of some of the clusters that (n,) ``member`` numbers, each of
        which is a piece for the engine."""
        out, enough = np.zeros((len(clusters), len(self.before))), ENOUGH * self.first_order(member, int(member.max()) + 1).std(0)
        progress(0, len(clusters), "predicting removals")
        for k, found in enumerate(engine.map(Removals(self, member, clusters, steps, enough), len(clusters))):
            out[k] = found["effect"]
            progress(k + 1, len(clusters), "predicting removals")
        return out

    def of_weights(self, weights: np.ndarray, steps: int) -> np.ndarray:
        """(targets,) float64: the effect of (n,) weights, 0 = without the pair, such as those of a plan."""
        if not (weights > 0).any():
            return self.losses.at(self.optimum.prior) - self.before
        start = self.optimum.gradient(self.optimum.model, reweighted(self.optimum.batches, weights))
        return self.effect(weights, start, steps, np.zeros(len(self.before)))

    def effect(self, weights: np.ndarray, start: torch.Tensor, steps: int, enough: np.ndarray) -> np.ndarray:
        """(targets,) float64: the effect of (n,) weights, under which the gradient at the optimum is ``start`` (kx, ky): at most
        ``steps``, until what the adjoints say is left is at most (targets,) ``enough``."""
        if not (weights > 0).any():
            return self.losses.at(self.optimum.prior) - self.before
        changed, model, unit = reweighted(self.optimum.batches, weights), self.optimum.model, self.unit
        point, residual, steps_taken = torch.zeros_like(model), unit * start, []
        end, left = point, self._left(residual)
        for _ in range(steps):
            direction = -_quasi_newton(residual, steps_taken)
            change = unit * self.optimum.gradient(model + unit * (point + direction), changed) - residual
            # As far as the gradient, taken to be linear, says; a further step starts where the true gradient is known.
            share = -_dot(residual, direction) / _dot(direction, change)
            end, missing = point + share * direction, residual + share * change
            left = self._left(missing)
            if (np.abs(left) <= enough).all():
                break
            point, residual = point + direction, residual + change
            steps_taken.append((direction, change))
        return self.losses.at(model + unit * end) - self.before + left

    def _left(self, residual: torch.Tensor) -> np.ndarray:
        """(targets,) what the rest of the way does to the losses, to first order, from the gradient in the units."""
        return -(self.adjoints * (residual / self.unit)).sum((1, 2)).cpu().numpy()

    def _solve(self, right: torch.Tensor) -> torch.Tensor:
        """(k, kx, ky): the inverse of the curvature and ridge times right-hand sides, by conjugate gradients in the units."""
        unit = self.unit
        solution, residual = torch.zeros_like(right), unit * right
        direction, size = residual.clone(), _norms(residual)
        aim = ADJOINT_TOLERANCE**2 * size
        for _ in range(ADJOINT_ITERATIONS):
            if bool((size <= aim).all()):
                return unit * solution
            product = unit * (
                curvature_products(self.optimum.model, self.optimum.batches, unit * direction)
                + self.optimum.ridge * unit * direction
            )
            # A target that nothing pulls at has no direction left.
            step = size / (direction * product).sum((1, 2)).clamp_min(torch.finfo(right.dtype).tiny)
            solution += step[:, None, None] * direction
            residual = residual - step[:, None, None] * product
            after = _norms(residual)
            direction = residual + (after / size.clamp_min(torch.finfo(right.dtype).tiny))[:, None, None] * direction
            size = after
        raise InfluenceSpaceError(
            f"The targets' influence could not be solved for in {ADJOINT_ITERATIONS} steps: the proxy's ridge "
            f"({self.optimum.ridge:g}) is too weak for these features. Fit the proxies with a larger one."
        )


@dataclass(frozen=True)
class Removals:
    """Predicts the removal of clusters, one a piece."""

    effects: RemovalEffects
    member: np.ndarray
    clusters: np.ndarray
    steps: int
    enough: np.ndarray

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``effect`` (targets,) a piece."""
        wanted = iter(self.clusters[piece] for piece in pieces)
        while len(some := np.array(list(islice(wanted, TOGETHER)))):
            starts = gradients_without(self.effects.optimum, self.member, some)
            for cluster, start in zip(some, starts, strict=True):
                weights = (self.member != cluster).astype(np.float64)
                yield {"effect": self.effects.effect(weights, start, self.steps, self.enough)}


def gradients_without(optimum: Optimum, member: np.ndarray, clusters: np.ndarray) -> torch.Tensor:
    r"""(len(clusters), kx, ky): the gradient of the objective without each cluster, at the optimum with it.

    Without cluster c, the softmax of image i over the texts that stay is the old one over :math:`1 - \sum_{j \in c} P_{ij}`; so
    the softmax mean of the texts follows from the old one and the cluster's few columns, and no logits are computed again.
    """
    model, batches = optimum.model, optimum.batches
    of_pair = torch.as_tensor(member, device=model.device)
    out = model.new_zeros((len(clusters), *model.shape))
    for part, x, y, photo, _ in batches:
        p = softmaxes(x @ model @ y.T, None, photo)
        mean_y, mean_x, pairs, inside = p.by_image @ y, p.by_text.T @ x, x.T @ y, of_pair[part]
        for k, cluster in enumerate(clusters):
            own = torch.nonzero(inside == int(cluster))[:, 0]
            rest_y = _mean_without(p.by_image[:, own], mean_y, y[own], own)
            rest_x = _mean_without(p.by_text[own].T, mean_x, x[own], own)
            out[k] += 0.5 * (x.T @ rest_y + rest_x.T @ y) - (pairs - x[own].T @ y[own])
    sizes = torch.as_tensor(np.bincount(member, minlength=int(clusters.max()) + 1)[clusters]).to(model)
    left = (len(member) - sizes).clamp_min(1)[:, None, None]
    return out / left + optimum.ridge * (model - optimum.prior)


def _mean_without(share: torch.Tensor, mean: torch.Tensor, features: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """(b, k): softmax means without the columns ``own``, whose (b, o) probabilities and (o, k) features these are; 0 in their
    rows."""
    left = (1 - share.sum(1)).clamp_min(torch.finfo(share.dtype).eps)
    scale = 1 / left
    scale[own] = 0
    return (mean - share @ features) * scale[:, None]


def _quasi_newton(gradient: torch.Tensor, steps: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """The inverse curvature that (step, change of the gradient) pairs tell of, times a gradient; the rest is taken to be one.

    The two-loop recursion of L-BFGS (Nocedal 1980).
    """
    out, shares = gradient, []
    for step, change in reversed(steps):
        share = _dot(step, out) / _dot(step, change)
        shares.append(share)
        out = out - share * change
    for (step, change), share in zip(steps, reversed(shares), strict=True):
        out = out + step * (share - _dot(change, out) / _dot(step, change))
    return out


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).sum()


def _norms(residual: torch.Tensor) -> torch.Tensor:
    return residual.square().sum((1, 2))
