"""VisualBERT (Li et al. 2019): one transformer in which words and cells attend to each other from the first layer on."""

from __future__ import annotations

import torch
from transformers import PreTrainedConfig, VisualBertConfig, VisualBertForPreTraining

from influencespace.training.matcher import DROPOUT, Matcher

LAYERS = 3


class VisualBert(Matcher):
    """transformers' own VisualBERT with its heads for matching and for masked words."""

    name = "visualbert"
    model_class = VisualBertForPreTraining
    model_type = "visual_bert"
    cell_width = "visual_embedding_dim"

    @classmethod
    def small(cls, text: PreTrainedConfig, width: int) -> VisualBertConfig:
        return VisualBertConfig(
            vocab_size=text.vocab_size, hidden_size=text.hidden_size, visual_embedding_dim=width,
            num_hidden_layers=min(LAYERS, text.num_hidden_layers), num_attention_heads=text.num_attention_heads,
            intermediate_size=text.intermediate_size, max_position_embeddings=text.max_position_embeddings,
            pad_token_id=text.pad_token_id, hidden_dropout_prob=DROPOUT, attention_probs_dropout_prob=DROPOUT,
        )

    @property
    def projection(self) -> torch.nn.Linear:
        return self.base.embeddings.visual_projection

    def read(self, words: torch.Tensor, mask: torch.Tensor, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output = self.base(input_ids=words, attention_mask=mask, visual_embeds=cells)
        return output.pooler_output, output.last_hidden_state[:, : words.shape[1]]

    @staticmethod
    def belonging(scores: torch.Tensor) -> torch.Tensor:
        # As in BERT's prediction of the next sentence, the first class is the true one.
        return scores[:, 0] - scores[:, 1]
