"""The stage that imports: from the curator's files, which it only reads, to the artifact ``pairs``."""

from __future__ import annotations

import time

import numpy as np

from influencespace.pairs.kept import forget
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.reading import read_pairs
from influencespace.pairs.stretch import container
from influencespace.progress import Progress
from influencespace.workspace import Artifact, Workspace


def import_pairs(workspace: Workspace, options: ImportOptions, progress: Progress) -> Artifact:
    """Import pairs into a workspace.

    The artifact's content is the digest of what was read, so that importing unchanged files again leaves everything after
    it current, and changed ones make it stale.

    Raises
    ------
    PairsError
        If the pairs cannot be read (:func:`influencespace.pairs.reading.read_pairs`); the workspace is then unchanged.
    WorkspaceError
        If the workspace cannot be written.
    """
    began, images = time.monotonic(), workspace.private("images")
    pairs = read_pairs(options, progress, images, workspace.pieces("pairs", options))
    spent = time.monotonic() - began
    with workspace.write("pairs", options) as draft:
        draft.spent = spent
        draft.content = pairs.digest()
        draft.facts = pairs.facts
        draft.table("pairs", pairs.table)
        draft.table("problems", pairs.problems)
        for name, vectors in (("image", pairs.image), ("text", pairs.text)):
            if vectors is not None:
                draft.parts(name, np.dtype(np.float16), vectors.shape, vectors.blocks())
    paths = pairs.table["image_path"].dropna()
    forget(images, set(map(container, paths[paths.str.startswith("bytes:")])))
    return workspace.artifact("pairs")
