"""Which photo each pair shows: its file is checked, and its content tells it apart from all others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from influencespace.engines.kept import Pieces
from influencespace.errors import PairsError
from influencespace.pairs.candidates import Origin
from influencespace.pairs.images import Finder, Photo, check_images, digest
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records
from influencespace.pairs.vectors import Vectors
from influencespace.progress import Progress


def with_photos(
    pairs: pd.DataFrame, tables: dict[str, tuple[Origin, Records]], embeddings: Vectors | None, problems: Problems,
    progress: Progress, pieces: Pieces | None = None,
) -> pd.DataFrame:
    """The pairs whose photo can be used, with ``image_path`` and ``photo``; the others are reported.

    Imported embeddings need no images: unless a folder of them is given, the photo is told apart by the digest of its
    embedding, and files that the metadata names are not looked for.

    Parameters
    ----------
    pairs
        Candidates, with their position in ``embeddings`` as the column ``embedding``.
    tables
        The origins by name, with their records.
    embeddings
        (m, dx) image embeddings, or None.
    pieces
        As for :func:`~influencespace.pairs.images.check_images`.

    Raises
    ------
    PairsError
        If a folder of images does not exist.
    """
    finders = {name: _finder(origin, records) for name, (origin, records) in tables.items()}
    looked_for = pairs["origin"].map({name: finder is not None for name, finder in finders.items()}).astype(bool)
    looked_for |= pairs["inside"].notna()
    photos = pd.Series(index=pairs.index, dtype=object)
    photos[looked_for] = _found(pairs[looked_for], finders, progress, pieces)
    if embeddings is not None:
        blocks = embeddings.take(pairs["embedding"][~looked_for].to_numpy()).blocks()
        photos[~looked_for] = [Photo(None, digest(row.tobytes())) for block in blocks for row in block]
    said = pd.DataFrame({
        "image_path": [photo.path for photo in photos], "photo": [photo.digest for photo in photos],
        "problem": [photo.problem for photo in photos], "detail": [photo.detail for photo in photos],
    }, index=pairs.index, dtype="str")
    pairs = pairs.join(said)
    for kind, bad in pairs[pairs["photo"].isna()].groupby("problem", sort=False):
        problems.report(str(kind), bad["table"], bad["row"], ids=bad["id"], detail=bad["detail"])
    return pairs[pairs["photo"].notna()].drop(columns=["problem", "detail"])


def _finder(origin: Origin, records: Records) -> Finder | None:
    """What follows the paths of a table; None where they are not followed."""
    if origin.images is None:
        return None if records.image is not None else Finder(records.folder)
    folder = Path(origin.images).expanduser()
    if not folder.is_dir():
        raise PairsError(f"The folder of images {origin.images} does not exist.")
    return Finder(records.folder, folder)


def _found(
    pairs: pd.DataFrame, finders: dict[str, Finder | None], progress: Progress, pieces: Pieces | None
) -> list[Photo]:
    inside = pairs["inside"].astype(object).where(pairs["inside"].notna(), None)
    named = list(zip(pairs["origin"], pairs["image"], inside, strict=True))
    located = {
        name: Photo(name[2]) if name[2] is not None else finders[name[0]](name[1]) for name in dict.fromkeys(named)
    }
    checked = check_images([photo.path for photo in located.values() if photo.path], progress, pieces)
    return [checked[located[name].path] if located[name].path else located[name] for name in named]
