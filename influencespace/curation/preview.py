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
from influencespace.curation.order import RATIO_STEPS
from influencespace.curation.plan import pairs_to_remove
from influencespace.curation.standing import Standing
from influencespace.workspace import Artifact

# Between steps of 5 % straight lines were up to a third of the whole range away; steps of 1 % cost little more.
RATIOS = RATIO_STEPS
CAPS = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0])
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
    decided = inputs.decided(decisions)
    return grid(response, inputs.standing(decided, options), decided, ratios, np.array([options.cap]))[:, 0]


def grid(
    response: Response, own: Standing, decided: Decided, ratios: np.ndarray = RATIOS, caps: np.ndarray = CAPS
) -> np.ndarray:
    """(t, k, targets): the predicted gain of the plan of each reduction ratio and cap on every target, in nats.

    Mean weights are linear in the cap, so that all caps cost one pass over the pairs.
    """
    plain, slope = _weights_along(own, decided, ratios)
    weights = plain[:, None] + (np.asarray(caps) - 1)[:, None] * slope[:, None]
    return response.gain(weights.reshape(-1, len(own.labels)), own.pairs).reshape(len(ratios), len(caps), -1)


def weights_along(own: Standing, decided: Decided, cap: float, ratios: np.ndarray = RATIOS) -> np.ndarray:
    """(t, c): the mean weight of the pairs of each cluster, removed ones counted as 0, in the plan of each reduction ratio.

    It is what :func:`~influencespace.curation.plan.make_plan` gives at each ratio, except that equal scores are ranked in turn;
    of more than 40,000 pairs a sample stands for all.
    """
    plain, slope = _weights_along(own, decided, ratios)
    return plain + (cap - 1) * slope


def _weights_along(own: Standing, decided: Decided, ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(t, c) mean weights at a cap of one, and (t, c) by how much they rise for each further one of the cap."""
    rows = own.upward if len(own.value) <= SAMPLE else _sample(own)
    member, turn, at_cap = own.member[rows], _turns(own, decided, rows), decided.up_weight[rows]
    given = np.where(at_cap, 1.0, decided.weight[rows])
    count, free = len(own.labels), np.isnan(given)
    pairs, by_hand = np.maximum(np.bincount(member, minlength=count), 1), int(decided.prune.sum())
    fixed = np.bincount(member[~free], given[~free], minlength=count)
    fixed_slope = np.bincount(member[at_cap], minlength=count)
    member, turn, worths = member[free], turn[free], worth(own.ranks.rank[rows])[free]
    plain, slope = np.empty((2, len(ratios), count))
    for t, ratio in enumerate(ratios):
        stays = turn >= max(pairs_to_remove(len(own.value), ratio) - by_hand, 0)
        rank, one = np.cumsum(stays, dtype=np.int32), stays.astype(np.float64)
        plain[t] = (fixed + np.bincount(member, one, minlength=count)) / pairs
        risen = np.bincount(member, (rank - 1) * (worths * one), minlength=count)
        slope[t] = (fixed_slope + risen / max(np.count_nonzero(stays) - 1, 1)) / pairs
    return plain, slope


def _turns(own: Standing, decided: Decided, rows: np.ndarray) -> np.ndarray:
    """(m,) the place of each of these m pairs in the order of removal: -1 for those pruned by hand, n for those that stay."""
    turn, wanted = np.empty(len(own.value), dtype=np.int64), np.zeros(len(own.value), dtype=bool)
    turn[rows], wanted[rows] = np.where(decided.prune[rows], -1, len(turn)), True
    at = np.flatnonzero(wanted[own.removable])
    turn[own.removable[at]] = at
    return turn[rows]


def _sample(own: Standing) -> np.ndarray:
    """(40,000,) pairs drawn at random, by rising score."""
    return own.upward[np.sort(np.random.default_rng(0).integers(0, len(own.value), SAMPLE))]
