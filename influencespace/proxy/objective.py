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
    negatives = _negatives(logits, photo)
    rows = columns = negatives
    if weights is not None:
        offset = weights.log()
        rows, columns = negatives + offset[None, :], negatives + offset[:, None]
    by_image, image_total = _softmax(rows, 1)
    by_text, text_total = _softmax(columns, 0)
    return BatchSoftmax(by_image, by_text, 0.5 * (image_total + text_total) - logits.diagonal())


def pair_losses(logits: torch.Tensor, photo: torch.Tensor | None = None) -> torch.Tensor:
    """(b,): the loss of every pair alone, in half the time of :func:`softmaxes`, from one exponential of each logit."""
    negatives = _negatives(logits, photo)
    top = negatives.amax()
    terms = (negatives - top).exp_()
    image_total, text_total = terms.sum(1), terms.sum(0)
    # A row far below the largest logit of all would lose its digits.
    if min(image_total.min(), text_total.min()) < torch.finfo(logits.dtype).tiny ** 0.5:
        return softmaxes(logits, None, photo).loss
    return 0.5 * (image_total.log() + text_total.log()) + top - logits.diagonal()


def _negatives(logits: torch.Tensor, photo: torch.Tensor | None) -> torch.Tensor:
    if photo is None or len(photo.unique()) == len(photo):
        return logits
    return logits.masked_fill(twins(photo), -torch.inf)


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
