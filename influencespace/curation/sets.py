"""Sets of pairs that a curator has selected and decided on: stored once, named by what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PlanError
from influencespace.workspace import Workspace

REMEMBERED = 32


@dataclass(frozen=True)
class PairSet:
    """A set of pairs: their (k,) ``ids``, and the (k,) float32 ``weights`` that they had when it was stored, or None."""

    ids: pa.Array
    weights: np.ndarray | None


@dataclass(frozen=True)
class Found:
    """Where the pairs of a set are: (k,) ``rows``, their ``weights`` or None, and the ids that are ``absent``."""

    rows: np.ndarray
    weights: np.ndarray | None
    absent: list[str]


# From the digest of a set to where its pairs are; None if it is not stored.
Find = Callable[[str], Found | None]


def save(workspace: Workspace, ids: Sequence[str] | np.ndarray | pa.Array, weights: np.ndarray | None = None) -> str:
    """Store a set of pairs; the same pairs with the same weights give the same digest.

    Parameters
    ----------
    ids
        (k,) of the pairs, each once.
    weights
        (k,) that the pairs have, 0 = removed, for a set that is to be locked.

    Returns
    -------
    str
        The digest, by which decisions name the set.

    Raises
    ------
    PlanError
        If there is no pair, or one is there twice.
    WorkspaceError
        If the workspace cannot be written.
    """
    ids = pa.array(ids, type=pa.string())
    if len(ids) == 0 or len(pc.unique(ids)) < len(ids):
        raise PlanError("A set holds at least one pair, and each once.")
    # With their lengths, so that other ids never make the same text.
    content = hashlib.sha256(pc.binary_length(ids).to_numpy().tobytes() + "".join(ids.to_pylist()).encode())
    table = pd.DataFrame({"id": pd.array(ids, dtype=pd.ArrowDtype(pa.string()))})
    if weights is not None:
        table["weight"] = np.asarray(weights, dtype=np.float32)
        content.update(table["weight"].to_numpy().tobytes())
    digest = content.hexdigest()[:32]
    workspace.store_set(digest, table)
    return digest


def load(workspace: Workspace, digest: str) -> PairSet | None:
    """A stored set, or None if there is none of that digest."""
    table = workspace.stored_set(digest)
    if table is None:
        return None
    weights = table["weight"].to_numpy() if "weight" in table.column_names else None
    return PairSet(table["id"].combine_chunks(), weights)


def finder(workspace: Workspace, ids: pa.Array | np.ndarray) -> Find:
    """Finds stored sets among the pairs with these (n,) ids; what was found is remembered."""

    @lru_cache(maxsize=REMEMBERED)
    def find(digest: str) -> Found | None:
        stored = load(workspace, digest)
        if stored is None:
            return None
        rows = places(ids, stored.ids)
        return Found(rows, stored.weights, stored.ids.filter(pa.array(rows < 0)).to_pylist())

    return find


def nothing_stored(digest: str) -> None:
    """The finder of those who have no sets."""
    return None


def places(ids: pa.Array | np.ndarray, wanted: pa.Array) -> np.ndarray:
    """(k,) int64 the place of each of (k,) wanted ids among (n,) ids, -1 where it is not there."""
    ids = pa.array(ids, type=pa.string()) if isinstance(ids, np.ndarray) else ids
    # Hashing the few and passing once over the many takes a tenth of what an index of the many does.
    found = pc.index_in(ids, value_set=wanted.cast(ids.type))
    rows = np.flatnonzero(found.is_valid())
    out = np.full(len(wanted), -1, dtype=np.int64)
    out[found.drop_null().to_numpy()] = rows
    return out

