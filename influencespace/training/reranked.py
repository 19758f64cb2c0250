"""Retrieval by a model that reads photo and caption together: it re-ranks what a dual encoder puts first.

Such a model looks at one pair at a time, so that all photos beside all captions are too many. The dual encoder's best
candidates of every query are few enough (Li et al. 2021, Align before Fuse, section 5).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from influencespace.metrics.recall import BOTH, TIE, photo_scores, retrieval_ranks

CANDIDATES = 20
# By what the matching logit is multiplied before it is added to the scaled cosine; 0 is the dual encoder alone.
MIXES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
CUTOFFS = (1, 5, 10)
BLOCK = 64 * 2**20


class Reranked:
    """Photos and captions that were embedded by a dual encoder and are compared in pairs by a model that reads both.

    Parameters
    ----------
    image, text
        (p, d) and (m, d) unit vectors of the dual encoder.
    photo
        (m,) int, the photo of each caption; -1 for one that belongs to none of them.
    scale
        The dual encoder's logit scale: what makes its cosine a logit that another can be added to.
    matching
        ``matching(photos, captions)`` gives the (k,) log odds that k photos and captions belong together. No pair is asked twice.
    mix
        How much of them is added to the scaled cosine.
    candidates
        How many answers of each query are re-ranked; those after them stay in the dual encoder's order.
    watched
        The photos that are queries, and their captions; the others keep the dual encoder's ranks. None for all.
    """

    def __init__(
        self, image: np.ndarray, text: np.ndarray, photo: np.ndarray, scale: float,
        matching: Callable[[np.ndarray, np.ndarray], np.ndarray], mix: float = 0.0, candidates: int = CANDIDATES,
        watched: np.ndarray | None = None,
    ) -> None:
        self.image, self.text, self.photo, self.scale = image, text, np.asarray(photo), scale
        self.matching, self.mix, self.candidates, self.watched = matching, mix, candidates, watched
        self._asked, self._answers = np.empty(0, dtype=np.int64), np.empty(0)

    def similarity(self, photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """(k,) float64, the log odds that the model gives k photos beside k captions; the dual encoder has no say in it."""
        codes = np.asarray(photos, dtype=np.int64) % len(self.image) * len(self.text) + captions
        new = np.setdiff1d(codes, self._asked)
        if len(new):
            answers = np.asarray(self.matching(*np.divmod(new, len(self.text))), dtype=np.float64)
            order = np.argsort(codes_now := np.concatenate([self._asked, new]))
            self._asked, self._answers = codes_now[order], np.concatenate([self._answers, answers])[order]
        return self._answers[np.searchsorted(self._asked, codes)]

    def ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """(p,) and (m,) int64, as :func:`influencespace.metrics.recall.retrieval_ranks`, ties against the model as there."""
        return self._ranks(self.mix)

    def best_mix(self, photos: np.ndarray | None = None) -> float:
        """The mix with the highest sum of Recall@1, 5 and 10 of both directions, of these photos; of equal ones the least."""
        chosen = slice(None) if photos is None else photos

        def recalls(mix: float) -> float:
            ranks = self._ranks(mix)
            return sum(float(photo_scores(*ranks, self.photo, k)[BOTH][chosen].mean()) for k in CUTOFFS)

        return max(MIXES, key=recalls)

    def _ranks(self, mix: float) -> tuple[np.ndarray, np.ndarray]:
        forward, backward = (ranks.copy() for ranks in self._dual)
        for ranks, side in ((forward, self._of_photos), (backward, self._of_captions)):
            queries, photos, captions = side
            if not len(queries):
                continue
            cosines = np.einsum("qcd,qcd->qc", self.image[photos], self.text[captions]).astype(np.float64)
            scores = self.scale * cosines
            if mix:
                scores += mix * self.similarity(photos.ravel(), captions.ravel()).reshape(scores.shape)
            own = self.photo[captions] == photos
            best = np.where(own, np.nan_to_num(scores, nan=-np.inf), -np.inf).max(axis=1)
            # "Not below" as in retrieval_ranks: what is no number stands before the right answer.
            ranks[queries] = (~own & ~(scores < best[:, None] - TIE * self.scale)).sum(axis=1)
        return forward, backward

    @cached_property
    def _dual(self) -> tuple[np.ndarray, np.ndarray]:
        return retrieval_ranks(self.image, self.text, self.photo)

    @cached_property
    def _of_photos(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(q,) photos whose right answer is among their candidates, for no other has a rank to win; (q, c) pairs to look at."""
        queries = self._queries(self._dual[0], np.arange(len(self.image)))
        captions = _top(self.image[queries], self.text, self.candidates)
        return queries, np.broadcast_to(queries[:, None], captions.shape), captions

    @cached_property
    def _of_captions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        queries = self._queries(self._dual[1], self.photo)
        photos = _top(self.text[queries], self.image, self.candidates)
        return queries, photos, np.broadcast_to(queries[:, None], photos.shape)

    def _queries(self, ranks: np.ndarray, photo: np.ndarray) -> np.ndarray:
        found = ranks < self.candidates
        return np.flatnonzero(found if self.watched is None else found & np.isin(photo, self.watched))


def _top(queries: np.ndarray, answers: np.ndarray, count: int) -> np.ndarray:
    """(q, count) positions of the answers with the highest cosine, best first."""
    count = min(count, len(answers))
    rows, found = max(1, BLOCK // (4 * len(answers))), []
    for start in range(0, len(queries), rows):
        cosines = queries[start : start + rows] @ answers.T
        top = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        found.append(np.take_along_axis(top, np.argsort(-np.take_along_axis(cosines, top, 1), axis=1, kind="stable"), 1))
    return np.concatenate(found) if found else np.empty((0, count), dtype=np.int64)
