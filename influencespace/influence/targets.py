"""Targets: what a validation loss is about. Overall, and one for every compared value of every group attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from influencespace.pairs.views import HeldOut

OVERALL = "overall"
# The loss of a handful of photos says little of a group; such groups are left to the overall target.
MINIMUM_PHOTOS = 5


@dataclass(frozen=True)
class Target:
    """One validation loss: the mean over some validation photos of the mean loss of each photo's pairs.

    Attributes
    ----------
    name
        "overall" or "attribute=value".
    attribute, value
        None for overall.
    photos
        How many validation photos it is about.
    anchors
        (m,) float64, the share of every validation pair in the mean; sums to 1.
    """

    name: str
    attribute: str | None
    value: str | None
    photos: int
    anchors: np.ndarray


def make_targets(heldout: HeldOut, compared: dict[str, list[str]]) -> list[Target]:
    """Overall first, then the groups in the order of ``compared``; groups of fewer than 5 photos are left out."""
    per_photo = np.bincount(heldout.photo, minlength=heldout.photos)
    share = 1.0 / per_photo[heldout.photo]
    targets = [Target(OVERALL, None, None, heldout.photos, share / share.sum())]
    for attribute, values in compared.items():
        for value in values:
            member = heldout.groups[attribute] == value
            if member.sum() >= MINIMUM_PHOTOS:
                part = share * member[heldout.photo]
                targets.append(Target(f"{attribute}={value}", attribute, value, int(member.sum()), part / part.sum()))
    return targets


def target_losses(targets: list[Target], heldout: HeldOut, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss of every target and its standard error over photos, (targets,) each, from (m,) losses of validation pairs."""
    per_photo = np.bincount(heldout.photo, losses) / np.bincount(heldout.photo)
    mean, error = np.zeros(len(targets)), np.zeros(len(targets))
    for q, target in enumerate(targets):
        own = per_photo[np.unique(heldout.photo[target.anchors > 0])]
        mean[q], error[q] = own.mean(), own.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.inf
    return mean, error
