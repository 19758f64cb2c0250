"""What plans are predicted to do, quick enough to follow a slider: what it is reckoned from is read once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import streamlit as st

from influencespace.curation import preview
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import RATIOS, Response
from influencespace.workspace import NEEDS, Artifact, Workspace


@dataclass(frozen=True)
class Preview:
    """Predicted gains along the reduction ratio, t of them.

    Attributes
    ----------
    ratios
        (t,) ascending, the present one among them.
    gains
        For each target, (t,) the fall of its validation loss; positive = the plan helps.
    gaps
        For each attribute of which two groups are compared, (t,) the fall of the difference between their losses;
        positive = the plan narrows it.
    """

    ratios: np.ndarray
    gains: dict[str, np.ndarray]
    gaps: dict[str, np.ndarray]


def along(workspace: Workspace, effects: Artifact, options: PlanOptions) -> Preview:
    """What plans with these options and the curator's decisions would do, for every ratio.

    Raises
    ------
    PlanError
        If a decision cannot be followed.
    """
    digests = tuple(made.digest if (made := workspace.find(name)) else None for name in NEEDS["plan"])
    inputs = _inputs(str(workspace.path), digests)
    ratios = np.unique(np.append(RATIOS, options.reduction))
    found = preview.curve(_response(str(effects.folder), effects.digest, effects), inputs, workspace.decisions(), options, ratios)
    gains = dict(zip(effects.facts["targets"], found.T, strict=True))
    return Preview(ratios, gains, narrowing(effects.facts["losses"], gains, inputs.targets))


def narrowing(losses: dict[str, float], gains: dict[str, np.ndarray], targets: list[dict]) -> dict[str, np.ndarray]:
    """By how much the difference between the losses of two groups falls, for every attribute that compares two.

    Parameters
    ----------
    losses
        Of each target, on all pairs.
    gains
        Of each target, (t,) the fall of its loss.
    targets
        ``name, attribute`` as stored with the scores.
    """
    of = sorted((target for target in targets if target["attribute"]), key=lambda target: target["attribute"])
    out = {}
    for attribute, group in itertools.groupby(of, key=lambda target: target["attribute"]):
        names = [target["name"] for target in group]
        if len(names) == 2:
            now = losses[names[0]] - losses[names[1]]
            out[attribute] = abs(now) - np.abs(now - gains[names[0]] + gains[names[1]])
    return out


# As resources, for they are read-only and a copy for every move of a slider would take longer than the curve.
@st.cache_resource(show_spinner=False, max_entries=2)
def _inputs(path: str, digests: tuple[str | None, ...]) -> PlanInputs:
    return PlanInputs.read(Workspace(path))


@st.cache_resource(show_spinner=False, max_entries=2)
def _response(folder: str, digest: str, _effects: Artifact) -> Response:
    return Response.read(_effects)
