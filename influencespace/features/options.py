"""What can be chosen about embedding."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.engines.options import EngineOptions
from influencespace.options import option

DEFAULT_ENCODER = "openai/clip-vit-base-patch32"
DEVICES = ("auto", "cuda", "mps", "cpu")


@dataclass(frozen=True)
class EmbedOptions(EngineOptions):
    """How photos and captions become features."""

    encoder: str | None = option(
        None,
        "A transformers dual encoder (CLIP, SigLIP, SigLIP 2 or VisionTextDualEncoder): a local directory or the name of "
        f"a model on the hub. Default: the imported embeddings where the pairs came with them, else {DEFAULT_ENCODER}.",
    )
    device: str = option(
        "auto", "Where the encoder runs; auto takes CUDA, else MPS, else the CPU.", choices=DEVICES, recipe=False
    )
    batch_size: int = option(64, "Photos or captions that the encoder sees at once.", minimum=1, recipe=False)
