r"""Curvature of the proxy: a low-rank approximation with its damping complement.

The Gauss-Newton matrix (for the bilinear proxy also the Hessian) is approximated from a few products with random
directions by the randomized Nystroem method (Frangella, Tropp & Udell 2023, algorithm 2.1). Inverse products use

.. math:: (H + \delta)^{-1} g \approx U (\Lambda + \delta)^{-1} U^\top g + \tfrac1\delta (g - U U^\top g),

where the second term, the complement, is what the low rank does not see; leaving it out ruins the scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from influencespace.proxy.bilinear import Batches, curvature_products


@dataclass(frozen=True)
class LowRankCurvature:
    """The main directions of the curvature of a proxy's mean loss (without its ridge).

    Attributes
    ----------
    vectors
        (p, r) orthonormal columns over the flattened parameters, p = kx * ky.
    values
        (r,) eigenvalues, descending, not negative.
    """

    vectors: torch.Tensor
    values: torch.Tensor

    @classmethod
    def of(cls, m: torch.Tensor, batches: Batches, rank: int, seed: int) -> LowRankCurvature:
        """From ``rank`` products with random directions, at parameters m (kx, ky)."""
        generator = torch.Generator().manual_seed(seed)
        rank = min(rank, m.numel())
        drawn = torch.randn(m.numel(), rank, generator=generator, dtype=torch.float64).to(m)
        test = torch.linalg.qr(drawn).Q
        products = curvature_products(m, batches, test.T.reshape(rank, *m.shape)).reshape(rank, -1).T
        # The shift keeps the Cholesky factor of a nearly singular core well-defined, be there no curvature at all; it is
        # taken off again.
        precision = torch.finfo(m.dtype)
        shift = precision.eps * products.norm().clamp(min=precision.tiny**0.5) * m.numel() ** 0.5
        products = products + shift * test
        core = test.T @ products
        factor = torch.linalg.cholesky(0.5 * (core + core.T))
        left = torch.linalg.solve_triangular(factor, products.T, upper=False).T
        vectors, roots, _ = torch.linalg.svd(left, full_matrices=False)
        return cls(vectors, (roots.square() - shift).clamp(min=0))

    def solve(self, right: torch.Tensor, damping: float) -> torch.Tensor:
        """(k, kx, ky): the inverse of the damped curvature times each of (k, kx, ky) right-hand sides."""
        flat = right.reshape(len(right), -1)
        inside = flat @ self.vectors
        gain = 1 / (self.values + damping) - 1 / damping
        return (flat / damping + (inside * gain) @ self.vectors.T).reshape(right.shape)
