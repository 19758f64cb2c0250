"""The stage ``effects``: removal effects of all clusters on every target, and what the preview of plans needs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from influencespace import engines
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import Response, shares, weights_of
from influencespace.engines import Engine
from influencespace.influence.options import EffectOptions
from influencespace.influence.removal import RemovalEffects
from influencespace.influence.response import response
from influencespace.influence.setting import Setting, read_setting
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact, Workspace

FIRST_ORDER = "first order"
# The plans that the proxy is retrained under, so that the preview learns what its model misses: (reduction, cap).
REFERENCES = ((0.0, 4.0), *((ratio, cap) for cap in (1.0, 4.0) for ratio in (0.1, 0.2, 0.35, 0.5, 0.7, 0.9)))


def find_effects(workspace: Workspace, options: EffectOptions, progress: Progress = silent) -> Artifact:
    """Predict the removal of every cluster and write the artifact ``effects``.

    Raises
    ------
    InfluenceSpaceError
        If the device is not there, or there are fewer than two validation photos.
    """
    with workspace.write("effects", options) as draft, engines.start(options, draft.pieces) as engine:
        progress(0, 1, "fitting the proxy to all pairs")
        setting = read_setting(workspace, options, engine=engine)
        member, count = setting.member[setting.rows], len(setting.labels)
        effects = RemovalEffects(setting.optimum, setting.losses, engine)
        progress(1, 1, "fitting the proxy to all pairs")
        found = effects.of_clusters(member, np.arange(count), options.steps, progress, engine)
        names = [target.name for target in setting.targets]
        table = pd.DataFrame(found.astype(np.float32), columns=names)
        table.insert(0, "cluster", setting.labels)
        for name, column in zip(names, effects.first_order(member, count).T, strict=True):
            table[f"{name}.{FIRST_ORDER}"] = column.astype(np.float32)
        draft.table("clusters", table)
        model = engine.once("response", lambda: response(effects, member, count, progress))
        draft.tensors("response", model | _references(workspace, setting, model, progress, engine))
        optimum = setting.optimum
        draft.tensors("optimum", {"model": optimum.model.cpu().numpy(), "prior": optimum.prior.cpu().numpy()})
        draft.facts = {
            "targets": names, "ridge": optimum.ridge, "pairs": len(setting.rows), "of": len(setting.member),
            "losses": {name: round(float(loss), 6) for name, loss in zip(names, effects.before, strict=True)},
        }
    return workspace.artifact("effects")


def _references(
    workspace: Workspace, setting: Setting, model: dict[str, np.ndarray], progress: Progress, engine: Engine
) -> dict[str, np.ndarray]:
    """``reference_shares`` (r, c) of plans, as proposed, and the gain that the model misses on each target, (r, targets)."""
    inputs = PlanInputs.read(workspace)
    undecided = inputs.decided({})
    plans = [PlanOptions(reduction=ratio, cap=cap) for ratio, cap in REFERENCES]
    weights = [inputs.plan(undecided, plan).weights for plan in plans]
    gained = -setting.risen(weights, progress, "retraining under some plans", engine)
    pairs = np.bincount(setting.member)
    of_clusters = np.stack([weights_of(own, setting.member, pairs) for own in [np.ones(len(setting.member)), *weights]])
    # Keeping all is a reference that needs no retraining.
    gained = np.concatenate([np.zeros((1, gained.shape[1])), gained])
    bare = Response(**model, reference_shares=np.zeros((0, len(pairs))), reference_missed=np.zeros((0, gained.shape[1])))
    return {
        "reference_shares": shares(of_clusters, pairs).astype(np.float32),
        "reference_missed": (gained - bare.gain(of_clusters, pairs)).astype(np.float32),
    }
