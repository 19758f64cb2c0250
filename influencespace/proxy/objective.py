r"""The contrastive objective that proxy, influence and trainers share, in closed form.

In a batch with logits :math:`S` (image :math:`i`, text :math:`j`) and pair weights :math:`w`, the loss of pair :math:`i`
is the mean of its two directions,

.. math:: \ell_i = \tfrac12\Big[\log\sum_j w_j e^{S_{ij}} - S_{ii}\Big] + \tfrac12\Big[\log\sum_j w_j e^{S_{ji}} - S_{ii}\Big],

and the loss of the batch is :math:`\sum_i w_i \ell_i`: a weight multiplies the pair's anchor terms and its terms in the
denominators of others (weighted symmetric InfoNCE; Oord et al. 2018, Radford et al. 2021). Pairs of one photo ("twins")
are no negatives of each other: their terms are left out of the denominators.

All functions take the logits of one batch as a torch tensor ``(b, b)`` of any float dtype on any device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class BatchSoftmax:
    """The softmaxes of one batch, from which loss, gradient and curvature follow.

    Attributes
    ----------
    by_image
        (b, b), row i: the probability of each text for image i.
    by_text
        (b, b), column i: the probability of each image for text i.
    loss
        (b,), the unweighted loss of each pair.
    """

    by_image: torch.Tensor
    by_text: torch.Tensor
    loss: torch.Tensor


def twins(photo: torch.Tensor) -> torch.Tensor:
    """(b, b) bool: pairs of the same photo, the diagonal excepted; ``photo`` is (b,) int."""
    same = photo[:, None] == photo[None, :]
    same.fill_diagonal_(False)
    return same


def softmaxes(logits: torch.Tensor, weights: torch.Tensor | None = None, photo: torch.Tensor | None = None) -> BatchSoftmax:
    """Both softmaxes and the loss of every pair of a batch.

    Parameters
    ----------
    logits
        (b, b).
    weights
        (b,) pair weights, all positive; None for ones.
    photo
        (b,) int; pairs with the same number are no negatives of each other. None when all differ.
    """
    negatives = logits
    if photo is not None and len(photo.unique()) < len(photo):
        negatives = logits.masked_fill(twins(photo), -torch.inf)
    rows = columns = negatives
    if weights is not None:
        offset = weights.log()
        rows, columns = negatives + offset[None, :], negatives + offset[:, None]
    by_image, image_total = _softmax(rows, 1)
    by_text, text_total = _softmax(columns, 0)
    return BatchSoftmax(by_image, by_text, 0.5 * (image_total + text_total) - logits.diagonal())


def _softmax(logits: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The softmax along a dimension and the logarithm of its denominator, from the same exponentials."""
    top = logits.detach().amax(dim, keepdim=True)
    terms = (logits - top).exp_()
    total = terms.sum(dim, keepdim=True)
    # In place where nothing is to be differentiated: as much time goes into fresh memory as into the exponentials.
    probability = terms / total if terms.requires_grad else terms.div_(total)
    return probability, (top + total.log()).squeeze(dim)


def logit_gradient(p: BatchSoftmax, weights: torch.Tensor | None = None) -> torch.Tensor:
    r"""(b, b): the gradient of :math:`\sum_i w_i \ell_i` with respect to the logits."""
    if weights is None:
        gradient = (p.by_image + p.by_text).mul_(0.5)
        gradient.diagonal().sub_(1)
        return gradient
    gradient = (weights[:, None] * p.by_image).add_(p.by_text * weights[None, :]).mul_(0.5)
    gradient.diagonal().sub_(weights)
    return gradient


def logit_curvature(p: BatchSoftmax, change: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    r"""(b, b): the Hessian of :math:`\sum_i w_i \ell_i` with respect to the logits, times a change of the logits (b, b).

    For logits that are linear in the parameters this is the Gauss-Newton matrix and the Hessian at once.
    """
    by_image = p.by_image * (change - (p.by_image * change).sum(1, keepdim=True))
    by_text = p.by_text * (change - (p.by_text * change).sum(0, keepdim=True))
    if weights is None:
        return 0.5 * (by_image + by_text)
    return 0.5 * (weights[:, None] * by_image + by_text * weights[None, :])
