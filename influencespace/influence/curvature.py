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
        (p, r) orthonormal columns over the flattened parameters, p = kx * ky; r is at most the rank asked for, and less
        where there is less curvature.
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
        # The core is factored by its eigenvectors. The shifted Cholesky factor of the algorithm need not exist in single
        # precision where there are fewer pairs than directions; what lies below the rounding of the products is left out.
        core = test.T @ products
        inside, rotation = torch.linalg.eigh(0.5 * (core + core.T))
        seen = inside > 10 * torch.finfo(m.dtype).eps * rank**0.5 * products.norm()
        left = products @ (rotation[:, seen] / inside[seen].sqrt())
        vectors, roots, _ = torch.linalg.svd(left, full_matrices=False)
        return cls(vectors, roots.square())

    def solve(self, right: torch.Tensor, damping: float) -> torch.Tensor:
        """(k, kx, ky): the inverse of the damped curvature times each of (k, kx, ky) right-hand sides."""
        flat = right.reshape(len(right), -1)
        inside = flat @ self.vectors
        gain = 1 / (self.values + damping) - 1 / damping
        return (flat / damping + (inside * gain) @ self.vectors.T).reshape(right.shape)
