"""Measurements as tables of the training artifact: enough to compute every figure again, or pool two workspaces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from influencespace.evaluation.measure import Measured, RunMeasures
from influencespace.metrics.fairness import Matching
from influencespace.metrics.recall import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from influencespace.pairs.views import GROUP
from influencespace.training.probes import Phrases
from influencespace.workspace import Artifact, Draft

RUN_COLUMNS = ["arm", "seed", "pairs", "pairs_given", "weight", "training_seconds", "scoring_seconds", "joules", "steps"]
CURVE_COLUMNS = ["arm", "seed", "epoch", "loss", "recall", "seconds"]
# Runs of before these were measured.
EARLIER = {"joules": np.nan, "steps": 0}
DAMAGE_COLUMNS = ["arm", "seed", "damage", "direction", "query", "rank"]


def save_measures(draft: Draft, measured: Measured) -> None:
    """Write ``runs``, ``ranks``, ``matches``, ``curves`` and ``photos`` as tables and ``measured.json``.

    Where it was asked, also ``neutral``, ``zero_shot`` and ``damaged``.
    """
    draft.table("runs", pd.DataFrame([{c: getattr(run, c) for c in RUN_COLUMNS} for run in measured.runs])
                .astype({"training_seconds": "float64", "joules": "float64"}))
    draft.table("ranks", ranks_table(measured.runs))
    draft.table("matches", matches_table(measured.runs))
    curves = [{"arm": run.arm, "seed": run.seed} | step for run in measured.runs for step in run.curve]
    draft.table("curves", pd.DataFrame(curves, columns=CURVE_COLUMNS))
    photos = {"photo": measured.photos} | {GROUP + name: values for name, values in measured.groups.items()}
    facts = {"compared": measured.compared, "missing": measured.missing, "unmeasured": measured.unmeasured}
    facts["keeps_best"] = measured.keeps_best
    if measured.phrases is not None:
        photos["label"] = measured.phrases.labels
        facts |= {"queries": measured.phrases.queries, "classes": measured.phrases.classes}
    draft.table("photos", pd.DataFrame(photos))
    for name, made in (("neutral", neutral_table), ("zero_shot", zero_shot_table), ("damaged", damaged_table)):
        found = made(measured.runs)
        if found is not None:
            draft.table(name, found)
    draft.json("measured", facts)


def load_measures(artifact: Artifact) -> Measured:
    """What :func:`save_measures` has written, with the same numbers."""
    ranks = {key: part for key, part in artifact.table("ranks").groupby(["arm", "seed", "direction"])}
    matches = {key: part for key, part in artifact.table("matches").groupby(["arm", "seed"])}
    curves = {key: part for key, part in artifact.table("curves").groupby(["arm", "seed"])}
    asked = {
        table: {key: part for key, part in artifact.table(table).groupby(["arm", "seed"])}
        for table in ("neutral", "zero_shot", "damaged") if artifact.has(f"{table}.parquet")
    }
    runs = []
    for row in artifact.table("runs").to_dict("records"):
        name = (row["arm"], row["seed"])
        forward, backward = (ranks[*name, direction] for direction in (IMAGE_TO_TEXT, TEXT_TO_IMAGE))
        matching = {
            attribute: Matching(*(part[column].to_numpy() for column in ("positive", "negative", "drawn")))
            for attribute, part in matches[name].groupby("attribute", sort=False)
        }
        course = curves[name].drop(columns=["arm", "seed"]).to_dict("records") if name in curves else []
        row = EARLIER | row
        measured = {column: None if np.isnan(row[column]) else row[column] for column in ("training_seconds", "joules")}
        runs.append(RunMeasures(
            **row | measured, **_answers({table: parts.get(name) for table, parts in asked.items()}),
            image_to_text=forward["rank"].to_numpy(np.int64), text_to_image=backward["rank"].to_numpy(np.int64),
            photo=backward["photo"].to_numpy(np.int64),
            matching=matching, curve=course,
        ))
    photos, facts = artifact.table("photos"), artifact.json("measured")
    groups = {
        column.removeprefix(GROUP): photos[column].to_numpy(dtype=object)
        for column in photos.columns if column.startswith(GROUP)
    }
    phrases = None
    if "queries" in facts:
        phrases = Phrases(facts["queries"], facts["classes"], photos["label"].to_numpy(dtype=object))
    return Measured(
        runs, photos["photo"].to_numpy(dtype=object), groups, facts["compared"], facts["missing"], phrases,
        facts.get("unmeasured", {}), facts.get("keeps_best", False),
    )


def _answers(tables: dict[str, pd.DataFrame | None]) -> dict:
    """What a run answered, from its rows of the tables."""
    found = {}
    if (neutral := tables.get("neutral")) is not None:
        found["neutral"] = neutral["similarity"].to_numpy(np.float32).reshape(neutral["query"].nunique(), -1)
    if (right := tables.get("zero_shot")) is not None:
        found["zero_shot"] = right["right"].to_numpy()
    if (damaged := tables.get("damaged")) is not None:
        sides = {key: part["rank"].to_numpy(np.int64) for key, part in damaged.groupby(["damage", "direction"])}
        found["damaged"] = {
            name: (sides[name, IMAGE_TO_TEXT], sides[name, TEXT_TO_IMAGE]) for name in damaged["damage"].unique()
        }
    return found


def ranks_table(runs: list[RunMeasures]) -> pd.DataFrame:
    """One row a run, direction and query: ``arm, seed, direction, query, photo, rank``.

    ``query`` numbers the photos (image to text) or the captions (text to image) of the test split, ``photo`` is the
    row of the query's photo in ``photos.parquet``, ``rank`` that of the right answer, 0 = first.
    """
    parts = []
    for run in runs:
        sides = ((IMAGE_TO_TEXT, run.image_to_text, np.arange(len(run.image_to_text))),
                 (TEXT_TO_IMAGE, run.text_to_image, run.photo))
        for direction, ranks, photo in sides:
            parts.append(pd.DataFrame({
                "arm": run.arm, "seed": run.seed, "direction": direction, "query": np.arange(len(ranks), dtype=np.int32),
                "photo": photo.astype(np.int32), "rank": ranks.astype(np.int32),
            }))
    return pd.concat(parts, ignore_index=True)


def matches_table(runs: list[RunMeasures]) -> pd.DataFrame:
    """One row a run, attribute and caption: ``arm, seed, attribute, query, positive, negative, drawn``.

    The last three are those of :class:`~influencespace.metrics.fairness.Matching`.
    """
    parts = [
        pd.DataFrame({
            "arm": run.arm, "seed": run.seed, "attribute": attribute,
            "query": np.arange(len(matching.drawn), dtype=np.int32),
            "positive": matching.positive, "negative": matching.negative, "drawn": matching.drawn,
        })
        for run in runs for attribute, matching in run.matching.items()
    ]
    return pd.concat(parts, ignore_index=True)


def neutral_table(runs: list[RunMeasures]) -> pd.DataFrame | None:
    """One row a run, neutral query and test photo: ``arm, seed, query, photo, similarity``; None where none was asked."""
    parts = []
    for run in runs:
        if run.neutral is not None:
            query, photo = np.indices(run.neutral.shape, dtype=np.int32).reshape(2, -1)
            parts.append(pd.DataFrame({
                "arm": run.arm, "seed": run.seed, "query": query, "photo": photo, "similarity": run.neutral.ravel(),
            }))
    return _joined(parts)


def zero_shot_table(runs: list[RunMeasures]) -> pd.DataFrame | None:
    """One row a run and test photo: ``arm, seed, photo, right``; None where none was classified."""
    return _joined([
        pd.DataFrame({
            "arm": run.arm, "seed": run.seed, "photo": np.arange(len(run.zero_shot), dtype=np.int32), "right": run.zero_shot,
        }) for run in runs if run.zero_shot is not None
    ])


def damaged_table(runs: list[RunMeasures]) -> pd.DataFrame | None:
    """One row a run, damage, direction and query: ``arm, seed, damage, direction, query, rank``; None where none was damaged.

    The damage is a corruption of the photos or ``typos``; queries are numbered and ranks counted as in :func:`ranks_table`.
    """
    return _joined([
        pd.DataFrame(dict(zip(DAMAGE_COLUMNS, (
            run.arm, run.seed, damage, direction, np.arange(len(ranks), dtype=np.int32), ranks.astype(np.int32),
        ), strict=True)))
        for run in runs for damage, sides in run.damaged.items()
        for direction, ranks in zip((IMAGE_TO_TEXT, TEXT_TO_IMAGE), sides, strict=True)
    ])


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame | None:
    return pd.concat(parts, ignore_index=True) if parts else None
