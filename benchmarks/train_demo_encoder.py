"""Trains the small CLIP model that is packaged as the demo's encoder, and says how well it retrieves.

It learns from undamaged scenes of a split of their own (``encoder``), each seen once; some topics are kept from it. It
is trained for so few steps that it is of use and far from perfect: a demo whose encoder knows everything has nothing left
to curate for. The defaults are those the packaged weights were made with::

    python benchmarks/train_demo_encoder.py --output influencespace/demo_encoder
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import checkout  # noqa: F401
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

from influencespace.pairs.demo import clean_pairs
from influencespace.pairs.demo.draw import draw
from influencespace.pairs.demo.scenes import Scene

PAD, START, UNKNOWN, END = "<|pad|>", "<|startoftext|>", "<|unknown|>", "<|endoftext|>"
TOKENS = 40
"""The longest caption, in tokens, start and end included; what is longer is cut."""


def make_tokenizer(captions: list[str], size: int) -> PreTrainedTokenizerFast:
    """A lower-casing byte-level BPE tokenizer of ``size`` tokens: it knows the captions' words and can spell all others.

    The specials come first, so that the end token has the number 3: transformers takes a CLIP text model whose
    ``eos_token_id`` is 2 for an old one and looks for the end of a text elsewhere.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    specials = [PAD, START, UNKNOWN, END]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=sorted(alphabet), show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=TOKENS,
        pad_token=PAD, bos_token=START, unk_token=UNKNOWN, eos_token=END,
    )


def make_model(tokenizer: PreTrainedTokenizerFast, width: int, image_size: int, patch_size: int) -> CLIPModel:
    """An untrained CLIP model of about 1.6 million parameters."""
    tower = {"hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": 4, "projection_dim": width}
    ids = {
        "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    text = {
        **tower, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": TOKENS, "num_hidden_layers": 3,
    }
    vision = {**tower, "image_size": image_size, "patch_size": patch_size, "num_hidden_layers": 4}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=width))


def train(model: CLIPModel, processor: CLIPProcessor, pairs: list[tuple[Scene, str]], batch: int, rate: float) -> None:
    """One pass of AdamW over the pairs with the symmetric contrastive loss, warm-up and a cosine decay to zero."""
    steps = len(pairs) // batch
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    warm_up = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm_up, 0.5 + 0.5 * np.cos(np.pi * step / steps))
    )
    model.train()
    began = time.perf_counter()
    for step in range(steps):
        loss = contrastive_loss(model, *_embed(model, processor, pairs[step * batch : (step + 1) * batch]))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=np.log(100))
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:5d}  loss {loss.item():.3f}  {time.perf_counter() - began:6.0f} s", flush=True)


def contrastive_loss(model: CLIPModel, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """Symmetric InfoNCE of normalised embeddings, ``(n, d)`` each."""
    logits = model.logit_scale.exp() * images @ texts.T
    own = torch.arange(len(logits))
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


@torch.no_grad()
def recall(model: CLIPModel, processor: CLIPProcessor, pairs: list[tuple[Scene, str]], k: int) -> float:
    """Share of pairs whose other half is among the best ``k``, the mean of both directions."""
    model.eval()
    images, texts = _embed(model, processor, pairs)
    similarity = images @ texts.T
    own = similarity.diagonal()
    ranks = [(similarity > own[:, None]).sum(1), (similarity > own[None, :]).sum(0)]
    return float(np.mean([(rank < k).float().mean().item() for rank in ranks]))


def _embed(
    model: CLIPModel, processor: CLIPProcessor, pairs: list[tuple[Scene, str]],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised embeddings of images and of captions, ``(n, d)`` each."""
    inputs = processor(
        images=[draw(scene) for scene, _ in pairs], text=[text for _, text in pairs], return_tensors="pt",
        padding=True, truncation=True,
    )
    images = model.get_image_features(pixel_values=inputs["pixel_values"]).pooler_output
    texts = model.get_text_features(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
    return normalize(images, dim=-1), normalize(texts.pooler_output, dim=-1)


def save(model: CLIPModel, processor: CLIPProcessor, output: Path) -> None:
    """Stores the weights in half precision; the configuration has transformers load them in single precision."""
    output.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(output)
    config = CLIPConfig.from_pretrained(output)
    for part in (config, config.text_config, config.vision_config):
        part.dtype = "float32"
    config.save_pretrained(output)
    processor.save_pretrained(output)


def main() -> None:
    """Trains, saves, and prints the recall of what was saved."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for the encoder")
    parser.add_argument("--scenes", type=int, default=32_000, help="scenes to train on, each seen once")
    parser.add_argument("--batch", type=int, default=128, help="pairs in a batch")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--width", type=int, default=128, help="width of both towers and of the shared space")
    parser.add_argument("--image-size", type=int, default=64, help="pixels to which images are scaled")
    parser.add_argument("--patch-size", type=int, default=16, help="pixels of a patch")
    parser.add_argument("--vocabulary", type=int, default=800, help="tokens")
    parser.add_argument("--seed", type=int, default=2026, help="seed of the scenes and the weights")
    parser.add_argument("--threads", type=int, default=1, help="threads")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    pairs = clean_pairs("encoder", arguments.scenes, arguments.seed)
    tokenizer = make_tokenizer([text for _, text in pairs[:10_000]], arguments.vocabulary)
    size = {"height": arguments.image_size, "width": arguments.image_size}
    processor = CLIPProcessor(CLIPImageProcessorPil(size=size, crop_size=size, do_center_crop=False), tokenizer)
    model = make_model(tokenizer, arguments.width, arguments.image_size, arguments.patch_size)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    train(model, processor, pairs, arguments.batch, arguments.rate)
    save(model, processor, arguments.output)

    saved = CLIPModel.from_pretrained(arguments.output)
    judged = clean_pairs("heldout", 400, arguments.seed + 1)
    for k in (1, 5, 10):
        print(f"R@{k} among 400 unseen scenes: {100 * recall(saved, processor, judged, k):.1f} %")


if __name__ == "__main__":
    main()
