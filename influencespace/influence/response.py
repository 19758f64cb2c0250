r"""What the proxy's optimum does under any weights of the clusters, in a few directions: the model behind the preview of plans.

Removing many clusters at once is not the sum of removing each: what they share counts once, and what is left takes over. In
the objective under weights :math:`\omega_c` of the clusters, gradient and curvature at the optimum M on all pairs are linear in
:math:`\omega`, so a plan's step solves

.. math:: \Big[\tfrac1W \sum_c \omega_c H_c + \lambda\Big] \delta = -\Big[\tfrac1W \sum_c \omega_c g_c + \lambda (M - M_0)\Big],
    \qquad W = \sum_c \omega_c n_c ,

a Newton step with the curvature of what stays. It is solved in the span of a few directions (a Galerkin projection): the
targets' adjoints, in which a first-order prediction is exact; what the ridge pulls along; and the main directions in which the
clusters pull. There, :math:`H_c` are small matrices, and a whole curve of plans takes milliseconds
(:mod:`influencespace.curation.preview`).

The softmaxes of the optimum are kept: a removed pair is gone as an anchor, not yet as a negative of others. How close that
comes to retraining is in docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from influencespace.influence.removal import RemovalEffects
from influencespace.progress import Progress, silent
from influencespace.proxy.bilinear import Batches
from influencespace.proxy.objective import softmaxes

DIRECTIONS = 32
# Numbers that the curvatures of some pairs take at once.
CHUNK = 2**22


def response(
    effects: RemovalEffects, member: np.ndarray, count: int, progress: Progress = silent, directions: int = DIRECTIONS
) -> dict[str, np.ndarray]:
    """Project the objective and the targets on some ``directions``.

    Parameters
    ----------
    effects
        The optimum, the targets and their adjoints.
    member
        (n,) the cluster of each pair of the optimum, numbered below ``count``.

    Returns
    -------
    dict
        With m directions, float32: ``gradients`` (count, m) and ``curvature`` (count, m, m), means over the pairs of each
        cluster; ``pull`` (m,), the gradient of the ridge term; ``ridge`` (m, m), its curvature; ``target_gradients``
        (targets, m) and ``target_curvature`` (targets, m, m).
    """
    optimum, losses = effects.optimum, effects.losses
    model, batches = optimum.model, optimum.batches
    own = anchor_gradients(model, batches, member, count)
    basis = _basis(effects, own, directions)
    flat = basis.flatten(1)
    curvature = model.new_zeros((count, len(basis), len(basis)))
    of_pair = torch.as_tensor(member, device=model.device)
    done = 0
    for pairs, found in pair_curvatures(model, batches, basis):
        progress(done, 2 * len(member), "preparing the preview of plans")
        curvature.index_add_(0, of_pair[pairs], found)
        done += len(pairs)
    progress(2 * len(member), 2 * len(member), "preparing the preview of plans")
    anchors = torch.as_tensor(losses.anchors.T.copy()).to(model)
    of_targets = model.new_zeros((len(losses.anchors), len(basis), len(basis)))
    for pairs, found in pair_curvatures(model, losses.batches, basis):
        of_targets += torch.einsum("rq,rij->qij", anchors[pairs], found)
    sizes = torch.as_tensor(np.maximum(np.bincount(member, minlength=count), 1)).to(model)
    out = {
        "gradients": own.flatten(1) @ flat.T / sizes[:, None], "curvature": curvature / sizes[:, None, None],
        "pull": optimum.ridge * (flat @ (model - optimum.prior).flatten()), "ridge": optimum.ridge * flat @ flat.T,
        "target_gradients": losses.gradients(model).flatten(1) @ flat.T, "target_curvature": of_targets,
    }
    return {name: np.ascontiguousarray(value.cpu().numpy().astype(np.float32)) for name, value in out.items()}


def anchor_gradients(m: torch.Tensor, batches: Batches, member: np.ndarray, count: int) -> torch.Tensor:
    """(count, kx, ky): the sum of the gradients of their own losses over the pairs of each cluster."""
    out = m.new_zeros((count, *m.shape))
    of_pair = torch.as_tensor(member, device=m.device)
    for part, x, y, photo, _ in batches:
        p = softmaxes(x @ m @ y.T, None, photo)
        to_text, to_image = 0.5 * (p.by_image @ y) - y, 0.5 * (p.by_text.T @ x)
        inside = of_pair[part]
        for cluster in inside.unique():
            own = inside == cluster
            out[cluster] += x[own].T @ to_text[own] + to_image[own].T @ y[own]
    return out


def pair_curvatures(m: torch.Tensor, batches: Batches, basis: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yields positions (r,) of pairs and the curvatures (r, k, k) of half their losses along (k, kx, ky) directions.

    Every pair comes twice, once as an image among texts and once as a text among images: the covariance of the directions'
    logits under its softmax, halved.
    """
    for part, x, y, photo, _ in batches:
        p = softmaxes(x @ m @ y.T, None, photo)
        for own, other, share, turned in ((x, y, p.by_image, basis), (y, x, p.by_text.T, basis.mT)):
            along = turned.permute(1, 0, 2).reshape(own.shape[1], -1)
            for some in torch.arange(len(part), device=m.device).split(max(1, CHUNK // (len(basis) * len(part)))):
                directions = (own[some] @ along).view(len(some), len(basis), -1)
                mean = (directions @ (share[some] @ other)[:, :, None]).squeeze(2)
                spread = (directions @ other.T) * share[some].sqrt()[:, None, :]
                yield part[some], 0.5 * (spread @ spread.mT - mean[:, :, None] * mean[:, None, :])


def _basis(effects: RemovalEffects, own: torch.Tensor, directions: int) -> torch.Tensor:
    """(at most ``directions``, kx, ky), orthonormal in the units of the curvature."""
    optimum, unit = effects.optimum, effects.unit
    first = torch.cat([effects.adjoints, (optimum.model - optimum.prior)[None]]) / unit
    pulls = (unit * own).flatten(1)
    # The main directions of few clusters in many parameters, from the small side.
    values, vectors = torch.linalg.eigh(pulls @ pulls.T)
    main = vectors[:, values > 1e-6 * values[-1]].flip(1)[:, : max(directions - len(first), 0)]
    both = torch.cat([first.flatten(1), main.T @ pulls])[:directions]
    both = both[both.norm(dim=1) > 0]
    columns = torch.linalg.qr((both / both.norm(dim=1, keepdim=True)).T).Q
    return unit * columns.T.reshape(-1, *unit.shape)
