"""LXMERT (Tan & Bansal 2019): words and cells are read apart and then attend to each other; cells know where they lie."""

from __future__ import annotations

import re

import torch
from transformers import LxmertConfig, LxmertForPreTraining, PreTrainedConfig, PreTrainedModel

from influencespace.features.grid import boxes
from influencespace.training.matcher import DROPOUT, Matcher

WORD_LAYERS, CELL_LAYERS, CROSS_LAYERS = 1, 1, 2
# What the parts of a cross layer are called in a layer of BERT.
PARTS = {
    "visual_attention.att": "attention.self", "visual_attention.output": "attention.output", "lang_self_att": "attention",
    "visn_self_att": "attention", "lang_inter": "intermediate", "visn_inter": "intermediate", "lang_output": "output",
    "visn_output": "output",
}


class Lxmert(Matcher):
    """transformers' own LXMERT with its heads for matching and for masked words; it has no labels of objects to predict."""

    name = "lxmert"
    model_class = LxmertForPreTraining
    model_type = "lxmert"
    cell_width = "visual_feat_dim"

    def __init__(self, model: PreTrainedModel, width: int) -> None:
        super().__init__(model, width)
        self.register_buffer("boxes", torch.from_numpy(boxes()))

    @classmethod
    def small(cls, text: PreTrainedConfig, width: int) -> LxmertConfig:
        word_layers = max(1, min(WORD_LAYERS, text.num_hidden_layers - CROSS_LAYERS))
        return LxmertConfig(
            vocab_size=text.vocab_size, hidden_size=text.hidden_size, visual_feat_dim=width,
            num_attention_heads=text.num_attention_heads, intermediate_size=text.intermediate_size,
            max_position_embeddings=text.max_position_embeddings, l_layers=word_layers, r_layers=CELL_LAYERS,
            x_layers=CROSS_LAYERS, task_qa=False, task_obj_predict=False, hidden_dropout_prob=DROPOUT,
            attention_probs_dropout_prob=DROPOUT,
        )

    @classmethod
    def source(cls, name: str, config: PreTrainedConfig) -> str:
        """Layers of cells start as those of words, and cross layers as the layers that follow: cells start among words."""
        name = name.replace("encoder.r_layers.", "encoder.layer.")
        name = re.sub(r"encoder\.visn_fc\.(visn|box)_layer_norm", "embeddings.LayerNorm", name)
        cross = re.fullmatch(rf"encoder\.x_layers\.(\d+)\.({'|'.join(map(re.escape, PARTS))})\.(.+)", name)
        return f"encoder.layer.{config.l_layers + int(cross[1])}.{PARTS[cross[2]]}.{cross[3]}" if cross else name

    @property
    def projection(self) -> torch.nn.Linear:
        return self.base.encoder.visn_fc.visn_fc

    def read(self, words: torch.Tensor, mask: torch.Tensor, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = self.boxes.expand(len(cells), -1, -1)
        output = self.base(input_ids=words, attention_mask=mask, visual_feats=cells, visual_pos=places)
        return output.pooled_output, output.language_output

    @staticmethod
    def belonging(scores: torch.Tensor) -> torch.Tensor:
        return scores[:, 1] - scores[:, 0]
