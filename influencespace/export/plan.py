"""A plan as a small JSON document, and the subset rebuilt from it."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np
import pandas as pd

from influencespace.errors import ExportError
from influencespace.export.rows import shortest, with_outside
from influencespace.pairs.views import training_rows

FORMAT = 1
KEYS = ("pairs", "ids", "weights", "clusters", "topics", "members", "dispositions")
SAME_PAIRS = "Import the same source with the same options."


def rebuild(plan: dict, pairs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the subset from an exported plan and the pairs that it was made for.

    Parameters
    ----------
    plan
        The document that ``export --format plan`` writes.
    pairs
        The pairs table of a workspace into which the same source was imported with the same options.

    Returns
    -------
    pandas.DataFrame
        The rows of :func:`influencespace.export.rows.subset_rows`, to the letter.

    Raises
    ------
    ExportError
        If the document is no plan, was written by a newer version, or was made for other pairs.
    """
    _check(plan)
    try:
        return _rebuilt(plan, pairs)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ExportError(f"This plan is damaged: its parts do not go together ({type(error).__name__}: {error}).") from error


def _rebuilt(plan: dict, pairs: pd.DataFrame) -> pd.DataFrame:
    training = pairs.iloc[training_rows(pairs)]
    if len(training) != plan["pairs"]:
        raise ExportError(
            f"This plan was made for {plan['pairs']:,} training pairs, but there are {len(training):,}. {SAME_PAIRS}"
        )
    where = pd.Index(training["id"]).get_indexer(pd.Index(plan["ids"], dtype=object, tupleize_cols=False))
    if (where < 0).any():
        absent = plan["ids"][int(np.argmin(where))]
        raise ExportError(f"This plan keeps the pair {absent!r}, which is no training pair here. {SAME_PAIRS}")
    source = training.iloc[where].reset_index(drop=True)
    cluster = _expand(plan, "members")
    clusters = [plan["clusters"][name] for name in cluster]
    return with_outside(source, {
        "weight": shortest(np.array(_expand(plan, "weights"), dtype=np.float32)),
        "topic": np.array([entry["topic"] for entry in clusters], dtype=np.int64),
        "topic_name": [plan["topics"][str(entry["topic"])] for entry in clusters],
        "cluster": cluster,
        "cluster_name": [entry["name"] for entry in clusters],
        "disposition": _expand(plan, "dispositions"),
        "reason": [entry["reason"] for entry in clusters],
    })


def _check(plan: dict) -> None:
    form = plan.get("format") if isinstance(plan, dict) else None
    if not isinstance(form, int):
        raise ExportError("This document is no plan of InfluenceSpace: it says no format.")
    if form > FORMAT:
        raise ExportError(f"This plan was written by a newer version of InfluenceSpace (format {form}).")
    lacking = [key for key in KEYS if key not in plan]
    if lacking:
        raise ExportError(f"This plan is damaged: it lacks {', '.join(lacking)}.")


def _expand(plan: dict, key: str) -> list:
    """The run-length coded values of every kept pair."""
    counts = [count for _, count in plan[key]]
    # Counted before anything is written out: a few letters can claim more than a memory holds.
    if sum(counts) != len(plan["ids"]) or min(counts, default=0) < 0:
        raise ExportError(f"This plan is damaged: it has {key} for {sum(counts):,} of {len(plan['ids']):,} kept pairs.")
    return list(chain.from_iterable(repeat(value, count) for value, count in plan[key]))
