"""What the curator has decided by hand, resolved to the pairs: pairs beat sets, sets clusters, and clusters topics.

Decisions are plain JSON, ``{"topics": {id: d}, "clusters": {id: d}, "sets": [{"set": digest, "name": str, "decision": d}],
"pairs": {id: d}}``, where d is "keep" (weighted as the plan does), "prune", "up-weight" (at the cap), a number (the weight
itself) or, for sets alone, "lock" (each pair has the weight, or none, that it had when the set was stored). Later sets beat
earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from influencespace.curation.members import Members
from influencespace.curation.sets import Find, Found, nothing_stored, places
from influencespace.errors import PlanError

TOPICS, CLUSTERS, SETS, PAIRS = LEVELS = ("topics", "clusters", "sets", "pairs")
WORDS = ("keep", "prune", "up-weight")
LOCK = "lock"
HEAVIEST = 100.0


@dataclass(frozen=True)
class Decided:
    """Decisions by pair; a pair without one is left to the plan.

    Attributes
    ----------
    keep, prune, up_weight
        (n,) bool; the first stay with the weight that the plan gives, the last with that of the cap.
    weight
        (n,) float64, the weight itself where there is one, else NaN.
    locked
        (n,) bool, whether the weight, or the pruning, is what a plan gave before it was locked.
    """

    keep: np.ndarray
    prune: np.ndarray
    up_weight: np.ndarray
    weight: np.ndarray
    locked: np.ndarray

    @cached_property
    def any(self) -> np.ndarray:
        """(n,) bool, whether there is any decision on the pair."""
        return self.keep | self.prune | self.up_weight | ~np.isnan(self.weight)

    def weights(self, cap: float) -> np.ndarray:
        """(n,) float64 the weights that the curator gave, NaN where none was."""
        return np.where(self.up_weight, cap, self.weight)


def resolve(decisions: dict[str, Any], ids: pa.Array | np.ndarray, members: Members, find: Find = nothing_stored) -> Decided:
    """Decisions on the pairs with these (n,) ids, in these clusters and topics.

    Parameters
    ----------
    decisions
        As above.
    find
        Finds a stored set among the pairs (:func:`influencespace.curation.sets.finder`).

    Raises
    ------
    PlanError
        If a decision is none, or is about something that does not exist (any more).
    """
    unknown = [level for level in decisions if level not in LEVELS]
    if unknown:
        raise PlanError(f"Decisions are about {', '.join(LEVELS)}; {unknown[0]!r} is none of them.")
    n = len(members.member)
    keep, prune, up_weight, locked = (np.zeros(n, dtype=bool) for _ in range(4))
    weight = np.full(n, np.nan)
    for rows, decision, before, about in _rows(decisions, ids, members, find):
        keep[rows], prune[rows], up_weight[rows] = decision == "keep", decision == "prune", decision == "up-weight"
        weight[rows], locked[rows] = np.nan, decision == LOCK
        if decision == LOCK and before is not None:
            prune[rows], weight[rows] = before == 0, np.where(before > 0, before, np.nan)
        elif decision not in WORDS:
            weight[rows] = _number(decision, about)
    return Decided(keep, prune, up_weight, weight, locked)


def with_decision(decisions: dict[str, Any], level: str, name: str, decision: str | float | None) -> dict[str, Any]:
    """Decisions with one on a topic, cluster or pair given, or taken back (None).

    Raises
    ------
    PlanError
        If there is no such level.
    """
    if level not in LEVELS or level == SETS:
        raise PlanError(f"There are decisions on topics, clusters and pairs; {level!r} is none of them.")
    own = {key: value for key, value in decisions.get(level, {}).items() if key != name}
    return settled(decisions | {level: own if decision is None else own | {name: decision}})


def with_set(decisions: dict[str, Any], digest: str, name: str, decision: str | float | None) -> dict[str, Any]:
    """Decisions with one on a stored set given, which beats those on other sets, or taken back (None)."""
    others = [entry for entry in decisions.get(SETS, []) if entry["set"] != digest]
    new = [] if decision is None else [{"set": digest, "name": name, "decision": decision}]
    return settled(decisions | {SETS: others + new})


def settled(decisions: dict[str, Any]) -> dict[str, Any]:
    """Decisions without levels on which there is none, so that the same decisions are equal."""
    return {level: decided for level, decided in decisions.items() if decided}


def _rows(
    decisions: dict[str, Any], ids: pa.Array | np.ndarray, members: Members, find: Find
) -> Iterator[tuple[np.ndarray | int, Any, np.ndarray | None, str]]:
    """Rows, decision, weights of before (of sets that hold them) and whom it is about, the wider decisions first."""
    for level, which in ((TOPICS, members.topic), (CLUSTERS, members.cluster)):
        for name, decision in decisions.get(level, {}).items():
            of = which(name)
            if not of.any():
                raise _absent(name, level)
            yield members.rows(of), decision, None, f"{name!r} among the {level}"
    for entry in decisions.get(SETS, []):
        if not isinstance(entry, dict) or not {"set", "name", "decision"} <= entry.keys():
            raise PlanError(f"A decision on a set has the keys set, name and decision; {entry!r} has not.")
        stored = _there(find(entry["set"]), entry)
        yield stored.rows, entry["decision"], stored.weights, f"the set {entry['name']!r}"
    wanted = decisions.get(PAIRS, {})
    if wanted:
        for (name, decision), row in zip(wanted.items(), places(ids, pa.array(list(wanted))), strict=True):
            if row < 0:
                raise _absent(name, PAIRS)
            yield row, decision, None, f"{name!r} among the {PAIRS}"


def _there(stored: Found | None, entry: dict[str, Any]) -> Found:
    if stored is None:
        raise PlanError(f"There is a decision on the set {entry['name']!r}, but its pairs are stored no more; take it back.")
    if stored.absent:
        raise PlanError(
            f"There is a decision on the set {entry['name']!r}, of which {len(stored.absent):,} pairs, such as "
            f"{stored.absent[0]!r}, are no training pairs. If pairs were imported anew since, take the decision back."
        )
    if entry["decision"] == LOCK and stored.weights is None:
        raise PlanError(f"The set {entry['name']!r} cannot be locked: it was stored without the weights of its pairs.")
    return stored


def _absent(name: str, level: str) -> PlanError:
    return PlanError(
        f"There is a decision about {name!r} among the {level}, but none of that name. If the clusters were made "
        "anew since, take the decision back."
    )


def _number(decision: object, about: str) -> float:
    if isinstance(decision, bool) or not isinstance(decision, int | float) or not 0 < decision <= HEAVIEST:
        raise PlanError(
            f"The decision {decision!r} about {about} is none of {', '.join(WORDS)} and no weight above 0 and up to {HEAVIEST:g}."
        )
    return float(decision)
