"""The preview of plans: what every reduction ratio would do to every target, quick enough to follow a slider.

The model behind it is :mod:`influencespace.influence.response`, reckoned once; a curve then takes milliseconds and no torch.
It is a Newton step from all pairs, too short for what plans do, and blind to what fewer pairs cost. So the proxy is retrained
under a dozen plans, and what the model misses there is added, the nearer a plan the more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from influencespace.curation.decisions import Decided
from influencespace.curation.duplicates import worth
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import Standing, pairs_to_remove
from influencespace.workspace import Artifact

RATIOS = np.arange(0, 0.91, 0.05)
# Of more pairs a sample stands for all; a thousand clusters then have forty each.
SAMPLE = 40_000


@dataclass(frozen=True)
class Response:
    """What the proxy does under any weights of the clusters, in m directions around its optimum on all pairs.

    Attributes
    ----------
    gradients, curvature
        (c, m) and (c, m, m), means over the pairs of each cluster.
    pull, ridge
        (m,) and (m, m), gradient and curvature of the ridge term.
    target_gradients, target_curvature
        (targets, m) and (targets, m, m).
    reference_shares, reference_missed
        (r, c) shares of the clusters in plans under which the proxy was retrained, and (r, targets) the gain that the model
        missed there.
    """

    gradients: np.ndarray
    curvature: np.ndarray
    pull: np.ndarray
    ridge: np.ndarray
    target_gradients: np.ndarray
    target_curvature: np.ndarray
    reference_shares: np.ndarray
    reference_missed: np.ndarray

    @classmethod
    def read(cls, effects: Artifact) -> Response:
        """From the artifact ``effects``."""
        return cls(**effects.tensors("response"))

    def gain(self, weights: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """By how much each target's loss falls below that with all pairs, in nats; positive = the plan helps.

        Parameters
        ----------
        weights
            (t, c) mean weight of the pairs of each cluster, removed ones counted as 0, in t plans.
        pairs
            (c,) how many pairs each cluster has.

        Returns
        -------
        (t, targets) float64
        """
        part = shares(weights, pairs)
        share = part.astype(np.float32)
        slope = share @ self.gradients + self.pull
        size = len(self.pull)
        bend = (share @ self.curvature.reshape(len(pairs), -1)).reshape(-1, size, size) + self.ridge
        step = -np.linalg.solve(bend.astype(np.float64), slope[:, :, None].astype(np.float64))[:, :, 0]
        bends = np.einsum("ti,qij,tj->tq", step, self.target_curvature, step, optimize=True)
        return self._missed(part) - (step @ self.target_gradients.T + 0.5 * bends)

    def _missed(self, share: np.ndarray) -> np.ndarray:
        """(t, targets): what the model misses in plans near those that were retrained (inverse distances: Shepard 1968)."""
        if not len(self.reference_shares):
            return np.zeros((len(share), self.reference_missed.shape[1]))
        near = np.maximum(cdist(share, self.reference_shares, "sqeuclidean"), 1e-12) ** -2.0
        return near @ self.reference_missed / near.sum(1, keepdims=True)


def shares(weights: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(t, c): the share of each cluster in all weights, from (t, c) mean weights of the pairs of clusters; 0 where all are 0."""
    mass = weights * pairs
    total = mass.sum(1, keepdims=True)
    return np.divide(mass, total, out=np.zeros_like(mass, dtype=np.float64), where=total > 0)


def weights_of(weights: np.ndarray, member: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(c,): the mean of (n,) weights over the pairs of each cluster."""
    return np.bincount(member, weights, minlength=len(pairs)) / pairs


def curve(
    response: Response, inputs: PlanInputs, decisions: dict, options: PlanOptions, ratios: np.ndarray = RATIOS
) -> np.ndarray:
    """(t, targets): the predicted gain of the plan of each reduction ratio on every target, in nats; positive = it helps.

    Of the options all count but the reduction itself.

    Raises
    ------
    PlanError
        If a decision cannot be followed.
    """
    decided = inputs.decided(decisions, options)
    own = inputs.standing(decided, options)
    return response.gain(weights_along(own, decided, options.cap, ratios), own.pairs)


def weights_along(own: Standing, decided: Decided, cap: float, ratios: np.ndarray = RATIOS) -> np.ndarray:
    """(t, c): the mean weight of the pairs of each cluster, removed ones counted as 0, in the plan of each reduction ratio.

    It is what :func:`~influencespace.curation.plan.make_plan` gives at each ratio, except that equal scores are ranked in turn;
    of more than 40,000 pairs a sample stands for all.
    """
    upward = np.argsort(own.value) if len(own.value) <= SAMPLE else _sample(own)
    value, member, goes = own.value[upward], own.member[upward], own.goes[upward]
    count, explicit, pruned = len(upward), ~np.isnan(decided.weight[upward]), decided.prune[upward]
    free = np.flatnonzero(~decided.any[upward])
    turn = np.where(pruned, -1, count)
    turn[free[np.lexsort((value[free], goes[free]))]] = np.arange(len(free))
    discount, given = (cap - 1) * worth(own.ranks.rank[upward]), np.where(explicit, decided.weight[upward], 0.0)
    pairs, by_hand = np.maximum(np.bincount(member, minlength=len(own.labels)), 1), int(pruned.sum())
    out = np.empty((len(ratios), len(own.labels)))
    for t, ratio in enumerate(ratios):
        kept = turn >= max(pairs_to_remove(count, ratio) - by_hand, 0)
        ranked = kept & ~explicit
        rank = np.cumsum(ranked) - 1
        out[t] = weights_of(np.where(ranked, 1 + discount * rank / max(int(ranked.sum()) - 1, 1), given), member, pairs)
    return out


def _sample(own: Standing) -> np.ndarray:
    """(40,000,) indices of pairs drawn at random, by rising score."""
    rows = np.random.default_rng(0).integers(0, len(own.value), SAMPLE)
    return rows[np.argsort(own.value[rows])]
