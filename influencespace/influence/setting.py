"""One proxy on all training pairs of a workspace, and its targets: what predictions of removals are made and checked with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from influencespace.engines import HERE, Engine, Piece
from influencespace.errors import InfluenceSpaceError
from influencespace.features.device import pick_device
from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.influence.options import EffectOptions
from influencespace.influence.targets import Target, make_targets
from influencespace.pairs.views import coded, heldout
from influencespace.progress import Progress
from influencespace.proxy.crossfit import PreparedPairs, sample_rows
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import prepared_pairs, stored_fit
from influencespace.workspace import Workspace


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

    def risen(self, weights: Sequence[np.ndarray], progress: Progress, what: str, engine: Engine = HERE) -> np.ndarray:
        """(k, targets): by how much the losses rise when the proxy is retrained under each of k (n_train,) weights, each of
        which is a piece for the engine."""
        before, out = self.losses.at(self.optimum.model), np.empty((len(weights), len(self.targets)))
        progress(0, len(weights), what)
        for k, found in enumerate(engine.map(Retraining(self, weights), len(weights))):
            out[k] = found["losses"] - before
            progress(k + 1, len(weights), what)
        return out


@dataclass(frozen=True)
class Retraining:
    """Retrains the proxy under (n_train,) weights, one a piece."""

    setting: Setting
    weights: Sequence[np.ndarray]

    def __call__(self, pieces: Iterable[int]) -> Iterator[Piece]:
        """Yields ``losses`` (targets,) a piece."""
        for piece in pieces:
            own = np.asarray(self.weights[piece][self.setting.rows], dtype=np.float64)
            yield {"losses": self.setting.losses.at(self.setting.optimum.retrained(own))}


def read_setting(
    workspace: Workspace, options: EffectOptions, stored: dict[str, torch.Tensor] | None = None, engine: Engine = HERE
) -> Setting:
    """Fit the proxy to the training pairs of a workspace, or take up ``model`` and ``prior`` of one fitted before.

    Raises
    ------
    InfluenceSpaceError
        If the device is not there, or there are fewer than two validation photos.
    """
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
    optimum = _optimum(pairs, pairs.train[rows], fitted.ridge, proxy, stored, engine)
    losses = TargetLosses(
        pairs.batches(validation.rows, proxy.batch_size, proxy.seed), np.stack([target.anchors for target in targets])
    )
    return Setting(optimum, losses, targets, rows, labels, member)


def stored_setting(workspace: Workspace, device: str) -> Setting:
    """What the artifact ``effects`` was computed from, the proxy as it was fitted then."""
    artifact = workspace.artifact("effects")
    stored = {name: torch.from_numpy(value).to(pick_device(device)) for name, value in artifact.tensors("optimum").items()}
    return read_setting(workspace, EffectOptions(**artifact.record["options"], device=device), stored)


def _optimum(
    pairs: PreparedPairs, rows: np.ndarray, ridge: float, proxy: ProxyOptions, stored: dict[str, torch.Tensor] | None,
    engine: Engine,
) -> Optimum:
    if stored is None:
        return Optimum.of(pairs, rows, ridge, proxy.batch_size, proxy.seed, engine)
    return Optimum(pairs.batches(rows, proxy.batch_size, proxy.seed), stored["model"], stored["prior"], ridge)
