"""Views on the table of pairs that all later stations share: training rows and held-out photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

GROUP = "group."


@dataclass(frozen=True)
class HeldOut:
    """The photos of one held-out split, each with one caption or several.

    Attributes
    ----------
    rows
        (m,) positions of the split's pairs in the table (and so in the features).
    photo
        (m,) for each of these pairs, which photo it belongs to, numbered 0 to p - 1.
    image_rows
        (p,) for each photo, the position in the table of its first pair.
    groups
        For each attribute, the value of each photo: (p,) of str.
    """

    rows: np.ndarray
    photo: np.ndarray
    image_rows: np.ndarray
    groups: dict[str, np.ndarray]

    @property
    def photos(self) -> int:
        """How many photos."""
        return len(self.image_rows)


def attributes(table: pd.DataFrame) -> list[str]:
    """The group attributes that the table has."""
    return [column.removeprefix(GROUP) for column in table.columns if column.startswith(GROUP)]


def training_rows(table: pd.DataFrame) -> np.ndarray:
    """(n_train,) positions of the training pairs in the table."""
    return np.flatnonzero((table["split"] == "train").to_numpy())


def photo_codes(table: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) one number a photo, by content digest: pairs of one photo share it."""
    return pd.factorize(table["photo"].to_numpy()[rows])[0]


def coded(labels: np.ndarray | pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels of (n,) labels, sorted, and the (n,) position of each in them; fast also for a million strings."""
    codes, distinct = pd.factorize(labels, sort=True)
    return np.asarray(distinct), codes


def heldout(table: pd.DataFrame, split: str) -> HeldOut:
    """The photos of ``validation`` or ``test``, in the order of their first pairs."""
    rows = np.flatnonzero((table["split"] == split).to_numpy())
    photo = photo_codes(table, rows)
    first = np.unique(photo, return_index=True)[1]
    image_rows = rows[first]
    groups = {name: table[GROUP + name].to_numpy(dtype=object)[image_rows] for name in attributes(table)}
    return HeldOut(rows, photo, image_rows, groups)
