"""One model that reads photo and caption together, as the training loop sees it.

The loss of a pair is that of image-text matching, its own photo and caption against two mismatches, and of masked words.
Mismatches are drawn from the batch, never from pairs of the same photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import DataCollatorForLanguageModeling

from influencespace.features.grid import Grid
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.pairs.views import HeldOut
from influencespace.training.captions import Captions
from influencespace.training.data import DECIDES
from influencespace.training.loop import Settings, half
from influencespace.training.matcher import Start
from influencespace.training.reranked import Reranked
from influencespace.training.runs import Embedded

if TYPE_CHECKING:
    from influencespace.training.cross import CrossTrainer

# What another model has learnt before goes on at this share of the learning rate: BERT's layers are commonly fine-tuned at rates
# near 5e-5 (Devlin et al. 2019). At the rate that new matrices need, matching of real photos was not learnt.
KNOWN = 0.05
# Words are masked in so many captions, so many words of each, and finding them counts so much beside matching. Masked words teach
# what cells look like, but their gradient is far larger at first than that of matching, which at 0.1 was learnt later.
MASKED_CAPTIONS, MASKED_WORDS, MASKED = 0.25, 0.15, 0.01
# The curve is measured on so many validation photos, among all of them.
WATCHED = 100
# Pairs read at once where nothing is learnt.
AT_ONCE = 64


def draw_mismatches(photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each row of a batch another row, of another photo, at random.

    Parameters
    ----------
    photo
        (b,) int, which photo each pair shows.

    Returns
    -------
    tuple of torch.Tensor
        (b,) int64, the other row, and (b,) bool, whether there is one; where not, it is the row itself.
    """
    same = photo[:, None] == photo[None, :]
    drawn = ~same.all(dim=1)
    # A row without another photo keeps itself, so that there is something to draw.
    shut = torch.where(drawn[:, None], same, ~torch.eye(len(photo), dtype=torch.bool, device=photo.device))
    return torch.multinomial((~shut).float(), 1)[:, 0], drawn


class CrossTask:
    """One model that reads photo and caption together (:class:`~influencespace.training.loop.Task`).

    Parameters
    ----------
    trainer
        Whose data it learns from.
    begun
        Where it starts.
    settings
        How it is trained.
    """

    def __init__(self, trainer: CrossTrainer, begun: Start, settings: Settings) -> None:
        self.trainer, self.data, self.settings = trainer, trainer.data, settings
        self.module, self.known = begun.matcher.to(trainer.device), begun.known
        tokenizer = begun.tokenizer
        # Tokenizers of CLIP and SigLIP have no sign for a masked word.
        masks = tokenizer.mask_token is not None
        self.masking = DataCollatorForLanguageModeling(tokenizer, mlm_probability=MASKED_WORDS) if masks else None
        self.signs = torch.tensor(tokenizer.all_special_ids)
        self._validation: Reranked | None = None

    def parameters(self) -> list[dict[str, Any]]:
        """Matrices decay, biases and the scales of normalisation do not; what was learnt before goes on slowly."""
        groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
        for name, parameter in self.module.named_parameters():
            if parameter.requires_grad:
                groups.setdefault((name in self.known, parameter.dim() > 1), []).append(parameter)
        return [
            {"params": own, "weight_decay": self.settings.weight_decay if matrix else 0.0, "factor": KNOWN if known else 1.0}
            for (known, matrix), own in groups.items()
        ]

    def loss(self, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        """Mean over the batch of weight times the pair's loss; mismatches are drawn anew each time."""
        self.module.train()
        self.module.trained.fill_(True)
        self._validation = None
        pairs = self.data.train[rows]
        index = torch.from_numpy(pairs).to(self.trainer.device)
        photo = self.data.photo[index]
        (caption, drawn), (other, _) = draw_mismatches(photo), draw_mismatches(photo)
        words, there = self.trainer.captions.of(pairs)
        words, hidden = self._masked(words, there)
        return (weights * self.losses(pairs, words, there, hidden, caption.cpu(), other.cpu(), drawn)).mean()

    def losses(
        self, pairs: np.ndarray, words: torch.Tensor, there: torch.Tensor, hidden: torch.Tensor, caption: torch.Tensor,
        photo: torch.Tensor, drawn: torch.Tensor,
    ) -> torch.Tensor:
        """(b,) loss of each pair: its match, the mean of its two mismatches, and its masked words.

        Parameters
        ----------
        pairs
            (b,) rows of the pairs in the table.
        words, there
            (b, t) their words, some of them masked, and 1 where there is one.
        hidden
            (b, t) the word where it is masked, -100 elsewhere.
        caption, photo
            (b,) positions in the batch: the caption beside the pair's photo, and the photo beside its caption, that mismatch.
        drawn
            (b,) bool, there are such.
        """
        device, b = self.trainer.device, len(pairs)
        cells = torch.from_numpy(self.trainer.cells.of(pairs)).to(device)
        words, there, hidden = words.to(device), there.to(device), hidden.to(device)
        # Mismatches have masked words too, so that a mask says nothing of a match.
        read = (
            torch.cat([words, words[caption], words]), torch.cat([there, there[caption], there]),
            torch.cat([cells, cells, cells[photo]]),
        )
        with half(device, cpu=True):
            logits, states = self.module(*read)
            right, wrong = logits[:b], logits[b:].view(2, b)
            truth = binary_cross_entropy_with_logits(right, torch.ones_like(right), reduction="none")
            mismatch = binary_cross_entropy_with_logits(wrong, torch.zeros_like(wrong), reduction="none").mean(0)
            return truth + drawn * mismatch + MASKED * self._masked_loss(states[:b], hidden)

    def _masked(self, words: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.masking is None:
            return words, torch.full_like(words, -100)
        left = torch.rand(len(words), 1) >= MASKED_CAPTIONS
        signs = torch.isin(words, self.signs) | (there == 0) | left
        return self.masking.torch_mask_tokens(words.clone(), signs)

    def _masked_loss(self, states: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """(b,) mean loss of each caption's masked words, 0 where it has none."""
        at, _ = torch.nonzero(hidden != -100, as_tuple=True)
        if not len(at):
            return states.new_zeros(len(states))
        each = cross_entropy(self.module.predictions(states[hidden != -100]), hidden[hidden != -100], reduction="none")
        count = torch.bincount(at, minlength=len(states))
        return each.new_zeros(len(states)).index_add(0, at, each) / count.clamp(min=1)

    def lighten(self) -> bool:
        """Its loss takes what it takes."""
        return False

    def recall(self) -> float:
        """Recall@10 in percent of ``WATCHED`` validation photos among all; each half with the mix that is best for the other."""
        split = self.data.validation
        watched = np.random.default_rng(0).permutation(split.photos)[:WATCHED]
        judged, found = self.reranked(split, watched=watched), []
        halves = np.array_split(watched, 2)
        for own, other in (halves, halves[::-1]):
            judged.mix = judged.best_mix(other)
            found.append(photo_scores(*judged.ranks(), judged.photo, DECIDES)[BOTH][own])
        return 100 * float(np.concatenate(found).mean())

    def validation(self) -> Reranked:
        """The validation photos as the model ranks them now, with the mix that is best for them."""
        if self._validation is None:
            self._validation = self.reranked(self.data.validation)
            self._validation.mix = self._validation.best_mix()
        return self._validation

    def reranked(self, split: HeldOut, mix: float = 0.0, watched: np.ndarray | None = None) -> Reranked:
        """A held-out split as the model ranks it; of ``watched`` photos alone, if they are named."""
        trainer = self.trainer
        return self.beside(trainer.dual(split), trainer.cells, split.image_rows, trainer.captions, split.rows, mix, watched)

    def beside(
        self, found: Embedded, cells: Grid, photo_rows: np.ndarray, captions: Captions, caption_rows: np.ndarray, mix: float,
        watched: np.ndarray | None = None,
    ) -> Reranked:
        """What the dual encoder found as the model ranks it, where photos and captions are these rows of what it reads."""

        def matching(photos: np.ndarray, texts: np.ndarray) -> np.ndarray:
            return self._logits(cells, photo_rows[photos], captions, caption_rows[texts])

        return Reranked(found.image, found.text, found.photo, self.trainer.scale, matching, mix, watched=watched)

    @torch.inference_mode()
    def _logits(self, cells: Grid, photos: np.ndarray, captions: Captions, rows: np.ndarray) -> np.ndarray:
        """(k,) float64 log odds that photos, by their rows, belong to captions."""
        self.module.eval()
        found = np.empty(len(rows))
        # Captions of one length together, so that little is padded.
        order = np.argsort(captions.length[rows], kind="stable")
        for first in range(0, len(order), AT_ONCE):
            part = order[first : first + AT_ONCE]
            words, there = (side.to(self.trainer.device) for side in captions.of(rows[part]))
            with half(self.trainer.device, cpu=True):
                logits, _ = self.module(words, there, torch.from_numpy(cells.of(photos[part])).to(self.trainer.device))
            found[part] = logits.double().cpu().numpy()
        return found
