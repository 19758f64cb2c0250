"""What the curator has decided by hand, resolved to the pairs: a decision on a pair beats one on its cluster, and that one
on its topic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace.errors import PlanError

LEVELS = ("topics", "clusters", "pairs")
WORDS = ("keep", "prune", "up-weight")
HEAVIEST = 100.0


@dataclass(frozen=True)
class Decided:
    """Decisions by pair; a pair without one is left to the plan.

    Attributes
    ----------
    keep, prune
        (n,) bool.
    weight
        (n,) float64, the weight that the curator gave, NaN where none was.
    """

    keep: np.ndarray
    prune: np.ndarray
    weight: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """(n,) bool, whether there is any decision on the pair."""
        return self.keep | self.prune | ~np.isnan(self.weight)


def resolve(decisions: dict, ids: np.ndarray, clusters: np.ndarray, topics: np.ndarray, cap: float) -> Decided:
    """Decisions on the pairs with these (n,) ids, in these (n,) clusters and topics.

    Parameters
    ----------
    decisions
        ``{"topics" | "clusters" | "pairs": {id: decision}}``; a decision is "keep" (weighted as the plan does), "prune",
        "up-weight" (at the cap) or a number, the weight itself.

    Raises
    ------
    PlanError
        If a decision is none of these, or is about something that does not exist.
    """
    unknown = [level for level in decisions if level not in LEVELS]
    if unknown:
        raise PlanError(f"Decisions are about {', '.join(LEVELS)}; {unknown[0]!r} is none of them.")
    n = len(ids)
    keep, prune, weight = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.full(n, np.nan)
    for level, labels in zip(LEVELS, (topics, clusters, ids), strict=True):
        members = _members(labels, decisions.get(level, {}), level)
        for name, decision in decisions.get(level, {}).items():
            rows = members[name]
            keep[rows], prune[rows], weight[rows] = decision == "keep", decision == "prune", np.nan
            if decision == "up-weight":
                weight[rows] = cap
            elif decision not in WORDS:
                weight[rows] = _number(decision, name, level)
    return Decided(keep, prune, weight)


def _members(labels: np.ndarray, wanted: dict, level: str) -> dict[str, np.ndarray]:
    if not wanted:
        return {}
    codes, distinct = pd.factorize(labels)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    members = {}
    for name, code in zip(wanted, pd.Index(distinct.astype(str)).get_indexer(list(wanted)), strict=True):
        if code < 0:
            raise PlanError(
                f"There is a decision about {name!r} among the {level}, but none of that name. If the clusters were made "
                "anew since, take the decision back."
            )
        members[name] = order[ends[code - 1] if code else 0 : ends[code]]
    return members


def _number(decision: object, name: str, level: str) -> float:
    if isinstance(decision, bool) or not isinstance(decision, int | float) or not 0 < decision <= HEAVIEST:
        raise PlanError(
            f"The decision {decision!r} about {name!r} among the {level} is none of {', '.join(WORDS)} and no weight above 0 "
            f"and up to {HEAVIEST:g}."
        )
    return float(decision)
