"""The stage ``score``: selection scores of pairs, clusters and topics on every target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from influencespace import engines
from influencespace.engines import HERE, Engine
from influencespace.errors import InfluenceSpaceError
from influencespace.features.duplicates import stored_duplicates
from influencespace.influence.fairness import gap_scores, gaps
from influencespace.influence.hierarchy import ClusterMeans, benefit_shares, cluster_means, shrink
from influencespace.influence.options import ScoreOptions
from influencespace.influence.redundancy import likeness, repeats
from influencespace.influence.scores import pair_scores
from influencespace.influence.targets import OVERALL, Target, make_targets, target_losses
from influencespace.pairs.views import HeldOut, heldout
from influencespace.progress import Progress, silent
from influencespace.proxy.crossfit import CrossFit, PreparedPairs
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import prepared_pairs, stored_fit
from influencespace.workspace import Artifact, Workspace


@dataclass(frozen=True)
class Scored:
    """Selection scores of all pairs: what a plan is made from.

    Attributes
    ----------
    targets
        What the columns are about.
    halves
        (2, n_train, targets) raw scores, the parts of either half of the validation photos.
    scores
        (n_train, targets) the scores shrunk along the hierarchy.
    loss, loss_error
        (targets,) validation loss, and its standard error over photos.
    """

    targets: list[Target]
    halves: np.ndarray
    scores: np.ndarray
    loss: np.ndarray
    loss_error: np.ndarray


def score_pairs(
    pairs: PreparedPairs, fitted: CrossFit, clusters: np.ndarray, validation: HeldOut, compared: dict[str, list[str]],
    proxy: ProxyOptions, options: ScoreOptions, progress: Progress = silent, engine: Engine = HERE,
) -> Scored:
    """Influence of every training pair on every target, shrunk toward its cluster's.

    Raises
    ------
    InfluenceSpaceError
        If there are fewer than two validation photos: one has no negatives, so it says nothing of any pair.
    """
    if validation.photos < 2:
        raise InfluenceSpaceError(
            f"Influence is judged by photos held out for validation, and there are {validation.photos}; at least 2 are needed, "
            "and some hundreds to tell groups apart. Import again with a larger --holdout, or with --validation."
        )
    targets = make_targets(validation, compared)
    halves, losses = pair_scores(pairs, fitted, validation.rows, targets, proxy, options, progress, engine)
    scores = shrink(halves, cluster_means(halves, clusters))
    return Scored(targets, halves, scores, *target_losses(targets, validation, losses))


def score(workspace: Workspace, options: ScoreOptions, progress: Progress = silent) -> Artifact:
    """Score the training pairs and write the artifact ``scores``.

    Raises
    ------
    InfluenceSpaceError
        If the device is not there, or there are fewer than two validation photos.
    """
    with workspace.write("scores", options) as draft:
        source, members = workspace.artifact("pairs"), workspace.artifact("clusters").table("members")
        fitted, proxy = stored_fit(workspace, options.device)
        pairs = prepared_pairs(workspace, proxy, options.device)
        validation, clusters = heldout(source.table("pairs"), "validation"), members["cluster"].to_numpy(dtype=object)
        with engines.start(options, draft.pieces) as engine:
            scored = score_pairs(
                pairs, fitted, clusters, validation, source.facts["groups"], proxy, options, progress, engine
            )
        names, targets = [target.name for target in scored.targets], _targets(scored)
        draft.table("pairs", pd.DataFrame(scored.scores.astype(np.float32), columns=names))
        # A gap is one more thing to have influence on; its errors come from the differences of single pairs.
        found = gaps(targets)
        halves = np.concatenate([scored.halves, gap_scores(scored.halves, names, found)], axis=2)
        columns = names + [gap.name for gap in found]
        sets = stored_duplicates(workspace.artifact("features"))[pairs.train]
        trust: dict[str, dict[str, float]] = {}
        for level, column, labels in (("clusters", "cluster", clusters), ("topics", "topic", members["topic"].to_numpy())):
            means = cluster_means(halves, labels)
            draft.table(level, _level(means, columns, column).assign(
                repeated=repeats(sets, means.member, len(means.labels)),
                likeness=likeness((pairs.image, pairs.text), pairs.train, means.member, len(means.labels)),
            ))
            trust[level] = dict(zip(columns, means.trust.round(3).tolist(), strict=True))
        draft.json("targets", targets)
        draft.facts = {"targets": names, "estimand": options.estimand, "reliability": trust["clusters"]}
    return workspace.artifact("scores")


def _targets(scored: Scored) -> list[dict]:
    return [
        {"name": t.name, "attribute": t.attribute, "value": t.value, "photos": t.photos, "loss": round(float(loss), 6),
         "loss_error": round(float(error), 6)}
        for t, loss, error in zip(scored.targets, scored.loss, scored.loss_error, strict=True)
    ]


def _level(means: ClusterMeans, names: list[str], column: str) -> pd.DataFrame:
    table = {column: means.labels}
    for q, name in enumerate(names):
        table[name] = means.mean[:, q] * means.pairs
        table[f"{name}.mean"] = means.mean[:, q]
        table[f"{name}.error"] = means.error[:, q]
    table["share_pairs"] = means.pairs / means.pairs.sum()
    table["share_benefit"] = benefit_shares(table[OVERALL])
    return pd.DataFrame(table)
