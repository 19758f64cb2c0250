r"""The proxy at its optimum on all training pairs: what removal effects start from, and what retraining gives the truth for.

Selection scores come from cross-fitted proxies; removal effects are about one proxy that has seen all pairs. It is convex,
so that what retraining ends in depends on the data alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from influencespace.engines import HERE, Engine, Piece
from influencespace.influence.scores import target_gradients
from influencespace.proxy.bilinear import Batches, fit, loss_and_gradient, prior_scale
from influencespace.proxy.crossfit import PreparedPairs
from influencespace.proxy.objective import pair_losses

ITERATIONS = 400
# Of the gradient at the prior. A hundredth of the gradient that taking out one of fifty clusters leaves.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Optimum:
    """A fitted proxy together with all that it was fitted to.

    Attributes
    ----------
    batches
        The training pairs, n of them, in the batches that contrast them.
    model
        (kx, ky), the optimum.
    prior
        (kx, ky), what the ridge pulls it to.
    ridge
        Strength of the ridge.
    """

    batches: Batches
    model: torch.Tensor
    prior: torch.Tensor
    ridge: float

    @classmethod
    def of(
        cls, pairs: PreparedPairs, rows: np.ndarray, ridge: float, batch_size: int, seed: int, engine: Engine = HERE
    ) -> Optimum:
        """Fit the proxy to some pairs (positions in all pairs), ten times closer than retraining is asked to come."""
        batches = pairs.batches(rows, batch_size, seed)

        def fitted() -> Piece:
            prior = pairs.zeros if pairs.similarity is None else prior_scale(batches, pairs.similarity) * pairs.similarity
            model = fit(batches, ridge, prior, ITERATIONS, 0.1 * TOLERANCE)
            return {"model": model.cpu().numpy(), "prior": prior.cpu().numpy()}

        found = engine.once("optimum", fitted)
        model, prior = (torch.tensor(found[name]).to(pairs.zeros) for name in ("model", "prior"))
        return cls(batches, model, prior, ridge)

    def gradient(self, m: torch.Tensor, batches: Batches) -> torch.Tensor:
        """(kx, ky): the gradient of the objective, ridge included, on other batches."""
        return loss_and_gradient(m, batches)[1] + self.ridge * (m - self.prior)

    def retrained(self, weights: np.ndarray) -> torch.Tensor:
        """(kx, ky): the optimum under (n,) weights, 0 = without the pair, by L-BFGS from the present optimum."""
        if not (weights > 0).any():
            return self.prior
        changed = reweighted(self.batches, weights)
        return fit(changed, self.ridge, self.prior, ITERATIONS, TOLERANCE, start=self.model)


def reweighted(batches: Batches, weights: np.ndarray) -> Batches:
    """The same batches with (n,) weights; pairs of weight 0 are gone from them, so that what changes is the data alone."""
    given = torch.as_tensor(weights, dtype=batches.image.dtype, device=batches.image.device)
    kept = given > 0
    place = torch.cumsum(kept, 0) - 1
    parts = tuple(place[part[kept[part]]] for part in batches.parts if bool(kept[part].any()))
    plain = bool((given[kept] == 1).all())
    return Batches(batches.image[kept], batches.text[kept], batches.photo[kept], None if plain else given[kept], parts)


@dataclass(frozen=True)
class TargetLosses:
    """The losses of all targets as functions of the proxy.

    Attributes
    ----------
    batches
        The validation pairs, m of them.
    anchors
        (targets, m) the share of every validation pair in each target.
    """

    batches: Batches
    anchors: np.ndarray

    def at(self, m: torch.Tensor) -> np.ndarray:
        """(targets,) float64."""
        losses = np.zeros(len(self.batches.image))
        for part, x, y, photo, _ in self.batches:
            losses[part.cpu().numpy()] = pair_losses(x @ m @ y.T, photo).cpu().numpy()
        return self.anchors @ losses

    def gradients(self, m: torch.Tensor) -> torch.Tensor:
        """(targets, kx, ky)."""
        return target_gradients(m, self.batches, self.anchors)[0]
