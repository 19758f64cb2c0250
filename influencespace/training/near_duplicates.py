"""Near-duplicate removal as SemDeDup does it (Abbas et al. 2023), to the pair.

Within each topic pairs are ordered by their cosine with the topic's centre, the least typical first. A pair repeats another as
much as it is like the most similar of those before it; the paper removes pairs above a threshold on this figure, so that of
two that are alike the one farther from the centre stays. Which pairs lie before it does not depend on the threshold, and so
the threshold that removes exactly so many is that of the k-th largest figure.

The paper compares photos. Here pairs are compared, by the mean of the cosines of their photos and of their captions, which
is what topics are made of: two captions of one photo are two pairs, not one and its copy.
"""

from __future__ import annotations

import numpy as np
import torch

from influencespace.proxy.crossfit import PreparedPairs

BUDGET = 64 * 2**20


def repetition(pairs: PreparedPairs, topics: np.ndarray, *, budget: int = BUDGET) -> np.ndarray:
    """(n_train,) float32: how much each training pair repeats another of its topic, a mean cosine in [-1, 1].

    The pair that is farthest from its topic's centre repeats none: -inf.

    Parameters
    ----------
    pairs
        Prepared features; only those of the training pairs are looked at.
    topics
        (n_train,) the topic of each training pair.
    budget
        Memory for one block of similarities, in bytes.
    """
    found = np.empty(len(topics), dtype=np.float32)
    order = np.argsort(topics, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(topics[order])) + 1):
        space = torch.cat(pairs.features(pairs.train[own]), dim=1) / np.sqrt(2)
        outward = torch.argsort(space @ space.mean(0), stable=True)
        found[own[outward.cpu().numpy()]] = _before(space[outward], budget).cpu().numpy()
    return found


def _before(space: torch.Tensor, budget: int) -> torch.Tensor:
    """(n,) the largest product of each row of (n, k) with a row before it; -inf for the first."""
    count, found = len(space), []
    size = max(1, budget // (space.element_size() * count))
    for start in range(0, count, size):
        stop = min(start + size, count)
        likeness = space[start:stop] @ space[:stop].T
        place = torch.arange(stop, device=space.device)
        found.append(likeness.masked_fill(place >= place[start:stop, None], -torch.inf).amax(1))
    return torch.cat(found)
