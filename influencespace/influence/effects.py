"""The stage ``effects``: removal effects of all clusters on every target, and what the preview of plans needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from influencespace.errors import InfluenceSpaceError
from influencespace.features.device import pick_device
from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.influence.options import EffectOptions
from influencespace.influence.removal import RemovalEffects
from influencespace.influence.response import response
from influencespace.influence.targets import Target, make_targets
from influencespace.pairs.views import coded, heldout
from influencespace.progress import Progress, silent
from influencespace.proxy.crossfit import PreparedPairs, sample_rows
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import prepared_pairs, stored_fit
from influencespace.workspace import Artifact, Workspace

FIRST_ORDER = "first order"


@dataclass(frozen=True)
class Setting:
    """A workspace as removal effects see it: one proxy on all training pairs, or on a sample of very many.

    Attributes
    ----------
    optimum
        The proxy at its optimum.
    losses, targets
        The validation losses as functions of the proxy, and what they are about.
    rows
        (n,) which training rows the proxy is fitted to.
    labels, member
        (c,) all clusters, sorted, and (n_train,) the index of each training row's.
    """

    optimum: Optimum
    losses: TargetLosses
    targets: list[Target]
    rows: np.ndarray
    labels: np.ndarray
    member: np.ndarray


def find_effects(workspace: Workspace, options: EffectOptions, progress: Progress = silent) -> Artifact:
    """Predict the removal of every cluster and write the artifact ``effects``.

    Raises
    ------
    InfluenceSpaceError
        If the device is not there, or there are fewer than two validation photos.
    """
    with workspace.write("effects", options) as draft:
        progress(0, 1, "fitting the proxy to all pairs")
        setting = _setting(workspace, options)
        member, count = setting.member[setting.rows], len(setting.labels)
        effects = RemovalEffects(setting.optimum, setting.losses)
        progress(1, 1, "fitting the proxy to all pairs")
        found = effects.of_clusters(member, np.arange(count), options.steps, progress)
        names = [target.name for target in setting.targets]
        table = pd.DataFrame(found.astype(np.float32), columns=names)
        table.insert(0, "cluster", setting.labels)
        for name, column in zip(names, effects.first_order(member, count).T, strict=True):
            table[f"{name}.{FIRST_ORDER}"] = column.astype(np.float32)
        draft.table("clusters", table)
        draft.tensors("response", response(effects, member, count, progress))
        optimum = setting.optimum
        draft.tensors("optimum", {"model": optimum.model.cpu().numpy(), "prior": optimum.prior.cpu().numpy()})
        draft.facts = {
            "targets": names, "ridge": optimum.ridge, "pairs": len(setting.rows), "of": len(setting.member),
            "losses": {name: round(float(loss), 6) for name, loss in zip(names, effects.before, strict=True)},
        }
    return workspace.artifact("effects")


def stored_setting(workspace: Workspace, device: str) -> Setting:
    """What the artifact ``effects`` was computed from, the proxy as it was fitted then."""
    artifact = workspace.artifact("effects")
    options = EffectOptions(**artifact.record["options"], device=device)
    stored = {name: torch.from_numpy(value).to(pick_device(device)) for name, value in artifact.tensors("optimum").items()}
    return _setting(workspace, options, stored)


def _setting(workspace: Workspace, options: EffectOptions, stored: dict[str, torch.Tensor] | None = None) -> Setting:
    source = workspace.artifact("pairs")
    validation = heldout(source.table("pairs"), "validation")
    if validation.photos < 2:
        raise InfluenceSpaceError(
            f"Removals are judged by photos held out for validation, and there are {validation.photos}; at least 2 are needed. "
            "Import again with a larger --holdout, or with --validation."
        )
    targets = make_targets(validation, source.facts["groups"])
    fitted, proxy = stored_fit(workspace, options.device)
    proxy = replace(proxy, dimensions=options.removal_dimensions)
    pairs = prepared_pairs(workspace, proxy, options.device)
    labels, member = coded(workspace.artifact("clusters").table("members")["cluster"].to_numpy(dtype=object))
    rows = sample_rows(np.arange(len(pairs.train)), proxy.fitted_pairs, proxy.seed)
    optimum = _optimum(pairs, pairs.train[rows], fitted.ridge, proxy, stored)
    losses = TargetLosses(
        pairs.batches(validation.rows, proxy.batch_size, proxy.seed), np.stack([target.anchors for target in targets])
    )
    return Setting(optimum, losses, targets, rows, labels, member)


def _optimum(
    pairs: PreparedPairs, rows: np.ndarray, ridge: float, proxy: ProxyOptions, stored: dict[str, torch.Tensor] | None
) -> Optimum:
    if stored is None:
        return Optimum.of(pairs, rows, ridge, proxy.batch_size, proxy.seed)
    return Optimum(pairs.batches(rows, proxy.batch_size, proxy.seed), stored["model"], stored["prior"], ridge)
