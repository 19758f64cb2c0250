"""Why a cluster got its disposition, in words for the curator."""

from __future__ import annotations

import pandas as pd

from influencespace.curation.plan import IN_PART, PRUNE, UP_WEIGHT

# Mean agreement is standardised over all pairs.
BADLY, WELL = -0.75, 0.75


def reasons(clusters: pd.DataFrame, total: int) -> list[str]:
    """One sentence for each row of a plan's clusters joined with their mean ``agreement``; ``total`` pairs in all."""
    return [_reason(row, total) for row in clusters.itertuples()]


def _reason(row: tuple, total: int) -> str:
    if row.decided == row.pairs:
        return "decided by you"
    fit = "captions fit badly" if row.agreement < BADLY else "captions fit well" if row.agreement > WELL else ""
    if row.duplicates == row.pairs:
        return "near-duplicates of pairs in other clusters"
    if row.disposition == PRUNE or (row.held and row.kept == row.held):
        said = "harms the validation loss" if row.score < 0 else "helps less than what is kept"
    elif row.disposition == IN_PART:
        said = f"at the limit: its {row.pairs - row.kept - row.duplicates} weakest of {row.pairs} pairs go to meet the ratio"
    elif row.disposition == UP_WEIGHT:
        said = f"under-represented: {row.excess:.1f} x as much benefit as its share of the pairs"
    else:
        said = "helps about its share or less" if row.score > 0 else "harms a little, but less than what goes"
    floor = f"its best {row.held} of {row.pairs} pairs stay for the coverage floor" if row.held else ""
    by_hand = f"{row.decided} of {row.pairs} pairs decided by you" if row.decided else ""
    some = row.duplicates > 0 and row.disposition != PRUNE
    twice = f"{row.duplicates} of {row.pairs} pairs go as near-duplicates of others" if some else ""
    return "; ".join(filter(None, [said, fit, twice, floor, by_hand]))
