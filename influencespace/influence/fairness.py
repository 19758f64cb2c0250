"""Gaps between groups: which two groups of an attribute lie farthest apart, and what clusters do to the distance."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

GAP = "gap."


@dataclass(frozen=True)
class Gap:
    """The distance between the losses of the group that is served worst and the one that is served best.

    Attributes
    ----------
    attribute
        The attribute whose groups are compared.
    behind, ahead
        The targets with the highest and the lowest validation loss.
    size
        Loss of ``behind`` less that of ``ahead``.
    reach
        Half of its 95 % interval over photos, widened (Bonferroni) for how many pairs of groups it was picked from.
    """

    attribute: str
    behind: str
    ahead: str
    size: float
    reach: float

    @property
    def name(self) -> str:
        """What its columns are called: ``gap.ATTRIBUTE``."""
        return GAP + self.attribute

    @property
    def within_chance(self) -> bool:
        """Whether the photos cannot tell that there is a gap: then there may be none to close."""
        return self.size <= self.reach


def gaps(targets: list[dict]) -> list[Gap]:
    """The gap of every attribute of which two groups or more are targets, in the order of their first targets.

    Parameters
    ----------
    targets
        As stored with the scores: ``name, attribute, loss, loss_error``.
    """
    found = []
    for attribute in dict.fromkeys(target["attribute"] for target in targets if target["attribute"]):
        groups = [target for target in targets if target["attribute"] == attribute]
        if len(groups) > 1:
            behind, ahead = (pick(groups, key=lambda target: target["loss"]) for pick in (max, min))
            if behind is ahead:  # all alike
                behind, ahead = groups[:2]
            looked_at = len(list(itertools.combinations(groups, 2)))
            error = np.hypot(behind["loss_error"], ahead["loss_error"])
            reach = float(-ndtri(0.025 / looked_at) * error)
            found.append(Gap(attribute, behind["name"], ahead["name"], behind["loss"] - ahead["loss"], reach))
    return found


def gap_scores(scores: np.ndarray, names: list[str], found: list[Gap]) -> np.ndarray:
    """(..., gaps): the influence on each gap, of (..., targets) influence on targets.

    The sign is the one everywhere: positive = keeping it helps, here by narrowing the gap. Taken pair by pair, so that what
    a pair does to both groups alike, such as having a wrong caption, cancels before any error is estimated.
    """
    behind, ahead = ([names.index(getattr(gap, side)) for gap in found] for side in ("behind", "ahead"))
    return scores[..., behind] - scores[..., ahead]
