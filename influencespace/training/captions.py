"""Captions as the numbers of their words, for models that read them anew at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


class Captions:
    """Captions as numbers of words, each cut to what the model reads.

    Parameters
    ----------
    tokenizer
        Of transformers.
    captions
        Of all pairs.
    longest
        Words and signs of a caption at most.
    """

    def __init__(self, tokenizer: Any, captions: Sequence[str], longest: int) -> None:
        coded = tokenizer(list(captions), truncation=True, max_length=longest, return_attention_mask=False)["input_ids"]
        self.length = np.array([len(one) for one in coded])
        self.words = np.concatenate([np.asarray(one, dtype=np.int32) for one in coded])
        self.first = np.concatenate([[0], np.cumsum(self.length)[:-1]])
        self.blank = tokenizer.pad_token_id or 0

    def of(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """(b, t) int64 words, padded to the longest, and (b, t) int64, 1 where there is a word."""
        place = np.arange(self.length[rows].max())
        there = place < self.length[rows][:, None]
        words = np.full(there.shape, self.blank, dtype=np.int64)
        words[there] = self.words[(self.first[rows][:, None] + place)[there]]
        return torch.from_numpy(words), torch.from_numpy(there.astype(np.int64))
