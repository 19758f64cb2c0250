"""Finding pairs: by the text of their captions, by what a query means, and by likeness to another pair.

Texts are scanned and features compared one by one, without an index: a million captions take a fifth of a second, a million
vectors of 512 numbers a few seconds, and an index would have to be kept beside every workspace.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import FeaturesError
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact

if TYPE_CHECKING:
    from influencespace.features.encoder import Encoder

IMPORTED = "imported"
# Bytes of features in float32 that are looked at at once.
BUDGET = 32 << 20
# Rows that say where the middle of the features is.
SAMPLE = 20_000
_BEFORE, _AFTER = r"(?:^|[^\pL\pM\pN_])", r"(?:$|[^\pL\pM\pN_])"


def captions_with(captions: pa.ChunkedArray, query: str, *, words: bool) -> np.ndarray:
    """Which captions hold a query; upper and lower case are the same, and no character has a special meaning.

    Parameters
    ----------
    captions
        (n,) texts.
    query
        What to look for.
    words
        Whether every word of the query must be there as a whole word, in any order and place; else the query as it stands
        must be a part of the caption.

    Returns
    -------
    numpy.ndarray
        (k,) int64 indices, ascending; none for an empty query.
    """
    parts = query.split() if words else [query] if query else []
    if not parts:
        return np.empty(0, dtype=np.int64)
    found = None
    # The longest word first: it is the rarest, and the others need only be looked for where it is.
    for part in sorted(set(parts), key=len, reverse=True):
        left = captions if found is None else captions.take(pa.array(found))
        hits = np.flatnonzero(pc.fill_null(_holds(left, part, words), False).to_numpy(zero_copy_only=False))
        found = hits if found is None else found[hits]
    return found


def _holds(captions: pa.ChunkedArray, part: str, word: bool) -> pa.ChunkedArray:
    if not word:
        return pc.match_substring(captions, part, ignore_case=True)
    return pc.match_substring_regex(captions, f"{_BEFORE}{re.escape(part)}{_AFTER}", ignore_case=True)


def likeness(
    features: np.ndarray, vector: np.ndarray, *, centre: np.ndarray | None = None, progress: Progress = silent
) -> np.ndarray:
    """The cosine of every row with a vector.

    Parameters
    ----------
    features
        (n, d) float16 or float32, read in blocks of at most ``BUDGET`` bytes; it may be memory-mapped.
    vector
        (d,).
    centre
        (d,) taken from the rows and the vector first; None for none.
    progress
        Told of every block.

    Returns
    -------
    numpy.ndarray
        (n,) float32; 0 where a row or the vector has no length.
    """
    n, d = features.shape
    middle = np.zeros(d, dtype=np.float32) if centre is None else np.asarray(centre, dtype=np.float32)
    towards = np.asarray(vector, dtype=np.float32) - middle
    towards = towards / max(float(np.linalg.norm(towards)), 1e-12)
    out = np.empty(n, dtype=np.float32)
    size = max(1, BUDGET // (4 * d))
    for start in range(0, n, size):
        block = np.asarray(features[start : start + size], dtype=np.float32) - middle
        length = np.sqrt(np.einsum("ij,ij->i", block, block))
        out[start : start + size] = block @ towards / np.maximum(length, 1e-12)
        progress(min(start + size, n), n, "comparing features")
    return out


def like_pair(image: np.ndarray, text: np.ndarray, row: int, progress: Progress = silent) -> np.ndarray:
    """How much every pair is like one of them: the mean of the cosines of their photos and of their captions.

    Features are centred first, because what all photos have in common says nothing about two of them.

    Parameters
    ----------
    image, text
        (n, dx) and (n, dy) features of all pairs.
    row
        The pair.
    progress
        Told of every block.

    Returns
    -------
    numpy.ndarray
        (n,) float32 in [-1, 1]; 1 for the pair itself.
    """
    sides = [
        likeness(side, side[row], centre=_middle(side), progress=_part(progress, done))
        for done, side in enumerate((image, text))
    ]
    return (sides[0] + sides[1]) / 2


def like_query(
    image: np.ndarray, text: np.ndarray, query: np.ndarray, *, aligned: bool, progress: Progress = silent
) -> np.ndarray:
    """How much every pair is what a query means.

    The cosine of the query with the caption, and for an aligned encoder with the photo too. As photos and captions lie apart
    in the space of such an encoder, both are standardised over all pairs before their mean is taken.

    Parameters
    ----------
    image, text
        (n, d) features of all pairs; ``image`` is read for an aligned encoder alone.
    query
        (d,) what the encoder makes of the query.
    aligned
        Whether photos and captions live in one space.
    progress
        Told of every block.

    Returns
    -------
    numpy.ndarray
        (n,) float32: standard deviations above the mean of all pairs.
    """
    sides = (text, image) if aligned else (text,)
    found = [_standardised(likeness(side, query, progress=_part(progress, done))) for done, side in enumerate(sides)]
    return np.mean(found, axis=0, dtype=np.float32)


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """(at most count,) int64, the indices of the highest scores, the highest first; of equal ones the first."""
    count = min(count, len(scores))
    if count < 1:
        return np.empty(0, dtype=np.int64)
    # Those at the cut are ordered with the others, so that of equal scores it is the first that stay.
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    there = np.flatnonzero(scores >= least)
    return there[np.argsort(-scores[there], kind="stable")][:count]


def in_set_of(duplicates: np.ndarray, row: int) -> np.ndarray:
    """(k,) int64, the rows that are near-duplicates of one, itself among them."""
    return np.flatnonzero(np.asarray(duplicates) == duplicates[row])


def why_no_meaning(features: Artifact) -> str:
    """Why pairs cannot be searched by meaning, in a sentence for people; empty where they can, as far as one can tell at once."""
    name = features.facts["encoder"]
    if name == IMPORTED:
        return "the features came with the pairs, so there is no encoder here to read a query with"
    if Path(name).expanduser().is_dir():
        return ""
    from influencespace.features.hub import at_hand

    return "" if at_hand(name) else f"the encoder {name} is not on this machine"


def embed_query(features: Artifact, query: str, progress: Progress = silent) -> np.ndarray:
    """(d,) float32, a query in the space of the captions; the first time loads the encoder, which takes seconds.

    Raises
    ------
    FeaturesError
        If there is no encoder, or it is not the one that made the features.
    """
    why = why_no_meaning(features)
    if why:
        raise FeaturesError(f"No search by meaning: {why}. Search for words instead.")
    progress(0, 1, "loading the encoder")
    encoder = _encoder(features.facts["encoder"])
    if encoder.digest != features.record["content"]:
        raise FeaturesError(
            f"The encoder {encoder.name} is another one than when the photos and captions were described, so it cannot be "
            "searched with. Describe them again: python -m influencespace embed"
        )
    return encoder.embed_captions([query])[0]


@lru_cache(maxsize=1)
def _encoder(name: str) -> Encoder:
    # torch and transformers take seconds to import, which those who look for words need not wait for.
    import torch

    from influencespace.features.encoder import load_encoder
    from influencespace.features.hub import at_hand

    # By its folder: a name would be looked up on the network.
    return load_encoder(str(at_hand(name) or Path(name)), torch.device("cpu"))


def _middle(features: np.ndarray) -> np.ndarray:
    step = max(1, len(features) // SAMPLE)
    return np.asarray(features[::step], dtype=np.float32).mean(0)


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / max(float(values.std()), 1e-12)


def _part(progress: Progress, before: int) -> Progress:
    """The progress of the first or second of two equal parts."""
    return lambda done, total, what: progress(before * total + done, 2 * total, what)
