"""What plans are predicted to do and what was measured, as the panel of the plan shows it.

The gains on a grid of ratios and caps are reckoned when the browser fetches them, in a thread of the server: what they come
from is read once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.curation.measured import measured
from influencespace.curation.preview import CAPS, RATIOS, Response
from influencespace.influence.targets import OVERALL
from influencespace.influence.verification import UNVERIFIED, verdicts
from influencespace.ui import reading, served, wording
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

MEASURED_ARM = "influence"


@dataclass(frozen=True)
class Prediction:
    """What plan_panel.js shows of predictions and measurements.

    Attributes
    ----------
    effects
        What is listed: targets, then the gap of every attribute. ``kind`` "target" or "gap", ``label``, ``what`` (in a
        sentence), ``attribute`` or None, ``target`` (its index) or ``groups`` (theirs), ``now`` (nats, on all pairs), ``of``
        (the loss that percentages are of, nats) and ``verdict``.
    losses
        Of each target on all pairs, nats.
    grid
        ``url, ratios, caps`` and how many ``targets``: at the address lie float32 gains in nats, ratio by cap by target; None
        where nothing is predicted.
    checks
        Plans that were retrained: ``effect`` (index), ``ratio, cap, fall`` (nats).
    measured
        ``metric`` and ``points``: ``ratio, mean, low, high`` (points of recall, influence less full) and ``title``.
    """

    effects: list[dict] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    grid: dict | None = None
    checks: list[dict] = field(default_factory=list)
    measured: dict = field(default_factory=lambda: {"metric": "", "points": []})


def predict(workspace: Workspace, key: str, gains: Callable[[Response], np.ndarray]) -> Prediction:
    """Everything that the panel shows of predictions.

    Parameters
    ----------
    workspace
        Where effects, their check and trained arms are looked for.
    key
        Identifies everything that the gains come from beside the effects.
    gains
        ``gains(response)``, (ratios, caps, targets) nats, on the ratios and caps of the preview; called in another thread.
    """
    arms = of_arms(workspace)
    made = fitting(workspace, "effects")
    if made is None:
        return Prediction(measured=arms)
    listed = effects(made.facts["targets"], made.facts["losses"], verdicts(workspace))
    url = served.column(f"grid-{made.digest[:16]}-{key}", lambda: gains(_response(made)).astype("<f4"))
    grid = {"url": url, "ratios": RATIOS.tolist(), "caps": [float(cap) for cap in CAPS], "targets": len(made.facts["targets"])}
    losses = [made.facts["losses"][name] for name in made.facts["targets"]]
    check = fitting(workspace, "verification")
    checks = [] if check is None else retrained(reading.table(check, "plans"), listed, made.facts["targets"])
    return Prediction(listed, losses, grid, checks, arms)


def effects(targets: list[str], losses: dict[str, float], known: dict[str, str]) -> list[dict]:
    """The targets, then the gap of every attribute with at least two groups; see :class:`Prediction`."""
    split = [name.split("=", 1) if "=" in name else [None, name] for name in targets]
    values = [value for _, value in split]
    listed = [
        {
            "kind": "target", "label": wording.group(value) if values.count(value) == 1 else wording.target(name),
            "attribute": attribute, "what": "the overall loss" if attribute is None else f"the loss on {wording.target(name)}",
            "target": q, "now": losses[name], "of": losses[name], "verdict": known.get(name, UNVERIFIED),
        }
        for q, (name, (attribute, value)) in enumerate(zip(targets, split, strict=True))
    ]
    groups = sorted((attribute, q) for q, (attribute, _) in enumerate(split) if attribute is not None)
    for attribute, members in itertools.groupby(groups, key=lambda member: member[0]):
        index = [q for _, q in members]
        if len(index) > 1:
            own = [losses[targets[q]] for q in index]
            judged = {known.get(targets[q], UNVERIFIED) for q in index}
            listed.append({
                "kind": "gap", "label": f"gap: {wording.group(attribute)}", "attribute": attribute,
                "what": f"the gap by {wording.group(attribute)}", "groups": index,
                "now": max(own) - min(own), "of": losses[OVERALL],
                "verdict": judged.pop() if len(judged) == 1 else min(judged),  # "doubtful" before the others
            })
    return listed


def narrowing(losses: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """By how much the gap falls: the highest loss of a group less the lowest; (..., groups) losses and their falls."""
    return np.ptp(losses, axis=-1) - np.ptp(losses - gains, axis=-1)


def retrained(plans: pd.DataFrame, listed: list[dict], targets: list[str]) -> list[dict]:
    """The plans that the check retrained, as diamonds of the effects they belong to."""
    found = []
    for (ratio, cap), rows in plans.groupby(["reduction", "cap"]):
        fall = rows.set_index("target")["actual"]
        for i, effect in enumerate(listed):
            if effect["kind"] == "target":
                value = float(fall[targets[effect["target"]]])
            else:
                own = [q for q in listed if q["kind"] == "target" and q["target"] in effect["groups"]]
                value = float(narrowing(
                    np.array([group["now"] for group in own]), np.array([fall[targets[group["target"]]] for group in own])
                ))
            found.append({"effect": i, "ratio": float(ratio), "cap": float(cap), "fall": value})
    return found


def of_arms(workspace: Workspace) -> dict:
    """What training has measured: recall of the influence arm less that of full, with its interval, at each plan's reduction."""
    points, metric = [], ""
    for plan in measured(workspace):
        found = plan.differences.get(MEASURED_ARM)
        # Points of another recall would be of another axis; the latest training says which.
        if found is not None and found["mean"] is not None and plan.metric == (metric or plan.metric):
            metric = plan.metric
            points.append({
                "ratio": plan.reduction, **found,
                "title": f"{metric} of influence less full at {100 * plan.reduction:.0f} % with cap {plan.cap:g} ×: "
                         f"{found['mean']:+.1f} [{found['low']:+.1f}, {found['high']:+.1f}] points",
            })
    return {"metric": metric, "points": points}


def _response(made: Artifact) -> Response:
    return _read_response(str(made.folder), made.digest, made)


# As a resource, for it is read-only, and a copy would take longer than the grid.
@st.cache_resource(show_spinner=False, max_entries=2)
def _read_response(folder: str, digest: str, _made: Artifact) -> Response:
    return Response.read(_made)
