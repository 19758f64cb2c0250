"""Small versions of the photos: made once, kept as JPEG in the workspace's cache, sent as data URLs."""

from __future__ import annotations

import base64
import warnings
from pathlib import Path

import streamlit as st
from PIL import Image, ImageOps

from influencespace.workspace import Workspace

SIDE = 192  # pixels: sharp at 110 to 150 on a dense screen


def url(workspace: Workspace, image_path: str | None, photo: str) -> str | None:
    """A photo's thumbnail as a ``data:`` URL; None where there is no photo or it cannot be read any more.

    Parameters
    ----------
    workspace
        Whose cache keeps it.
    image_path
        The photo's file.
    photo
        The hex digest of its content, which names the thumbnail: a changed photo has another.
    """
    if not isinstance(image_path, str) or not image_path:
        return None
    return _encoded(str(workspace.private("thumbnails")), image_path, photo)


@st.cache_data(show_spinner=False, max_entries=5000)
def _encoded(cache: str, image_path: str, photo: str) -> str | None:
    file = Path(cache) / f"{photo}.jpg"
    if not file.exists() and not _make(Path(image_path), file):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(file.read_bytes()).decode()


def _make(source: Path, file: Path) -> bool:
    try:
        with warnings.catch_warnings(), Image.open(source) as image:
            warnings.simplefilter("ignore")  # what is wrong with a photo was said when it came in
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((SIDE, SIDE))
            temporary = file.with_suffix(".part")
            small.save(temporary, "JPEG", quality=86)
            temporary.replace(file)
    except (OSError, ValueError, Image.DecompressionBombError):
        return False
    return True
