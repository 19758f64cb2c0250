"""Any transformers dual encoder as two functions: photos to unit vectors, captions to unit vectors."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    CLIPModel,
    PreTrainedModel,
    Siglip2Model,
    SiglipModel,
    VisionTextDualEncoderModel,
)
from transformers.utils import logging

from influencespace.errors import FeaturesError
from influencespace.features.device import reading
from influencespace.features.hub import first_line, locate, other_files, unusable, weight_files

MODELS = {
    "clip": CLIPModel, "siglip": SiglipModel, "siglip2": Siglip2Model,
    "vision-text-dual-encoder": VisionTextDualEncoderModel,
}
# More photos at once than a CPU's caches hold are slower, not faster: MobileNetV2 took 18 ms a photo at 16 and 30 ms at
# 64, ViT-B/32 100 ms and 156 ms.
CPU_PHOTOS = 16


@dataclass(frozen=True)
class Encoder:
    """A dual encoder, ready to embed.

    Attributes
    ----------
    name
        The name on the hub, or the absolute path of the directory.
    digest
        Of its configuration, vocabulary and weights: equal for equal encoders, wherever they lie.
    width
        Length d of its vectors.
    logit_scale
        By what the model multiplies a cosine before the softmax or sigmoid.
    """

    name: str
    digest: str
    device: torch.device
    width: int
    logit_scale: float
    model: PreTrainedModel
    image_processor: Any
    tokenizer: Any
    token_options: dict[str, Any]
    # Of photos and captions how many fit into memory at once, where all of a batch did not.
    _fits: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # To another process it goes by name, and is loaded there.
        return _loaded_again, (self.name, self.device.type, self.digest)

    def prepare(self, photo: Image.Image) -> dict[str, torch.Tensor]:
        """One RGB photo as the model's input, a batch of one, on the CPU; safe to call from several threads."""
        return dict(self.image_processor(images=photo, input_data_format="channels_last", return_tensors="pt"))

    def embed_photos(self, prepared: Sequence[dict[str, torch.Tensor]]) -> np.ndarray:
        """(len(prepared), d) float32 unit vectors of photos that :meth:`prepare` made ready."""
        size = len(prepared) if self.device.type != "cpu" else CPU_PHOTOS

        def embed(part: Sequence[dict[str, torch.Tensor]]) -> np.ndarray:
            return self._embed(self.model.get_image_features, {key: torch.cat([one[key] for one in part]) for key in part[0]})

        return self._in_parts("photo", prepared, size, embed)

    def embed_captions(self, captions: Sequence[str]) -> np.ndarray:
        """(len(captions), d) float32 unit vectors; a caption longer than the model reads is cut."""

        def embed(part: Sequence[str]) -> np.ndarray:
            batch = self.tokenizer(list(part), truncation=True, return_tensors="pt", **self.token_options)
            return self._embed(self.model.get_text_features, batch)

        return self._in_parts("caption", captions, len(captions), embed)

    def _in_parts(self, what: str, items: Sequence[Any], size: int, embed: Callable[[Sequence[Any]], np.ndarray]) -> np.ndarray:
        """The items embedded ``size`` at once, or as many as there is memory for: half as many after each time there was not."""
        found: list[np.ndarray] = []
        start, size = 0, min(size, len(items), self._fits.get(what, size))
        while start < len(items):
            try:
                found.append(embed(items[start : start + size]))
                start += size
                continue
            except torch.OutOfMemoryError:
                if size == 1:
                    raise FeaturesError(
                        f"The encoder {self.name} ran out of memory on {self.device} with a single {what}, so a smaller "
                        "--batch-size does not help; take another --device, or end what else uses its memory."
                    ) from None
            # Out of the handler, so that what the failed attempt has computed is let go.
            size = self._fits[what] = -(-size // 2)
            torch.cuda.empty_cache()
        return np.concatenate(found)

    @torch.inference_mode()
    def _embed(self, features: Any, batch: dict[str, torch.Tensor]) -> np.ndarray:
        with reading(self.device):
            output = features(**{key: value.to(self.device) for key, value in batch.items()})
        # transformers 5 returns the tower's whole output, with the projected vector in place of the pooled one.
        vectors = torch.nn.functional.normalize(output.pooler_output.float(), dim=-1).cpu().numpy()
        if not np.isfinite(vectors).all():
            raise FeaturesError(f"The encoder {self.name} gives vectors that are not finite; its weights are damaged.")
        return vectors


def load_encoder(name: str, device: torch.device) -> Encoder:
    """Load a dual encoder from a local directory or the hub, without running code from either.

    Parameters
    ----------
    name
        A directory or a name on the hub; its model type is one of ``MODELS``.
    device
        Where it will run; in half precision (autocast) unless that is the CPU.

    Raises
    ------
    FeaturesError
        If it cannot be had, is no dual encoder, or its weights are pickled, damaged, incomplete or of another shape than
        its configuration says. Nothing is ever put in its place.
    """
    folder = locate(name)
    if Path(name).expanduser().is_dir():
        name = str(folder)
    kind, loading = _model_type(name, folder), {"local_files_only": True, "trust_remote_code": False}
    try:
        with _quiet():
            model, report = MODELS[kind].from_pretrained(
                folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **loading
            )
            # The same pixels on every machine, whether torchvision is installed or not.
            image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **loading)
            tokenizer = AutoTokenizer.from_pretrained(folder, **loading)
    except Exception as error:
        # Broken files make the libraries below raise almost anything.
        raise unusable(name, f"it does not load ({type(error).__name__}: {first_line(error)})") from error
    if report["missing_keys"]:
        some = sorted(report["missing_keys"])
        raise unusable(name, f"its weights lack {len(some)} tensors, {some[0]} first")
    # Convolutions are up to twice as fast with channels last, transformers no slower.
    model = model.to(device, memory_format=torch.channels_last).eval()
    untried = Encoder(
        name=name, digest=_digest(folder), device=device, width=0, logit_scale=float(model.logit_scale.detach().exp()),
        model=model, image_processor=image_processor, tokenizer=tokenizer,
        token_options=_token_options(kind, model.config.text_config, tokenizer),
    )
    return _tried(untried)


def _loaded_again(name: str, device: str, digest: str) -> Encoder:
    encoder = load_encoder(name, torch.device(device))
    if encoder.digest != digest:
        raise unusable(name, "what lies under that name on this machine is another encoder")
    return encoder


def _model_type(name: str, folder: Path) -> str:
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise unusable(name, f"its config.json cannot be read ({first_line(error)})") from None
    if kind not in MODELS:
        raise unusable(name, f"it is no dual encoder of a known kind: its model type is {kind}, not {', '.join(MODELS)}")
    return kind


def _token_options(kind: str, config: Any, tokenizer: Any) -> dict[str, Any]:
    positions = config.max_position_embeddings
    if "roberta" in config.model_type:
        # RoBERTa counts positions from the padding token's number on.
        positions -= config.pad_token_id + 1
    options = {"max_length": min(tokenizer.model_max_length, positions), "padding": True}
    if kind.startswith("siglip"):
        # SigLIP was trained on captions padded to full length, without a mask, and reads its vector at the last place.
        options |= {"padding": "max_length", "return_attention_mask": False}
    return options


def _tried(encoder: Encoder) -> Encoder:
    try:
        photo = encoder.embed_photos([encoder.prepare(Image.new("RGB", (64, 48), "gray"))])
        caption = encoder.embed_captions(["a photo"])
    except FeaturesError as error:
        raise unusable(encoder.name, first_line(error)) from None
    except Exception as error:
        why = f"its model does not go with its image processor or tokenizer ({type(error).__name__}: {first_line(error)})"
        raise unusable(encoder.name, why) from error
    if photo.shape != caption.shape:
        raise unusable(encoder.name, f"its photos become {photo.shape[1]} numbers, its captions {caption.shape[1]}")
    return replace(encoder, width=photo.shape[1])


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in other_files(folder) + weight_files(folder):
        with path.open("rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()[:32]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # Loading takes a second; its bars and notes would only tear the stage's own progress.
    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
