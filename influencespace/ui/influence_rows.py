"""What the influence page shows: the figures of every topic or cluster on one thing, in a unit that can be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace.influence.chance import beyond_chance
from influencespace.influence.fairness import Gap, gap_scores, gaps
from influencespace.influence.hierarchy import benefit_shares
from influencespace.influence.targets import OVERALL
from influencespace.ui import reading, wording
from influencespace.ui.columns import INFLUENCE, TrainingPairs
from influencespace.workspace import Artifact

TOPIC, CLUSTER = "topic", "cluster"


@dataclass(frozen=True)
class Subject:
    """What influence is on: a target, or the gap between two groups.

    Attributes
    ----------
    name
        What its columns are called.
    photos
        How many validation photos it is judged by.
    gap
        None for a target.
    """

    name: str
    photos: int
    gap: Gap | None = None

    @property
    def label(self) -> str:
        """Its name for a person."""
        return wording.target(self.name) if self.gap is None else f"gap in {wording.group(self.gap.attribute)}"

    @property
    def phrase(self) -> str:
        """What clusters act on, in a sentence."""
        if self.gap is not None:
            return f"the {self.label}"
        return "the overall loss" if self.name == OVERALL else f"the loss on {self.label}"

    @property
    def verbs(self) -> tuple[str, str]:
        """What many clusters do whose influence is positive, and negative."""
        return ("help", "harm") if self.gap is None else ("narrow", "widen")

    def verb(self, value: float) -> str:
        """What one cluster with that influence does when it is kept."""
        return f"{self.verbs[int(value < 0)]}s"

    def of_pairs(self, pairs: TrainingPairs) -> np.ndarray:
        """(n,) float32, the selection score of every training pair."""
        if self.gap is None:
            return pairs.numbers(INFLUENCE + self.name)
        return pairs.numbers(INFLUENCE + self.gap.behind) - pairs.numbers(INFLUENCE + self.gap.ahead)


def subjects(targets: list[dict]) -> list[Subject]:
    """All that there is influence on: the targets as stored with the scores, then the gaps between their groups."""
    photos = {target["name"]: target["photos"] for target in targets}
    of_gaps = [Subject(gap.name, photos[gap.behind] + photos[gap.ahead], gap) for gap in gaps(targets)]
    return [Subject(name, count) for name, count in photos.items()] + of_gaps


def level_rows(clusters: Artifact, scores: Artifact, level: str) -> pd.DataFrame:
    """One row a topic or a cluster with what is stored of it.

    Scores from before gaps and redundancy were stored lack them: errors of gaps are then those of the two groups added up, which
    is too much rather than too little, and redundancy is not known.
    """
    table = reading.table(scores, f"{level}s").merge(reading.table(clusters, f"{level}s"), on=level, how="left")
    targets = scores.json("targets")
    names = [target["name"] for target in targets]
    for gap in gaps(targets):
        if f"{gap.name}.mean" not in table:
            for part in ("", ".mean"):
                values = table[[name + part for name in names]].to_numpy()
                table[gap.name + part] = gap_scores(values, names, [gap])[:, 0]
            table[f"{gap.name}.error"] = np.hypot(table[f"{gap.behind}.error"], table[f"{gap.ahead}.error"])
    return table.assign(**{column: np.nan for column in ("repeated", "likeness") if column not in table})


def unit(mean: np.ndarray) -> float:
    """What is called 1 where mean selection scores of topics or clusters are shown: the mean of all, whichever their sign."""
    known = np.abs(mean[np.isfinite(mean)])
    return float(known.mean()) if known.any() else 1.0


def standing(rows: pd.DataFrame, subject: Subject, level: str) -> pd.DataFrame:
    """How every topic or cluster stands on one subject.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``name``, ``pairs``; ``value`` and ``error``, the mean selection score and its standard error in units of the
        mean over all rows whichever their sign; ``beyond`` bool, whether it lies beyond chance; ``data`` and ``benefit``, its
        share of the pairs and of the positive influence in percent; ``repeated`` in percent, ``likeness``.
    """
    mean, error = rows[f"{subject.name}.mean"].to_numpy(), rows[f"{subject.name}.error"].fillna(np.inf).to_numpy()
    one = unit(mean)
    return pd.DataFrame({
        "label": rows[level], "name": rows["name"].fillna(rows[level].astype(str)), "pairs": rows["pairs"],
        "value": mean / one, "error": error / one, "beyond": beyond_chance(mean, error), "data": 100 * rows["share_pairs"],
        "benefit": 100 * benefit_shares(rows[subject.name].to_numpy()), "repeated": 100 * rows["repeated"],
        "likeness": rows["likeness"],
    })


def counts(view: pd.DataFrame, subject: Subject, noun: str) -> str:
    """How many do what beyond chance, as a sentence: the title of their chart."""
    good, bad = ((view["beyond"] & (np.sign(view["value"]) == sign)).sum() for sign in (1, -1))
    rest = len(view) - good - bad
    doing = f"{bad or 'None'} of {many(len(view), noun)} {does(subject.verbs[1], bad)} {subject.phrase}"
    return f"{doing}, {good or 'none'} {does(subject.verbs[0], good)}" + (f"; {rest} within chance" if rest else "")


def more_than_share(view: pd.DataFrame, noun: str) -> str:
    """Who gives more than their share, as a sentence."""
    above = view[view["benefit"] > view["data"]]
    if above.empty:
        return f"None of {many(len(view), noun)} helps"
    return (
        f"{len(above)} of {many(len(view), noun)} {does('give', len(above))} more than their share: "
        f"{above['data'].sum():.0f} % of the pairs, {above['benefit'].sum():.0f} % of the benefit"
    )


def at_odds(rows: pd.DataFrame, found: list[Subject], noun: str) -> str:
    """How many help one group and harm another of the same attribute beyond chance, as a sentence."""
    helped, harmed, odd = {}, {}, np.zeros(len(rows), dtype=bool)
    for subject in found:
        if subject.gap is None and subject.name != OVERALL:
            mean, error = rows[f"{subject.name}.mean"], rows[f"{subject.name}.error"]
            beyond, attribute = beyond_chance(mean, error), subject.name.partition("=")[0]
            for kept, right in ((helped, mean > 0), (harmed, mean < 0)):
                kept[attribute] = kept.get(attribute, False) | (beyond & right.to_numpy())
    for attribute, one in helped.items():
        odd |= one & harmed[attribute]
    count = int(odd.sum())
    who = f"{count or 'None'} of {many(len(rows), noun)}"
    return f"{who} {does('help', count)} one group and {does('harm', count)} another beyond chance"


def how(row: pd.Series, subject: Subject) -> str:
    """What stands behind a gap that narrows although nobody is helped, or widens although nobody is harmed; empty otherwise."""
    if subject.gap is None:
        return ""
    behind, ahead = (row[f"{target}.mean"] for target in (subject.gap.behind, subject.gap.ahead))
    if ahead < behind < 0:
        return f", by harming {wording.target(subject.gap.ahead)} more than {wording.target(subject.gap.behind)}"
    if 0 < behind < ahead:
        return f", by helping {wording.target(subject.gap.ahead)} more than {wording.target(subject.gap.behind)}"
    return ""


def many(count: int, noun: str) -> str:
    """So many of something."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def spoken(value: float) -> str:
    """A positive number with two digits that say something, however small it is."""
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def does(verb: str, count: int) -> str:
    """The verb as so many do it."""
    return verb if count > 1 else f"{verb}s"


def both_ends(values: np.ndarray, count: int) -> np.ndarray:
    """Positions of the highest and the lowest ``count // 2`` values, the highest first; of all where there are no more."""
    order = np.argsort(-values, kind="stable")
    half = count // 2
    return order if len(order) <= count else np.concatenate([order[:half], order[-half:]])


def drivers(influence: np.ndarray, members: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that drive a score: indices of the best ``count`` of the members, best first, and of the worst, worst first.

    Of fewer than twice as many, each half.
    """
    half = min(count, len(members) // 2) or min(count, len(members))
    ordered = members[np.argsort(-influence[members], kind="stable")]
    return ordered[:half], ordered[len(ordered) - half :][::-1] if len(members) > 1 else ordered[:0]
