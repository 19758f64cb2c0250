"""Image-text matching, and the parity of its decisions between groups.

A matcher says of an image and a caption whether they belong together: their similarity reaches a threshold. For every
true pair there is one false one, the caption beside another photo *of the same group*, so that a decision about a pair
is a decision about one group and every group has as many true as false pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference

PARITY, OPPORTUNITY = "demographic_parity_difference", "equal_opportunity_difference"


@dataclass(frozen=True)
class Matching:
    """What a trained arm decided about each caption of the test photos.

    Attributes
    ----------
    positive
        (m,) bool, the caption beside its own photo was called a match.
    negative
        (m,) bool, the caption beside another photo of the same group was called a match.
    drawn
        (m,) bool, there was another photo in the group; where not, the caption takes no part.
    """

    positive: np.ndarray
    negative: np.ndarray
    drawn: np.ndarray

    def correct(self) -> np.ndarray:
        """(m,) float, share of the caption's two decisions that are right; their mean is the balanced accuracy."""
        return (self.positive * 1.0 + ~self.negative) / 2


def draw_negatives(photo: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """For each caption another photo of the same group, uniformly.

    Parameters
    ----------
    photo
        (m,) int, the photo of each caption.
    groups
        (p,) the group of each photo.
    seed
        Of the draw.

    Returns
    -------
    numpy.ndarray
        (m,) int, the photo to put beside the caption; -1 where the group has no other.
    """
    rng = np.random.default_rng(seed)
    negatives = np.full(len(photo), -1, dtype=np.int64)
    codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    for code in range(codes.max(initial=-1) + 1):
        members = np.flatnonzero(codes == code)
        captions = np.flatnonzero(codes[photo] == code)
        if len(members) < 2:
            continue
        # A draw among the others: positions from the photo's own on move up by one.
        own = np.searchsorted(members, photo[captions])
        other = rng.integers(len(members) - 1, size=len(captions))
        negatives[captions] = members[other + (other >= own)]
    return negatives


def best_threshold(positive: np.ndarray, negative: np.ndarray) -> float:
    """The threshold on similarity that maximises balanced accuracy; "match" means at or above it.

    It lies half-way between two observed similarities, the lowest such place where several are as good. Similarities
    that are no numbers are left out; without any, everything matches (minus infinity).
    """
    positive, negative = (np.sort(values[np.isfinite(values)]) for values in (positive, negative))
    if not len(positive) or not len(negative):
        return -np.inf
    observed = np.unique(np.concatenate([positive, negative]).astype(np.float64))
    candidates = np.concatenate([[-np.inf], (observed[1:] + observed[:-1]) / 2])
    matched = 1 - np.searchsorted(positive, candidates) / len(positive)
    rejected = np.searchsorted(negative, candidates) / len(negative)
    return float(candidates[np.argmax(matched + rejected)])


class Judge(Protocol):
    """Whatever says how well photos and captions belong together.

    Attributes
    ----------
    photo
        (m,) int, the photo of each caption.
    """

    photo: np.ndarray

    def similarity(self, photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """(k,) float64 for k photos beside k captions: higher = they rather belong together."""


def match(
    validation: Judge, test: Judge, validation_groups: np.ndarray, test_groups: np.ndarray, seed: int = 0
) -> Matching:
    """Decide about the test pairs with the threshold that is best on the validation pairs.

    Parameters
    ----------
    validation, test
        What the trained model says of each split.
    validation_groups, test_groups
        (p,) the group of each photo, within which false pairs are drawn.
    seed
        Of the false pairs: the same for every arm, so that all decide about the same pairs.
    """
    true, false, drawn = _beside(validation, validation_groups, seed)
    threshold = best_threshold(true[drawn], false[drawn])
    true, false, drawn = _beside(test, test_groups, seed + 1)
    return Matching(drawn & (true >= threshold), drawn & (false >= threshold), drawn)


def _beside(judge: Judge, groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(m,) similarities of the captions with their own photo and with another of its group, and whether there is one."""
    other = draw_negatives(judge.photo, groups, seed)
    captions = np.arange(len(other))
    return judge.similarity(judge.photo, captions), judge.similarity(other, captions), other >= 0


def parity_differences(matchings: list[Matching], photo: np.ndarray, groups: np.ndarray, compared: list[str]) -> dict:
    """Demographic parity and equal opportunity differences of the decisions of all seeds together, by fairlearn.

    Parameters
    ----------
    matchings
        One a seed.
    photo
        (m,) int, the photo of each caption.
    groups
        (p,) the group of each photo.
    compared
        The groups that count; fewer than two give differences of 0.

    Returns
    -------
    dict
        ``demographic_parity_difference``: maximum minus minimum over groups of the rate at which pairs, true and
        false alike, are called a match; ``equal_opportunity_difference``: the same for true pairs. Both in [0, 1].
    """
    if len(compared) < 2:
        return {PARITY: 0.0, OPPORTUNITY: 0.0}
    of_caption = np.asarray(groups, dtype=str)[photo]
    counts = [matching.drawn & np.isin(of_caption, compared) for matching in matchings]
    decided = [
        np.concatenate([m.positive[c], m.negative[c]]) for m, c in zip(matchings, counts, strict=True)
    ]
    truth = [np.repeat([1, 0], np.count_nonzero(c)) for c in counts]
    group = [np.tile(of_caption[c], 2) for c in counts]
    true, predicted, sensitive = (np.concatenate(part) for part in (truth, decided, group))
    differences = {PARITY: demographic_parity_difference, OPPORTUNITY: equal_opportunity_difference}
    return {
        name: float(difference(true, predicted.astype(int), sensitive_features=sensitive))
        for name, difference in differences.items()
    }
