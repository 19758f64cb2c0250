"""What the tests of the engine share: the objective as a plain loop, and pairs of which a share is planted wrong."""

import numpy as np
import torch

from influencespace.proxy.crossfit import PreparedPairs


def plain_losses(logits, weights=None, photo=None):
    """The loss of every pair of a batch by its definition, term by term; of tensors, so that it can be differentiated."""
    b = len(logits)
    weights = [1.0] * b if weights is None else weights
    losses = []
    for i in range(b):
        by_image = by_text = 0.0
        for j in range(b):
            if j != i and photo is not None and photo[i] == photo[j]:
                continue
            by_image = by_image + weights[j] * torch.exp(logits[i, j])
            by_text = by_text + weights[j] * torch.exp(logits[j, i])
        losses.append(0.5 * (torch.log(by_image) - logits[i, i]) + 0.5 * (torch.log(by_text) - logits[i, i]))
    return torch.stack(losses)


def planted_views(n, k, wrong=0.25, seed=0, aligned=False, noise=0.3):
    """Two noisy views (n, k) of one vector, of which a share is swapped among pairs; and (n,) bool which."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(n, k))
    swapped = np.sort(rng.choice(n, int(wrong * n), replace=False))
    told = source.copy()
    told[swapped] = source[np.roll(swapped, 1)]
    turn = np.eye(k) if aligned else np.linalg.qr(rng.normal(size=(k, k)))[0]
    image, text = (view + noise * rng.normal(size=(n, k)) for view in (source, told @ turn))
    return image, text, np.isin(np.arange(n), swapped)


def planted_pairs(n=120, k=5, photo=None, train=None, aligned=False, **how):
    """Prepared pairs in double precision, and (n,) bool which are wrong."""
    image, text, wrong = planted_views(n, k, aligned=aligned, **how)
    x, y = (torch.nn.functional.normalize(torch.from_numpy(view), dim=1) for view in (image, text))
    pairs = PreparedPairs(
        x, y, np.arange(n) if photo is None else photo, np.arange(n) if train is None else train,
        torch.eye(k, dtype=torch.float64) if aligned else None,
    )
    return pairs, wrong
