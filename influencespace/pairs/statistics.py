"""What captions and photos are like: lengths, words and repetitions; sizes, shapes and files."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from influencespace.pairs.images import FORMATS
from influencespace.pairs.stretch import open_image
from influencespace.progress import Progress, silent

BLOCK = 50_000
WORDS, CAPTIONS = 20, 10
# How far from one the ratio of the sides of a photo may be that still counts as square.
SQUARE = 0.05
_AROUND = "\"'“”‘’«»()[]{}<>.,;:!?…-–—*_/\\|"


@dataclass(frozen=True)
class CaptionStatistics:
    """What the captions of some pairs are like.

    Attributes
    ----------
    captions
        How many.
    lengths
        (longest + 1,) int64, how many have each number of words, split at spaces.
    words
        The commonest words with how often they occur, without punctuation, English stop words left out.
    repeated
        How many captions are not the only ones with their text.
    most_repeated
        The texts that occur most often, each more than once, with how often.
    """

    captions: int
    lengths: np.ndarray
    words: list[tuple[str, int]]
    repeated: int
    most_repeated: list[tuple[str, int]]


@dataclass(frozen=True)
class PhotoStatistics:
    """What a sample of photos is like; arrays have one entry a photo that could be read.

    Attributes
    ----------
    asked
        How many were looked at.
    width, height
        In pixels, as they are stored.
    size
        Of the files, in bytes.
    """

    asked: int
    width: np.ndarray
    height: np.ndarray
    size: np.ndarray

    @property
    def shapes(self) -> dict[str, float]:
        """The shares of landscape, portrait and square photos, whose sides differ by at most a twentieth."""
        ratio = self.width / np.maximum(self.height, 1)
        found = {"landscape": ratio > 1 + SQUARE, "portrait": ratio < 1 / (1 + SQUARE)}
        found["square"] = ~(found["landscape"] | found["portrait"])
        return {name: float(which.mean()) if len(which) else 0.0 for name, which in found.items()}


def caption_statistics(captions: pa.ChunkedArray, progress: Progress = silent) -> CaptionStatistics:
    """Look at (n,) captions; a million take some seconds."""
    lengths, words = np.zeros(1, dtype=np.int64), Counter()
    for start in range(0, len(captions), BLOCK):
        block = pc.fill_null(captions.slice(start, BLOCK), "")
        split = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(pc.utf8_lower(block)))
        split = split.combine_chunks() if isinstance(split, pa.ChunkedArray) else split
        counted = pc.value_counts(pc.list_flatten(split))
        words.update(dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)))
        # An empty text splits into one empty word.
        count = pc.list_value_length(split).to_numpy() * pc.not_equal(pc.utf8_trim_whitespace(block), "").to_numpy()
        lengths = _added(lengths, np.bincount(count))
        progress(min(start + BLOCK, len(captions)), len(captions), "reading captions")
    counted = pc.value_counts(captions.combine_chunks())
    often = counted.filter(pc.greater(counted.field(1), 1))
    most = often.take(pc.select_k_unstable(pa.table({"c": often.field(1)}), CAPTIONS, [("c", "descending")]))
    return CaptionStatistics(
        len(captions), lengths, _commonest(words), int(pc.sum(often.field(1)).as_py() or 0),
        [(text or "", count) for text, count in zip(most.field(0).to_pylist(), most.field(1).to_pylist(), strict=True)],
    )


def photo_statistics(paths: Sequence[str], progress: Progress = silent) -> PhotoStatistics:
    """Look at photos, of which only the heads are read."""
    found = []
    for done, path in enumerate(paths):
        try:
            with warnings.catch_warnings(), open_image(path) as file, Image.open(file, formats=FORMATS) as image:
                warnings.simplefilter("ignore")  # what is wrong with a photo was said when it came in
                found.append((*image.size, file.seek(0, os.SEEK_END)))
        except Exception:  # decoders raise whatever they stumble over in a photo that was damaged since it came in
            pass
        progress(done + 1, len(paths), "looking at photos")
    width, height, size = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return PhotoStatistics(len(paths), width, height, size)


def _commonest(words: Counter) -> list[tuple[str, int]]:
    bare = Counter()
    for word, count in words.items():
        bare[word.strip(_AROUND)] += count
    kept = {word: count for word, count in bare.items() if len(word) > 1 and word not in ENGLISH_STOP_WORDS}
    return sorted(kept.items(), key=lambda entry: (-entry[1], entry[0]))[:WORDS]


def _added(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The sum of two counts, of which one may be longer."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    longer = longer.copy()
    longer[: len(shorter)] += shorter
    return longer
