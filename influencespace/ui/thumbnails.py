"""Small versions of the photos: made once, kept as JPEG in the workspace's cache."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings

from PIL import Image, ImageOps

from influencespace.errors import WorkspaceError
from influencespace.pairs.images import FORMATS
from influencespace.pairs.stretch import open_image
from influencespace.workspace import Workspace

SIDE, LARGE = 192, 900  # pixels: sharp at 110 to 150 on a dense screen, and in a view of a single pair


def jpeg(workspace: Workspace, image_path: str | None, photo: str) -> bytes | None:
    """A photo's thumbnail; None where there is no photo or it cannot be read any more.

    Parameters
    ----------
    workspace
        Whose cache keeps it.
    image_path
        Where the photo lies.
    photo
        The hex digest of its content, which names the thumbnail: a changed photo has another.
    """
    if not isinstance(image_path, str) or not image_path:
        return None
    try:
        file = workspace.private("thumbnails") / f"{photo}.jpg"
    except WorkspaceError:  # a workspace that cannot be written can still be looked at
        return _small(image_path, SIDE)
    if file.exists():
        return file.read_bytes()
    content = _small(image_path, SIDE)
    if content is not None:
        with contextlib.suppress(OSError):
            temporary = file.with_suffix(f".{threading.get_ident()}.part")
            temporary.write_bytes(content)
            temporary.replace(file)
    return content


def large(image_path: str | None) -> bytes | None:
    """A photo as JPEG of at most ``LARGE`` pixels a side; None where there is no photo or it cannot be read any more."""
    return _small(image_path, LARGE) if isinstance(image_path, str) and image_path else None


def _small(source: str, side: int) -> bytes | None:
    try:
        with warnings.catch_warnings(), open_image(source) as file, Image.open(file, formats=FORMATS) as image:
            warnings.simplefilter("ignore")  # what is wrong with a photo was said when it came in
            image.draft("RGB", (side, side))  # a JPEG is decoded at an eighth of its size where that is enough
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((side, side))
            content = io.BytesIO()
            small.save(content, "JPEG", quality=86)
            return content.getvalue()
    except Exception:  # decoders raise whatever they stumble over in a photo that was damaged since it came in
        return None
