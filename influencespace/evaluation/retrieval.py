"""Which retrievals changed between two arms: for every query, the place of its right answer in one and in the other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from influencespace.errors import TrainingError
from influencespace.evaluation.figures import RECALLS
from influencespace.metrics.recall import IMAGE_TO_TEXT, TEXT_TO_IMAGE

SIDES = (TEXT_TO_IMAGE, IMAGE_TO_TEXT)
GAINED, LOST = "gained", "lost"


def changes(ranks: pd.DataFrame, before: str, after: str, direction: str) -> pd.DataFrame:
    """Each query of a direction with its places in two arms, those that moved most first.

    An arm was trained with several seeds; the place of a query is the median over them, so that one seed's luck does not
    count. Moves are ordered by their ratio: from place 12 to 1 is more than from 300 to 200, as it is to Recall@k.

    Parameters
    ----------
    ranks
        The table ``ranks`` of the training artifact.
    before, after
        The arms.
    direction
        ``text_to_image`` or ``image_to_text``.

    Returns
    -------
    pandas.DataFrame
        ``query, photo`` (its row in ``photos``), ``before, after`` (places, 1 = first).

    Raises
    ------
    TrainingError
        If an arm was not trained.
    """
    side = ranks[ranks["direction"] == direction]
    queries, old = _places(side, before)
    new = _places(side, after)[1]
    moved = np.abs(np.log(old / new))
    # Of equal moves those nearer to the first place come first; the order is the same every time.
    order = np.lexsort((np.arange(len(old)), np.minimum(old, new), -moved))
    return queries.assign(before=old, after=new).iloc[order].reset_index(drop=True)


def crossed(found: pd.DataFrame, k: int) -> pd.Series:
    """For each query ``gained`` where its right answer came among the first ``k``, ``lost`` where it left them, else empty."""
    was, now = found["before"] <= k, found["after"] <= k
    return pd.Series(np.select([now & ~was, was & ~now], [GAINED, LOST], ""), index=found.index, dtype=object)


def crossings(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """How many right answers came among the first 1, 5 and 10, and how many left them.

    Parameters
    ----------
    found
        For each direction what :func:`changes` gives.

    Returns
    -------
    pandas.DataFrame
        One row a direction and k: ``direction, k, queries, gained, lost``.
    """
    rows = []
    for direction, part in found.items():
        for k in RECALLS.values():
            count = crossed(part, k).value_counts()
            rows.append({
                "direction": direction, "k": k, "queries": len(part),
                GAINED: int(count.get(GAINED, 0)), LOST: int(count.get(LOST, 0)),
            })
    return pd.DataFrame(rows)


def _places(side: pd.DataFrame, arm: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The queries of an arm in their order, and (q,) the median over the seeds of the place of the right answer."""
    own = side[side["arm"] == arm].sort_values(["seed", "query"], kind="stable")
    if own.empty:
        raise TrainingError(f"There are no results of the arm {arm!r}; train it with: python -m influencespace train")
    seeds = own["seed"].nunique()
    queries = own[["query", "photo"]].iloc[: len(own) // seeds].reset_index(drop=True)
    return queries, np.median(own["rank"].to_numpy().reshape(seeds, -1), axis=0) + 1
