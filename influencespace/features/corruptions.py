"""Photos as bad cameras and links leave them, and captions with typing errors: what a robust model should stand.

Photo corruptions are four of those of ImageNet-C (Hendrycks & Dietterich 2019), each at the middle one of its five severities
and, as there, on a photo of 224 pixels; typing errors are those of Belinkov & Bisk 2018. Both are drawn from the photo or the
caption itself: the same one is always damaged in the same way, in whatever order and company it comes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

# The shorter side of a photo while it is damaged, in pixels: else the same blur would be nothing to a large photo.
SIDE = 224
NOISE, BLUR, QUALITY, CONTRAST = 0.18, 3.0, 15, 0.2
# One word in so many gets a typing error, and at least one of each caption; shorter words are left alone.
EVERY, SHORTEST = 4, 4
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def noise(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Gaussian noise on every channel, of 0.18 of its range."""
    pixels = np.asarray(photo, dtype=np.float32) / 255
    noisy = pixels + rng.normal(scale=NOISE, size=pixels.shape).astype(np.float32)
    return Image.fromarray((255 * np.clip(noisy, 0, 1)).round().astype(np.uint8))


def blur(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A Gaussian blur of 3 pixels."""
    return photo.filter(ImageFilter.GaussianBlur(BLUR))


def jpeg(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Compressed to JPEG of quality 15."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=QUALITY)
    with Image.open(file) as compressed:
        return compressed.convert("RGB")


def contrast(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A fifth of the contrast, around the mean of each channel."""
    pixels = np.asarray(photo, dtype=np.float32)
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    return Image.fromarray((CONTRAST * (pixels - mean) + mean).round().astype(np.uint8))


CORRUPTIONS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "noise": noise, "blur": blur, "jpeg": jpeg, "contrast": contrast,
}


def corrupt(photo: Image.Image, corruption: str) -> Image.Image:
    """An RGB photo, scaled to 224 pixels on its shorter side and damaged; ``corruption`` is one of :data:`CORRUPTIONS`."""
    scale = SIDE / min(photo.size)
    size = tuple(max(SIDE, round(scale * side)) for side in photo.size)
    photo = photo.resize(size, Image.Resampling.BICUBIC)
    return CORRUPTIONS[corruption](photo, _drawn_from(photo.tobytes()))


def mistype(caption: str) -> str:
    """The caption with typing errors: in one word of four two letters swapped, one left out, or one hit beside its key."""
    rng = _drawn_from(caption.encode())
    words = caption.split(" ")
    long = [i for i, word in enumerate(words) if sum(map(str.isalpha, word)) >= SHORTEST]
    count = min(len(long), max(1, round(len(words) / EVERY)))
    for i in rng.permutation(long)[:count].astype(int):
        words[i] = _mistyped(words[i], rng)
    return " ".join(words)


def _mistyped(word: str, rng: np.random.Generator) -> str:
    inside = [i for i in range(1, len(word) - 1) if word[i].isalpha()]
    swapped = [i for i in inside if i + 1 in inside and word[i] != word[i + 1]]
    kind = rng.integers(3)
    if kind == 0 and swapped:
        i = rng.choice(swapped)
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    i = rng.choice(inside)
    return word[:i] + ("" if kind == 1 else _beside(word[i], rng)) + word[i + 1 :]


def _beside(letter: str, rng: np.random.Generator) -> str:
    """A neighbour of the letter on its row of an English keyboard; a letter that is on none is left out."""
    row = next((row for row in KEYBOARD if letter.lower() in row), None)
    if row is None:
        return ""
    i = row.index(letter.lower())
    found = rng.choice([row[j] for j in (i - 1, i + 1) if 0 <= j < len(row)])
    return found.upper() if letter.isupper() else found


def _drawn_from(content: bytes) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(content).digest()[:8], "big"))
