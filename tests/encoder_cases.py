"""Small dual encoders, made from their configurations, and photos to show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPVisionConfig,
    MobileNetV2Config,
    PreTrainedTokenizerFast,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
)

WORDS = ["[PAD]", "[UNK]", "[START]", "[END]", "a", "the", "dog", "cat", "red", "blue", "ball", "runs", "sleeps", "photo"]
PAD, START, END = 0, 2, 3
LENGTH = 12
SIDE = 32
_TEXT = {
    "vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": LENGTH, "pad_token_id": PAD, "bos_token_id": START,
    "eos_token_id": END,
}
_VISION = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIDE,
    "patch_size": 8,
}


def make_encoder(kind: str, folder: Path, seed: int = 0) -> Path:
    """Save an untrained encoder of that model type, with its image processor and tokenizer; ``convolutional`` is a
    vision-text-dual-encoder whose vision tower is MobileNetV2."""
    torch.manual_seed(seed)
    processor = CLIPImageProcessorPil(size={"height": SIDE, "width": SIDE}, crop_size=SIDE)
    if kind == "clip":
        model = CLIPModel(CLIPConfig(text_config=_TEXT, vision_config=_VISION, projection_dim=8))
    elif kind == "siglip":
        text = _TEXT | {"projection_size": 16}
        model = SiglipModel(SiglipConfig(text_config=text, vision_config=_VISION))
        processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    elif kind == "siglip2":
        text = _TEXT | {"projection_size": 16}
        patches = {key: value for key, value in _VISION.items() if key != "image_size"} | {"num_patches": 16}
        model = Siglip2Model(Siglip2Config(text_config=text, vision_config=patches))
        processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    else:
        convolutional = MobileNetV2Config(image_size=SIDE, depth_multiplier=0.25, hidden_size=320, finegrained_output=False)
        vision = convolutional if kind == "convolutional" else CLIPVisionConfig(**_VISION)
        config = VisionTextDualEncoderConfig.from_vision_text_configs(vision, BertConfig(**_TEXT), projection_dim=8)
        model = VisionTextDualEncoderModel(config)
        if kind == "convolutional":
            # Without statistics of their own, batch norms would let nothing through so many layers.
            model.vision_model.train()(torch.randn(64, 3, SIDE, SIDE))
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    _tokenizer(kind).save_pretrained(folder)
    return folder


def _tokenizer(kind: str) -> PreTrainedTokenizerFast:
    words = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    ends = [("[START]", START), ("[END]", END)]
    words.post_processor = TemplateProcessing(single="[START] $A [END]", special_tokens=ends)
    names = {"input_ids", "attention_mask"} - ({"attention_mask"} if kind.startswith("siglip") else set())
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", bos_token="[START]", eos_token="[END]",
        model_input_names=sorted(names, reverse=True),
    )


def make_photos(folder: Path, count: int) -> list[Path]:
    """Photos of noise, each another size."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    paths = [folder / f"{i}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.fromarray(rng.integers(0, 256, (40 + i, 60, 3), dtype=np.uint8)).save(path)
    return paths


def make_table(paths: list[Path], captions: list[str]) -> pd.DataFrame:
    """A table of pairs; the file's name serves as its digest."""
    return pd.DataFrame({
        "id": [str(i) for i in range(len(paths))], "row": range(1, len(paths) + 1), "image": [p.name for p in paths],
        "image_path": [str(p) for p in paths], "caption": captions, "photo": [p.stem for p in paths], "split": "train",
    })
