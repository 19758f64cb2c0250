"""What the benchmarks of the engine share: real pairs, clusters of them, targets, and what retraining says of each cluster.

The pairs are those of the lab, found through the environment variable INFLUENCESPACE_LAB; everything is prepared as the
product does it by default for removal effects, and one half of the held-out photos judges.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from arms import LAB, cases
from sklearn.cluster import KMeans

from influencespace.features.options import EmbedOptions
from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.influence.options import EffectOptions
from influencespace.influence.targets import Target, make_targets
from influencespace.influence.verification import check
from influencespace.pairs.views import heldout, training_rows
from influencespace.proxy.crossfit import PreparedPairs
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import prepared_pairs
from influencespace.shell.bars import Bars
from influencespace.stages import run_stages
from influencespace.workspace import Workspace

CLUSTERS = 50
PLAIN, QUALITY = "image|text", "image|text|agreement"
ABSENT = "The lab of real photos is absent: set INFLUENCESPACE_LAB to its folder. Nothing was measured."
T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """Pairs of one kind, prepared, with the targets that they are judged by.

    Attributes
    ----------
    agreement
        (n,) cross-fitted agreement of the training pairs.
    cosine
        (n,) the encoder's own cosine, or None where its features are not aligned.
    ridge
        The one that the product chose for these pairs.
    validation
        (m,) positions of the validation pairs in all pairs.
    """

    name: str
    pairs: PreparedPairs
    agreement: np.ndarray
    cosine: np.ndarray | None
    ridge: float
    proxy: ProxyOptions
    validation: np.ndarray
    targets: list[Target]

    def spaces(self, seed: int) -> dict[str, np.ndarray]:
        """(n,) cluster of every training pair, by k-means in the space of features, and in that of features and agreement."""
        features = np.concatenate([part.float().cpu().numpy() for part in self.pairs.features(self.pairs.train)], axis=1)
        spaces = {PLAIN: features, QUALITY: np.column_stack([features, 2 * self.agreement])}
        return {name: KMeans(CLUSTERS, n_init=1, random_state=seed).fit_predict(space) for name, space in spaces.items()}

    def optimum(self, ridge: float, seed: int) -> Optimum:
        """The proxy of all training pairs."""
        return Optimum.of(self.pairs, self.pairs.train, ridge, self.proxy.batch_size, seed)

    def losses(self, seed: int) -> TargetLosses:
        """The losses of all targets."""
        batches = self.pairs.batches(self.validation, self.proxy.batch_size, seed)
        return TargetLosses(batches, np.stack([target.anchors for target in self.targets]))


def lab_is_there() -> bool:
    """Whether there are pairs to measure with."""
    return LAB.is_dir()


def open_case(name: str, workspaces: Path) -> Case:
    """Import, embed and cross-fit the pairs of a case into a workspace, or take from it what is current.

    The ridge is the product's choice, and so is the number of directions that removals are predicted in.
    """
    case, workspace = cases()[name], Workspace(workspaces / name, create=True)
    source = replace(case.source, groups=("gender_words:male,female",), lexicon=("gender_words",))
    run_stages(workspace, {"import": source, "embed": EmbedOptions(encoder=case.encoder), "proxy": ProxyOptions()},
               Bars(quiet=True))
    table, features = workspace.artifact("pairs").table("pairs"), workspace.artifact("features")
    fitted, train = workspace.artifact("proxy"), training_rows(table)
    proxy = ProxyOptions(dimensions=EffectOptions().removal_dimensions)
    cosine = None
    if features.facts["aligned"]:
        image, text = (np.asarray(features.array(part)[train], np.float64) for part in ("image", "text"))
        cosine = (image * text).sum(1) / (np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1))
    photos = heldout(table, "validation")
    return Case(
        name, prepared_pairs(workspace, proxy, "cpu"), np.array(fitted.array("agreement")), cosine, fitted.facts["ridge"], proxy,
        photos.rows, make_targets(photos, workspace.artifact("pairs").facts["groups"]),
    )


def retraining_effects(optimum: Optimum, losses: TargetLosses, member: np.ndarray) -> np.ndarray:
    """(clusters, targets): the loss of each target after retraining without each cluster, less the loss before."""
    before = losses.at(optimum.model)
    return np.stack([
        losses.at(optimum.retrained((member != cluster).astype(float))) - before for cluster in range(member.max() + 1)
    ])


def timed(compute: Callable[[], T]) -> tuple[T, float]:
    """What a function returns, and the processor's seconds that it took: others on the machine do not change these much."""
    began = time.process_time()
    found = compute()
    return found, time.process_time() - began


def closeness(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """How well (k,) predicted effects say the actual ones.

    The figures are the product's own; ``majority_sign`` is the sign accuracy of always saying the commoner sign.
    """
    found = check(predicted, actual)
    figures = {name: getattr(found, name).mean for name in ("spearman", "pearson", "slope", "sign_accuracy")}
    return figures | {"majority_sign": found.majority}


def one_thread() -> None:
    """Ask that one thread computes, in this process and those it starts; to be called before anything is computed."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
