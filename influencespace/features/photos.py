"""Reading a photo as an encoder wants it: upright, RGB, one frame."""

from __future__ import annotations

from PIL import Image, ImageOps

from influencespace.pairs.images import FORMATS
from influencespace.pairs.stretch import open_image

# Encoders scale the shorter side to a few hundred pixels, so the strip of a banner 20,000 pixels wide and 1 high would
# take gigabytes. Of a longer strip the middle is kept, as an encoder's own centre crop would.
LONGEST = 100


def load_photo(path: str) -> Image.Image:
    """The photo at an ``image_path`` as RGB, turned as its EXIF tag says, transparency over white as a browser shows it.

    Raises
    ------
    Exception
        If it cannot be read; of a broken file PIL raises whatever its decoders stumble over.
    """
    with open_image(path) as file, Image.open(file, formats=FORMATS) as image:
        photo = ImageOps.exif_transpose(image)
        return _strip_cut(_rgb(photo))


def _rgb(photo: Image.Image) -> Image.Image:
    if photo.mode.startswith("I"):
        # 16-bit grayscale, which PIL would clip at 255 instead of scaling.
        photo = photo.convert("I").point(lambda level: level / 256).convert("L")
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        photo = Image.alpha_composite(white, photo)
    return photo.convert("RGB")


def _strip_cut(photo: Image.Image) -> Image.Image:
    width, height = photo.size
    longest = LONGEST * min(width, height)
    if max(width, height) <= longest:
        return photo
    return ImageOps.fit(photo, (min(width, longest), min(height, longest)))
