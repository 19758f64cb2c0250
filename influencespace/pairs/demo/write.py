"""Writes the demo's pairs to a folder, as a curator would find pairs there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import influencespace
from influencespace.errors import PairsError
from influencespace.pairs.demo.captions import caption
from influencespace.pairs.demo.draw import draw
from influencespace.pairs.demo.faults import (
    Faults,
    boilerplate_caption,
    mismatched_caption,
    plant,
    retouched_caption,
)
from influencespace.pairs.demo.scenes import SPLITS, Scene, sample_scenes
from influencespace.progress import Progress, silent

ENCODER = Path(influencespace.__file__).parent / "demo_encoder"
"""The packaged encoder: a small CLIP model that transformers loads from this folder."""

FEWEST = 100
JPEG_QUALITY = 90


@dataclass(frozen=True)
class DemoPaths:
    """Where the demo was written: training and held-out pairs, the truth about what was planted, the encoder."""

    train: Path
    heldout: Path
    truth: Path
    encoder: Path


def write_demo(
    folder: Path, *, pairs: int = 2400, heldout: int = 800, seed: int = 0, progress: Progress = silent,
    faults: Faults | None = None,
) -> DemoPaths:
    """Draws the demo's pairs and writes ``images/*.jpg``, ``train.jsonl``, ``heldout.jsonl`` and ``truth.jsonl``.

    A row of the tables has ``image`` (relative to the folder), ``caption``, ``person`` (woman, man, child, no_person) and
    ``mobility`` (wheelchair, no_wheelchair, no_person). The groups are those of the image, whatever the caption says. The
    truth has, for every training image, ``damage`` (one of :data:`~influencespace.pairs.demo.faults.DAMAGES`), ``rare``
    and ``topic``; nothing but a check of the result should read it. Same arguments, same bytes.

    Raises
    ------
    PairsError
        If there are too few pairs to plant all faults in, or the folder cannot be written.
    """
    if pairs < FEWEST or heldout < 1:
        raise PairsError(
            f"The demo needs at least {FEWEST} training pairs and 1 held-out pair, not {pairs} and {heldout}."
        )
    folder = Path(folder)
    paths = DemoPaths(folder / "train.jsonl", folder / "heldout.jsonl", folder / "truth.jsonl", ENCODER)
    drawn = _Drawn(folder, pairs + heldout, progress)
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        rows, truth = _train(drawn, pairs, seed, faults or Faults())
        _write_table(paths.train, rows)
        _write_table(paths.truth, truth)
        _write_table(paths.heldout, _heldout(drawn, heldout, seed))
    except OSError as error:
        raise PairsError(f"The demo cannot be written to {folder}: {error}. Choose a folder that can be.") from error
    return paths


def clean_pairs(split: str, count: int, seed: int) -> list[tuple[Scene, str]]:
    """The scenes of a split, each with its undamaged caption."""
    scenes = sample_scenes(split, count, seed)
    return [(scene, caption(scene, _words(split, seed, i))) for i, scene in enumerate(scenes)]


class _Drawn:
    """The images as they are written, and how many of them are."""

    def __init__(self, folder: Path, total: int, progress: Progress) -> None:
        self._folder, self._total, self._done, self._progress = folder, total, 0, progress

    def save(self, image: Image.Image, name: str) -> str:
        path = f"images/{name}.jpg"
        image.save(self._folder / path, quality=JPEG_QUALITY)
        self._done += 1
        if self._done % 50 == 0 or self._done == self._total:
            self._progress(self._done, self._total, "scenes drawn")
        return path


def _train(drawn: _Drawn, count: int, seed: int, faults: Faults) -> tuple[list[dict], list[dict]]:
    clean = clean_pairs("train", count, seed)
    planted = plant([scene for scene, _ in clean], seed, faults)
    rows, truth = [], []
    for i, (damage, original) in enumerate(zip(planted.damage, planted.original, strict=True)):
        (scene, text), rng = clean[original], np.random.default_rng([seed, SPLITS["train"].number, i, 2])
        if damage == "near_duplicate":
            image = draw(scene, shift=tuple(rng.integers(-3, 4, 2).tolist()), brightness=float(rng.uniform(0.94, 1.06)))
            text = retouched_caption(text, rng)
        else:
            image = draw(scene)
        if damage == "mismatch":
            text = mismatched_caption(scene, rng)
        elif damage == "boilerplate":
            text = boilerplate_caption(rng)
        elif damage == "blurred":
            image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(5, 7))))
        path = drawn.save(image, f"train-{i:05d}")
        rows.append({"image": path, "caption": text, **scene.groups})
        rare = scene.groups["mobility"] == "wheelchair"
        truth.append({"image": path, "damage": damage, "rare": rare, "topic": scene.topic})
    return rows, truth


def _heldout(drawn: _Drawn, count: int, seed: int) -> list[dict]:
    return [
        {"image": drawn.save(draw(scene), f"heldout-{i:05d}"), "caption": text, **scene.groups}
        for i, (scene, text) in enumerate(clean_pairs("heldout", count, seed))
    ]


def _words(split: str, seed: int, index: int) -> np.random.Generator:
    """The lot that words a caption, apart from the one that drew its scene."""
    return np.random.default_rng([seed, SPLITS[split].number, index, 1])


def _write_table(path: Path, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
