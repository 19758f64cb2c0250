"""The stage ``proxy``: cross-fitted proxies, and the agreement that they find in each pair."""

from __future__ import annotations

import torch

from influencespace import engines
from influencespace.features.device import pick_device
from influencespace.features.duplicates import stored_duplicates, twin_codes
from influencespace.options import restore
from influencespace.pairs.views import photo_codes, training_rows
from influencespace.progress import Progress, silent
from influencespace.proxy.crossfit import CrossFit, PreparedPairs, cross_fit
from influencespace.proxy.options import ProxyOptions
from influencespace.workspace import Artifact, Workspace


def fit_proxies(workspace: Workspace, options: ProxyOptions, progress: Progress = silent) -> Artifact:
    """Fit the proxies and write the artifact ``proxy``.

    Raises
    ------
    ProxyError
        If there are too few photos, or all features are the same.
    """
    with workspace.write("proxy", options) as draft:
        pairs = prepared_pairs(workspace, options, options.device)
        with engines.start(options, draft.pieces) as engine:
            fitted = cross_fit(pairs, options, progress, engine)
        draft.array("agreement", fitted.agreement)
        draft.array("folds", fitted.folds)
        draft.tensors("models", {"models": fitted.models.cpu().numpy(), "priors": fitted.priors})
        draft.facts = {
            "ridge": fitted.ridge, "dimensions": [int(d) for d in fitted.models.shape[2:]],
            "aligned": pairs.similarity is not None,
        }
    return workspace.artifact("proxy")


def prepared_pairs(workspace: Workspace, options: ProxyOptions, device: str) -> PreparedPairs:
    """The features of a workspace as the proxies see them; the same every time."""
    table, features = workspace.artifact("pairs").table("pairs"), workspace.artifact("features")
    train = training_rows(table)
    return PreparedPairs.prepare(
        features.array("image"), features.array("text"), twin_codes(photo_codes(table, slice(None)), stored_duplicates(features)),
        train, features.facts["aligned"], options.dimensions, options.seed, pick_device(device),
    )


def stored_fit(workspace: Workspace, device: str) -> tuple[CrossFit, ProxyOptions]:
    """The proxies of a workspace, on a device, and the options that they were fitted with."""
    artifact = workspace.artifact("proxy")
    stored = artifact.tensors("models")
    models = torch.from_numpy(stored["models"]).to(pick_device(device))
    fitted = CrossFit(artifact.array("folds"), models, stored["priors"], artifact.array("agreement"), artifact.facts["ridge"])
    return fitted, restore(ProxyOptions, artifact.record["options"])
