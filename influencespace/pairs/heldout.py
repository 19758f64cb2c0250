"""Which photos are held out: validation, which influence looks at, and test, which only evaluation sees.

Photos are told apart by the digest of their content, so that a copy under another name cannot slip from one set into
another.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import ALSO_HELD_OUT, ALSO_IN_VALIDATION, UNKNOWN_SPLIT, Problems
from influencespace.pairs.views import GROUP

SPLITS = {
    "train": "train", "training": "train",
    # In Karpathy's splits of COCO: what is left of its validation photos, on which everybody trains.
    "restval": "train",
    "validation": "validation", "val": "validation", "valid": "validation", "dev": "validation", "test": "test",
}
SMALLEST_STRATUM = 4


def sample(photos: np.ndarray, strata: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Draw photos, with every stratum represented as in the whole as far as numbers allow.

    The draw depends on the set of photos and the seed, and not on their order. Strata of fewer than four photos are drawn
    from as one.

    Parameters
    ----------
    photos
        (p,) digests, each once.
    strata
        (p,) the stratum of each.
    size
        How many to draw, 0 to p.
    seed
        Of the draw.

    Returns
    -------
    numpy.ndarray
        (p,) bool, which photos were drawn.
    """
    drawn = np.zeros(len(photos), dtype=bool)
    if size in (0, len(photos)):
        drawn[:] = size > 0
        return drawn
    order = np.argsort(photos)
    labels = _pooled(strata[order])
    kinds = len(np.unique(labels))
    possible = 1 < kinds <= min(size, len(photos) - size)
    chosen, _ = train_test_split(order, train_size=size, random_state=seed, stratify=labels if possible else None)
    drawn[chosen] = True
    return drawn


def halve(photos: np.ndarray, strata: np.ndarray, seed: int) -> np.ndarray:
    """(p,) bool, one half of the photos (:func:`sample`); of an odd number, the smaller half."""
    return sample(photos, strata, len(photos) // 2, seed)


def assign_splits(pairs: pd.DataFrame, options: ImportOptions, problems: Problems) -> pd.DataFrame:
    """Give every candidate its split; a photo ends in one split only, and pairs that stand in the way are reported.

    Parameters
    ----------
    pairs
        Candidates with ``photo``, ``origin``, ``holdout`` and their groups.

    Returns
    -------
    pandas.DataFrame
        The pairs that stay, with the column ``split``. A photo that is held out leaves training; one that is in
        validation leaves the test.
    """
    split = pairs["origin"].replace("source", "train")
    if options.holdout_column or pairs["holdout"].notna().any():
        split = pairs["holdout"].str.strip().str.lower().map(SPLITS)
        unknown = split.isna()
        detail = f"{options.holdout_column or 'the split'} is " + pairs["holdout"][unknown].fillna("empty")
        _report(pairs[unknown], UNKNOWN_SPLIT, problems, detail)
        pairs, split = pairs[~unknown], split[~unknown]
    elif not options.validation:
        photos, strata = _photos(pairs)
        size = min(len(photos), max(1, round(options.holdout * len(photos))))
        split = split.mask(pairs["photo"].isin(photos[sample(photos, strata, size, options.seed)]), "validation")
    # Of validation and test, the one that nothing names becomes half of the photos of the other.
    named = set(split)
    for absent, there in (("test", "validation"), ("validation", "test")):
        if absent not in named and there in named:
            photos, strata = _photos(pairs[split == there])
            half = photos[halve(photos, strata, options.seed)]
            split = split.mask((split == there) & pairs["photo"].isin(half), absent)
    if options.swap:
        split = split.replace({"validation": "test", "test": "validation"})
    pairs = pairs.assign(split=split)
    in_validation = pairs["photo"].isin(pairs["photo"][pairs["split"] == "validation"])
    pairs = _leave_out(pairs, (pairs["split"] == "test") & in_validation, ALSO_IN_VALIDATION, problems)
    in_heldout = pairs["photo"].isin(pairs["photo"][pairs["split"] != "train"])
    return _leave_out(pairs, (pairs["split"] == "train") & in_heldout, ALSO_HELD_OUT, problems)


def _photos(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(p,) distinct photos, and (p,) the stratum of each: its values of all group attributes."""
    first = pairs.drop_duplicates("photo")
    strata = pd.Series("", index=first.index)
    for name in first.columns:
        if name.startswith(GROUP):
            strata = strata + first[name] + "\n"
    return first["photo"].to_numpy(dtype=str), strata.to_numpy(dtype=str)


def _pooled(strata: np.ndarray) -> np.ndarray:
    """(p,) stratum codes in which every stratum has at least two photos, if there are two at all."""
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    rare = counts[codes] < SMALLEST_STRATUM
    if rare.any():
        # Too few rare ones to be a stratum of their own: they join the largest.
        codes[rare] = -1 if rare.sum() >= SMALLEST_STRATUM else counts.argmax()
    return codes


def _leave_out(pairs: pd.DataFrame, bad: pd.Series, kind: str, problems: Problems) -> pd.DataFrame:
    _report(pairs[bad], kind, problems, detail="photo " + pairs["photo"][bad])
    return pairs[~bad]


def _report(pairs: pd.DataFrame, kind: str, problems: Problems, detail: pd.Series) -> None:
    problems.report(kind, pairs["table"], pairs["row"], ids=pairs["id"], detail=detail)
