"""Measurements as tables of the training artifact: enough to compute every figure again, or pool two workspaces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from influencespace.evaluation.measure import Measured, RunMeasures
from influencespace.metrics.fairness import Matching
from influencespace.metrics.recall import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from influencespace.pairs.views import GROUP
from influencespace.workspace import Artifact, Draft

RUN_COLUMNS = ["arm", "seed", "pairs", "pairs_given", "weight", "training_seconds", "scoring_seconds"]
CURVE_COLUMNS = ["arm", "seed", "epoch", "loss", "recall"]


def save_measures(draft: Draft, measured: Measured) -> None:
    """Write ``runs``, ``ranks``, ``matches``, ``curves`` and ``photos`` as tables and ``measured.json``."""
    draft.table("runs", pd.DataFrame([{c: getattr(run, c) for c in RUN_COLUMNS} for run in measured.runs])
                .astype({"training_seconds": "float64"}))
    draft.table("ranks", ranks_table(measured.runs))
    draft.table("matches", matches_table(measured.runs))
    curves = [{"arm": run.arm, "seed": run.seed} | step for run in measured.runs for step in run.curve]
    draft.table("curves", pd.DataFrame(curves, columns=CURVE_COLUMNS))
    draft.table("photos", pd.DataFrame(
        {"photo": measured.photos} | {GROUP + name: values for name, values in measured.groups.items()}
    ))
    draft.json("measured", {"compared": measured.compared, "missing": measured.missing})


def load_measures(artifact: Artifact) -> Measured:
    """What :func:`save_measures` has written, with the same numbers."""
    ranks = {key: part for key, part in artifact.table("ranks").groupby(["arm", "seed", "direction"])}
    matches = {key: part for key, part in artifact.table("matches").groupby(["arm", "seed"])}
    curves = {key: part for key, part in artifact.table("curves").groupby(["arm", "seed"])}
    runs = []
    for row in artifact.table("runs").to_dict("records"):
        name = (row["arm"], row["seed"])
        forward, backward = (ranks[*name, direction] for direction in (IMAGE_TO_TEXT, TEXT_TO_IMAGE))
        matching = {
            attribute: Matching(*(part[column].to_numpy() for column in ("positive", "negative", "drawn")))
            for attribute, part in matches[name].groupby("attribute", sort=False)
        }
        steps = curves[name][CURVE_COLUMNS[2:]].to_dict("records") if name in curves else []
        seconds = row.pop("training_seconds")
        runs.append(RunMeasures(
            **row, training_seconds=None if np.isnan(seconds) else seconds,
            image_to_text=forward["rank"].to_numpy(np.int64), text_to_image=backward["rank"].to_numpy(np.int64),
            photo=backward["photo"].to_numpy(np.int64),
            matching=matching, curve=steps,
        ))
    photos, facts = artifact.table("photos"), artifact.json("measured")
    groups = {
        column.removeprefix(GROUP): photos[column].to_numpy(dtype=object)
        for column in photos.columns if column.startswith(GROUP)
    }
    return Measured(runs, photos["photo"].to_numpy(dtype=object), groups, facts["compared"], facts["missing"])


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
