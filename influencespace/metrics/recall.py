"""Retrieval ranks and Recall@k in both directions, for photos with one caption or several."""

from __future__ import annotations

import numpy as np

BOTH, IMAGE_TO_TEXT, TEXT_TO_IMAGE = "both", "image_to_text", "text_to_image"
DIRECTIONS = (BOTH, IMAGE_TO_TEXT, TEXT_TO_IMAGE)
# Similarities of unit vectors that differ by less are equal but for the rounding of float32.
TIE = 1e-6


def retrieval_ranks(
    image: np.ndarray, text: np.ndarray, photo: np.ndarray, *, budget: int = 64 * 2**20
) -> tuple[np.ndarray, np.ndarray]:
    """Rank of the right answer for every query of both directions, 0 = first.

    A photo's rank is that of its best caption among all captions of other photos; a caption's rank is that of its photo
    among all photos. Ties count against the model, so that one that answers everything alike finds nothing, and so do
    similarities that are no numbers.

    Parameters
    ----------
    image
        (p, d) unit vectors, one row a photo.
    text
        (m, d) unit vectors, one row a caption.
    photo
        (m,) int, the photo of each caption; every photo has at least one.
    budget
        Memory for one block of similarities, in bytes.

    Returns
    -------
    tuple of numpy.ndarray
        (p,) ranks of image to text and (m,) ranks of text to image, both int64.
    """
    image, text = np.asarray(image, dtype=np.float32), np.asarray(text, dtype=np.float32)
    right = np.nan_to_num(np.einsum("md,md->m", image[photo], text), nan=-np.inf)
    best = np.full(len(image), -np.inf, dtype=np.float32)
    np.maximum.at(best, photo, right)
    image_to_text = np.empty(len(image), dtype=np.int64)
    text_to_image = np.zeros(len(text), dtype=np.int64)
    captions = np.argsort(photo, kind="stable")
    bounds = np.searchsorted(photo[captions], np.arange(len(image) + 1))
    rows = max(1, budget // (4 * max(1, len(text))))
    for start in range(0, len(image), rows):
        stop = min(start + rows, len(image))
        own = captions[bounds[start] : bounds[stop]]
        similarity = image[start:stop] @ text.T
        wrong = np.ones(similarity.shape, dtype=bool)
        wrong[photo[own] - start, own] = False
        # "Not below" rather than "at least": a NaN is below nothing, and so stands before the right answer.
        image_to_text[start:stop] = (wrong & ~(similarity < best[start:stop, None] - TIE)).sum(axis=1)
        text_to_image += (wrong & ~(similarity < right - TIE)).sum(axis=0)
    return image_to_text, text_to_image


def recall_at(ranks: np.ndarray, k: int) -> float:
    """Share of the queries whose right answer is among the first ``k``, in [0, 1]."""
    return float(np.mean(np.asarray(ranks) < k))


def photo_scores(
    image_to_text: np.ndarray, text_to_image: np.ndarray, photo: np.ndarray, k: int
) -> dict[str, np.ndarray]:
    """Recall@k of each photo, so that photos can be resampled, grouped and compared.

    Parameters
    ----------
    image_to_text, text_to_image
        (p,) and (m,) ranks, of :func:`retrieval_ranks`.
    photo
        (m,) int, the photo of each caption.
    k
        How many answers count.

    Returns
    -------
    dict
        (p,) float64 in [0, 1] a direction: ``image_to_text`` is the photo's hit, ``text_to_image`` the mean hit of its
        captions, and ``both`` the mean of the two. The mean over photos is the Recall@k of that direction, each photo
        counting once however many captions it has.
    """
    forward = (np.asarray(image_to_text) < k).astype(np.float64)
    hits = np.bincount(photo, weights=np.asarray(text_to_image) < k, minlength=len(forward))
    backward = hits / np.bincount(photo, minlength=len(forward))
    return {BOTH: (forward + backward) / 2, IMAGE_TO_TEXT: forward, TEXT_TO_IMAGE: backward}
