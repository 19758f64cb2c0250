"""Small versions of the photos: made once, kept as JPEG in the workspace's cache, sent as data URLs."""

from __future__ import annotations

import base64
import contextlib
import io
import warnings
from pathlib import Path

import streamlit as st
from PIL import Image, ImageOps

from influencespace.errors import WorkspaceError
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
    try:
        cache = str(workspace.private("thumbnails"))
    except WorkspaceError:  # a workspace that cannot be written can still be looked at
        cache = None
    return _encoded(cache, image_path, photo)


@st.cache_data(show_spinner=False, max_entries=5000)
def _encoded(cache: str | None, image_path: str, photo: str) -> str | None:
    file = Path(cache) / f"{photo}.jpg" if cache else None
    content = file.read_bytes() if file and file.exists() else _small(Path(image_path))
    if content is None:
        return None
    if file and not file.exists():
        with contextlib.suppress(OSError):
            temporary = file.with_suffix(".part")
            temporary.write_bytes(content)
            temporary.replace(file)
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


def _small(source: Path) -> bytes | None:
    try:
        with warnings.catch_warnings(), Image.open(source) as image:
            warnings.simplefilter("ignore")  # what is wrong with a photo was said when it came in
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((SIDE, SIDE))
            content = io.BytesIO()
            small.save(content, "JPEG", quality=86)
            return content.getvalue()
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
