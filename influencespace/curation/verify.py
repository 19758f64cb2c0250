"""The stage ``verify``: retrains the proxy without some clusters, and under whole plans, and compares with what was predicted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from influencespace import engines
from influencespace.curation.effects import FIRST_ORDER
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions, VerifyOptions
from influencespace.curation.preview import Response, curve
from influencespace.engines import Engine
from influencespace.influence.setting import Setting, stored_setting
from influencespace.influence.verification import check
from influencespace.progress import Progress, silent
from influencespace.workspace import Artifact, Workspace

# Plans of which the prediction is checked: none that the preview has learnt from (curation/effects.py).
RATIOS, CAP = (0.15, 0.3, 0.45, 0.6), 2.0


def verify(workspace: Workspace, options: VerifyOptions, progress: Progress = silent) -> Artifact:
    """Check predictions by retraining and write the artifact ``verification``.

    Raises
    ------
    InfluenceSpaceError
        If the device is not there.
    """
    with workspace.write("verification", options) as draft, engines.start(options, draft.pieces) as engine:
        setting = stored_setting(workspace, options.device)
        names = [target.name for target in setting.targets]
        drawn = np.random.default_rng(options.seed).permutation(len(setting.labels))[: options.clusters]
        actual = setting.risen(setting.member != drawn[:, None], progress, "retraining without a cluster", engine)
        predicted = workspace.artifact("effects").table("clusters").iloc[drawn]
        draft.table("clusters", pd.concat([
            pd.DataFrame({
                "cluster": setting.labels[drawn], "target": name, "predicted": predicted[name].to_numpy(),
                "first_order": predicted[f"{name}.{FIRST_ORDER}"].to_numpy(), "actual": actual[:, q].astype(np.float32),
            }) for q, name in enumerate(names)
        ], ignore_index=True))
        draft.table("plans", _plans(workspace, setting, names, progress, engine))
        checks = {
            name: check(predicted[name].to_numpy(dtype=np.float64), actual[:, q], options.seed) for q, name in enumerate(names)
        }
        draft.json("verification", {
            "clusters": len(drawn), "of": len(setting.labels), "targets": {name: one.json() for name, one in checks.items()},
        })
        draft.facts = {"verdicts": {name: one.verdict for name, one in checks.items()}, "clusters": len(drawn)}
    return workspace.artifact("verification")


def _plans(workspace: Workspace, setting: Setting, names: list[str], progress: Progress, engine: Engine) -> pd.DataFrame:
    """``reduction, cap, target, predicted, actual``: gains in nats, positive = the plan helps."""
    inputs, response = PlanInputs.read(workspace), Response.read(workspace.artifact("effects"))
    undecided = inputs.decided({})
    plans = [PlanOptions(reduction=ratio, cap=CAP) for ratio in RATIOS]
    weights = [inputs.plan(undecided, plan).weights for plan in plans]
    actual = -setting.risen(weights, progress, "retraining under a plan", engine)
    predicted = curve(response, inputs, {}, plans[0], np.array(RATIOS))
    return pd.DataFrame({
        "reduction": np.repeat(RATIOS, len(names)), "cap": CAP, "target": names * len(RATIOS),
        "predicted": predicted.ravel().astype(np.float32), "actual": actual.ravel().astype(np.float32),
    })
