"""Features made ready for the proxy: centred, reduced to their main directions, of unit length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA

from influencespace.errors import ProxyError

SAMPLE = 50_000
# Rows that are brought to float32 at once.
CHUNK = 65_536


@dataclass(frozen=True)
class Preparation:
    """An affine map and a normalisation, fitted once on training features.

    Attributes
    ----------
    mean
        (d,) float32.
    basis
        (d, k) float32, orthonormal columns; k <= d.
    """

    mean: np.ndarray
    basis: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray | Rows, dimensions: int, seed: int) -> Preparation:
        """Fit to (n, d) features; a sample of 50,000 rows when there are more.

        Raises
        ------
        ProxyError
            If there is one row, or the features do not vary at all.
        """
        if len(features) < 2:
            raise ProxyError("Fewer than two training pairs are too few to learn from; import more of them.")
        rows = np.arange(len(features))
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(seed).choice(len(rows), SAMPLE, replace=False))
        sample = np.asarray(features[rows], dtype=np.float32)
        mean = sample.mean(0)
        # Centred before PCA sees it: the covariance of features far from zero loses its digits in float32.
        sample -= mean
        spread = float(np.square(sample).sum(1).mean())
        if spread <= 1e-8 * max(1.0, float(np.square(mean).sum())):
            raise ProxyError("All pairs have the same features, so nothing can be learnt from them; check the encoder.")
        limit = min(dimensions, sample.shape[1], len(sample) - 1)
        pca = PCA(limit, svd_solver="covariance_eigh" if sample.shape[1] <= 4096 else "randomized", random_state=seed)
        pca.fit(sample)
        varies = pca.explained_variance_ > 1e-7 * pca.explained_variance_[0]
        return cls(mean, np.ascontiguousarray(pca.components_[varies].T.astype(np.float32)))

    def apply(self, features: np.ndarray, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """(n, k) rows of unit length (zero where a row equals the mean), computed in float32 and kept as ``dtype``."""
        out = torch.empty((len(features), self.basis.shape[1]), dtype=dtype)
        for start in range(0, len(features), CHUNK):
            centred = np.asarray(features[start : start + CHUNK], dtype=np.float32) - self.mean
            out[start : start + CHUNK] = torch.nn.functional.normalize(torch.from_numpy(centred @ self.basis), dim=1, eps=1e-8)
        return out


class Rows:
    """Some rows of a memory-mapped (n, d) array, read only where asked."""

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self._array, self._rows = array, rows
        self.shape = (len(rows), array.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        return self._array[self._rows[index]]
