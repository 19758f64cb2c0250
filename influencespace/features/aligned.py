"""Whether image and text features live in one space, so that their cosine says how well a caption fits."""

from __future__ import annotations

import numpy as np

SAMPLE = 2000
FEWEST = 4
# Own photo against others: 0.5 is chance. Real features without alignment but of equal length stay below 0.54, an
# aligned encoder reaches 0.8 and more even where every fourth caption is wrong.
THRESHOLD = 0.6
# Standard deviation of the mean of n win rates under chance, and the one-sided 1 % point of the normal distribution.
DEVIATION = 12**-0.5
POINT = 2.33


def alignment(
    image: np.ndarray, text: np.ndarray, rows: np.ndarray, photo_codes: np.ndarray, seed: int = 0
) -> tuple[bool, str]:
    """Measure whether captions are closer to their own photos than to others.

    The measure is the area under the ROC curve of matched against mismatched cosines, taken within each photo and
    within each caption, so that a caption that is close to everything counts for nothing. At most ``SAMPLE`` photos are
    drawn, one pair of each.

    Parameters
    ----------
    image, text
        (n, dx) and (n, dy), the features of all pairs.
    rows
        (m,) positions of the pairs to look at.
    photo_codes
        (m,) which photo each of these pairs shows.
    seed
        Draws the sample.

    Returns
    -------
    aligned : bool
    why : str
        A sentence for people.
    """
    if image.shape[1] != text.shape[1]:
        return False, (
            f"image features have {image.shape[1]} numbers and text features {text.shape[1]}, "
            "so no cosine between them is defined"
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(rows))
    one_each = shuffled[np.unique(np.asarray(photo_codes)[shuffled], return_index=True)[1]]
    sample = np.sort(np.asarray(rows)[rng.permutation(one_each)[:SAMPLE]])
    n = len(sample)
    if n < FEWEST:
        return False, f"{n} different photos are too few to tell whether image and text features are aligned"
    wins = _wins(_unit(image[sample]), _unit(text[sample]))
    needed = max(THRESHOLD, 0.5 + POINT * DEVIATION / np.sqrt(n))
    times = f"among {n} photos, a photo and its caption are closer than mismatched ones in {wins:.0%} of the comparisons"
    if wins > needed:
        return True, times
    return False, f"{times}, which is not clearly above chance (50%)"


def _wins(image: np.ndarray, text: np.ndarray) -> float:
    cosine = image @ text.T
    n = len(cosine)
    own = np.diagonal(cosine)
    # The diagonal ties with itself once in every row and every column.
    won = sum((cosine < side).sum() + ((cosine == side).sum() - n) / 2 for side in (own[:, None], own[None, :]))
    return float(won / (2 * n * (n - 1)))


def _unit(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(length > 0, length, 1)
