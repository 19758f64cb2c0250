"""The subset as rows: every kept training pair with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace.pairs.views import GROUP, training_rows

META = "meta."
# The columns that come first, under names that no group and no column of the source may take.
OWN = (
    "id", "image", "caption", "weight", "topic", "topic_name", "cluster", "cluster_name", "disposition", "reason",
)


@dataclass(frozen=True)
class PlanTables:
    """The tables of a workspace that a subset is made of; their columns are those of docs/design.md.

    Attributes
    ----------
    pairs
        All pairs.
    members
        Topic and cluster of each training row.
    clusters, topics
        Names of clusters and topics.
    decided, reasons
        The plan: weight and disposition of each training row, and the reason of each cluster.
    """

    pairs: pd.DataFrame
    members: pd.DataFrame
    clusters: pd.DataFrame
    topics: pd.DataFrame
    decided: pd.DataFrame
    reasons: pd.DataFrame

    def kept(self) -> np.ndarray:
        """(k,) positions of the kept pairs among the training rows."""
        return np.flatnonzero(self.decided["weight"].to_numpy() > 0)


def subset_rows(tables: PlanTables) -> pd.DataFrame:
    """One row a kept pair, in the order of the pairs.

    Returns
    -------
    pandas.DataFrame
        ``id, image, caption, weight, topic, topic_name, cluster, cluster_name, disposition, reason``, then one column
        a group attribute and one a further column of the source, named by :func:`outside_names`.
    """
    kept, source = tables.kept(), kept_pairs(tables)
    member = tables.members.iloc[kept].reset_index(drop=True)
    decided = tables.decided.iloc[kept].reset_index(drop=True)
    cluster, topic = member["cluster"], member["topic"]
    return with_outside(source, {
        "weight": shortest(decided["weight"].to_numpy()),
        "topic": topic.astype("int64"),
        "topic_name": topic.map(tables.topics.set_index("topic")["name"]),
        "cluster": cluster,
        "cluster_name": cluster.map(tables.clusters.set_index("cluster")["name"]),
        "disposition": decided["disposition"],
        "reason": cluster.map(tables.reasons.set_index("cluster")["reason"]),
    })


def kept_pairs(tables: PlanTables) -> pd.DataFrame:
    """The rows of the table of pairs that are kept, numbered from 0."""
    return tables.pairs.iloc[training_rows(tables.pairs)[tables.kept()]].reset_index(drop=True)


def with_outside(source: pd.DataFrame, own: dict[str, object]) -> pd.DataFrame:
    """The rows of a subset: what the pairs table says of them, around what the plan says of them.

    Parameters
    ----------
    source
        The rows of the pairs table that are kept, numbered from 0.
    own
        The columns of :data:`OWN` from ``weight`` on.
    """
    outside = {name: source[column] for column, name in outside_names(list(source.columns)).items()}
    named = {"id": source["id"], "image": source["image"], "caption": source["caption"]} | own
    return pd.DataFrame({name: named[name] for name in OWN} | outside)


def outside_names(columns: list[str]) -> dict[str, str]:
    """How group attributes and further columns of the source are called in a subset.

    Both keep their own names; one whose name is taken, by a column of ours or by a group, is called ``group.NAME`` or
    ``meta.NAME``.
    """
    names: dict[str, str] = {}
    taken = set(OWN)
    for prefix in (GROUP, META):
        for column in (c for c in columns if c.startswith(prefix)):
            name = column.removeprefix(prefix)
            while name in taken:
                name = prefix + name
            names[column] = name
            taken.add(name)
    return names


def shortest(weights: np.ndarray) -> np.ndarray:
    """float32 weights as the float64 with the fewest digits that name the same float32: 1.3 and not 1.2999999523."""
    values, where = np.unique(np.asarray(weights, dtype=np.float32), return_inverse=True)
    return np.array([float(str(value)) for value in values], dtype=np.float64)[where]


def nested_records(rows: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as :func:`records`, with what came with the source (the image as it wrote it, groups, further columns) as a dict
    under ``source``, so that none of its names can be taken for one of a format's own."""
    outside = [name for name in rows.columns if name not in OWN]
    return [
        {name: row[name] for name in OWN if name != "image"} | {"source": {name: row[name] for name in ("image", *outside)}}
        for row in records(rows)
    ]


def records(rows: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as dicts of plain Python values, None for what is missing or no finite number."""
    known = rows.notna() & ~rows.isin([np.inf, -np.inf])
    return rows.astype(object).where(known, None).to_dict("records")
