"""The stage ``embed``: pairs become features."""

from __future__ import annotations

import hashlib
import shutil
import time

import numpy as np
import pandas as pd

from influencespace import engines
from influencespace.engines import HERE, Engine
from influencespace.engines.kept import Keeping
from influencespace.features.aligned import alignment
from influencespace.features.duplicates import find_duplicates
from influencespace.features.options import DEFAULT_ENCODER, EmbedOptions
from influencespace.pairs.views import photo_codes, training_rows
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact, Draft, Workspace

IMPORTED = "imported"
# Rows copied at once when vectors are spread over the pairs: some 100 MB at 1,000 numbers a vector.
CHUNK = 50_000
FLOAT16 = np.finfo(np.float16)


def embed(workspace: Workspace, options: EmbedOptions, progress: Progress = silent) -> Artifact:
    """Embed every pair, or take over the embeddings that the pairs came with, and find near-duplicates.

    Reads ``pairs``; writes ``features``: ``image`` (n, dx) and ``text`` (n, dy), float16, one row a pair; unit vectors
    from an encoder, as they came (clipped to what float16 holds) where they were imported; ``duplicates`` (n,) int32, the
    same for the training pairs of a set of near-duplicates. Facts: ``encoder``, ``aligned``, ``aligned_why``, ``logit_scale``
    (of the encoder, null for imported ones), ``duplicates`` (how many pairs more than sets), ``device``, ``seconds``.

    A run that was killed goes on where it stopped, as long as the pairs and the encoder are the same.

    Raises
    ------
    FeaturesError
        If the encoder cannot be had, its device is absent, or a photo cannot be read any more.
    WorkspaceError
        If there are no pairs yet, or the workspace cannot be written.
    """
    began = time.monotonic()
    pairs = workspace.artifact("pairs")
    table = pairs.table("pairs")
    imported = options.encoder is None and pairs.has("image.npy")
    with workspace.write("features", options) as draft:
        if imported:
            _take_over(pairs, draft, progress)
            facts = {"encoder": IMPORTED, "logit_scale": None, "device": None}
        else:
            facts = _run_encoder(workspace, table, options, draft, progress)
        aligned, why = _aligned(draft, table)
        # What lies under the encoder's name may have changed since the run that was killed.
        draft.pieces = workspace.pieces("features", options, draft.content)
        duplicates = _duplicates(draft, table, progress, Keeping(HERE, draft.pieces))
        draft.array("duplicates", duplicates)
        draft.facts = facts | {
            "aligned": aligned, "aligned_why": why, "duplicates": int((duplicates != np.arange(len(table))).sum()),
            "seconds": time.monotonic() - began,
        }
    shutil.rmtree(workspace.private("features"))
    return workspace.artifact("features")


def _run_encoder(
    workspace: Workspace, table: pd.DataFrame, options: EmbedOptions, draft: Draft, progress: Progress
) -> dict:
    # torch and transformers take seconds to import, which those with embeddings of their own need not wait for.
    from influencespace.features.device import pick_device
    from influencespace.features.encoder import load_encoder
    from influencespace.features.store import embed_pairs

    name = options.encoder or DEFAULT_ENCODER
    device = pick_device(options.device)
    progress(0, 1, f"loading {name}")
    encoder = load_encoder(name, device)
    # The encoder's name is among the options; what lies under that name may change.
    draft.content = encoder.digest
    key = hashlib.sha256(f"{workspace.artifact('pairs').digest} {encoder.digest}".encode()).hexdigest()[:32]
    distinct = table["photo"].nunique() + table["caption"].nunique()  # kept until all of them are there
    workspace.needs_room((distinct + 2 * len(table)) * encoder.width * FLOAT16.dtype.itemsize, "Embedding these pairs")
    folder = workspace.private("features") / key
    folder.mkdir(exist_ok=True)
    with engines.start(options) as engine:
        found = embed_pairs(encoder, table, folder, options.batch_size, progress, engine)
    _write(draft, "image", found.photos, found.photo_of)
    _write(draft, "text", found.captions, found.caption_of)
    return {"encoder": encoder.name, "logit_scale": encoder.logit_scale, "device": device.type}


def _take_over(pairs: Artifact, draft: Draft, progress: Progress) -> None:
    for done, name in enumerate(("image", "text")):
        vectors = pairs.array(name)
        _write(draft, name, vectors, np.arange(len(vectors)))
        progress(done + 1, 2, "copying the imported embeddings")


def _write(draft: Draft, name: str, vectors: np.ndarray, rows: np.ndarray) -> None:
    parts = (
        np.clip(vectors[rows[start : start + CHUNK]], FLOAT16.min, FLOAT16.max) for start in range(0, len(rows), CHUNK)
    )
    draft.parts(name, FLOAT16.dtype, (len(rows), vectors.shape[1]), parts)


def _aligned(draft: Draft, table: pd.DataFrame) -> tuple[bool, str]:
    # Test pairs are for evaluation alone.
    rows = np.flatnonzero((table["split"] != "test").to_numpy())
    return alignment(*_written(draft), rows, photo_codes(table, rows))


def _duplicates(draft: Draft, table: pd.DataFrame, progress: Progress, engine: Engine) -> np.ndarray:
    sets, rows = np.arange(len(table), dtype=np.int32), training_rows(table)
    same = table.iloc[rows].groupby(["photo", "caption"], sort=False).ngroup().to_numpy()
    sets[rows] = rows[find_duplicates(*_written(draft), rows, same, progress=progress, engine=engine)]
    return sets


def _written(draft: Draft) -> list[np.ndarray]:
    return [np.load(draft.folder / f"{name}.npy", mmap_mode="r") for name in ("image", "text")]
