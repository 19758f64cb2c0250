"""The stage ``ablate``: how much each setting of the curation matters, by training on the plans that other values give.

One setting is changed at a time and everything else stays as the workspace has it. Heads are trained on each plan, alike and
with the same seeds, so that the differences on the test photos are the setting's. What a broken-off ablation has finished is
not trained again, and neither is what an ablation of other values shares with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.members import Members
from influencespace.errors import TrainingError
from influencespace.evaluation.ablation_figures import OWN, ablation_figures, arm_of
from influencespace.evaluation.ablation_options import AblationOptions, grid_of, own_values
from influencespace.evaluation.ablation_plans import SeedPlans, Setup
from influencespace.evaluation.finishing import finish_runs, keeping
from influencespace.evaluation.measure import Measured, RunMeasures, measure_run
from influencespace.evaluation.runner import FEWEST_PAIRS, tuned
from influencespace.evaluation.stage import load
from influencespace.evaluation.store import load_measures, save_measures
from influencespace.options import restore
from influencespace.progress import Progress, silent
from influencespace.proxy.stage import stored_fit
from influencespace.training.kept import Kept
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.training.trainer import Trainer, make, train_arm
from influencespace.workspace import Artifact, Workspace

FORMAT = 1
# A setting with a value, or neither: the workspace as it is.
Variant = tuple[str | None, Any]


def ablate(workspace: Workspace, options: AblationOptions, progress: Progress = silent) -> Artifact:
    """Train on the plan of every value of every setting with every seed, compare, and write ``ablations``.

    Raises
    ------
    OptionError
        If nothing is left to vary.
    TrainingError
        If a plan leaves too few pairs to train on.
    """
    with workspace.write("ablations", options) as draft:
        train = TrainOptions(arms=("influence",), seeds=options.seeds, seed=options.seed, device=options.device)
        data, curation, fit_seconds = load(workspace, train)
        clusters = workspace.artifact("clusters")
        setup = Setup(curation, restore(ClusterOptions, clusters.record["options"]), Members.read(clusters))
        grid, missing = grid_of(options, own_values(workspace), curation.compared)
        own = {knob: value for knob, value in own_values(workspace).items() if knob in grid}
        trainer = make(workspace, data, train)
        # The recipe of a training without its arms, which is what decides how the runs of an ablation come out too.
        kept = Kept(workspace.private("ablations") / Kept.of(workspace, train, curation.plan, curation.decisions).folder.name)
        journal = kept.open(progress)
        settings, _ = tuned(trainer, train, kept, progress)
        ablation = _Ablation(workspace, setup, trainer, settings, train, fit_seconds, kept)
        table = workspace.artifact("pairs").table("pairs")
        held_out = Measured([], table["photo"].to_numpy(dtype=object)[data.test.image_rows], data.test.groups, curation.compared)
        wanted = {(name_of(v), seed): v for _, seed in train.runs(["influence"]) for v in variants(grid, own)}

        def run(name: str, seed: int, tell: Callable[..., None]) -> RunMeasures:
            return ablation.run(wanted[name, seed], seed, tell)

        share = partial(keeping, run, kept, held_out)
        measured, _ = finish_runs(list(wanted), share, _load, kept, journal, held_out, "training with {name}", progress)
        kept.all_drawn()
        progress(len(wanted), len(wanted), "comparing the settings")
        save_measures(draft, measured)
        draft.table("figures", ablation_figures(measured, grid, own))
        draft.facts = {
            "format": FORMAT, "grid": grid, "own": own, "missing": missing, "seeds": options.seeds, "runs": len(wanted),
            "photos": len(measured.photos), "captions": len(measured.runs[0].photo), "settings": asdict(settings),
        }
    return workspace.artifact("ablations")


def variants(grid: dict[str, list[Any]], own: dict[str, Any]) -> Iterator[Variant]:
    """What is trained: the workspace as it is, once, and every other value of every setting."""
    yield None, None
    yield from ((knob, value) for knob, values in grid.items() for value in values if value != own[knob])


def name_of(variant: Variant) -> str:
    """The name of a variant's runs: ``own``, or such as ``cap=8``."""
    knob, value = variant
    return OWN if knob is None else arm_of(knob, value)


class _Ablation:
    """Trains one run after the other. Runs of one seed share the proxies and the scores that they have in common."""

    def __init__(
        self, workspace: Workspace, setup: Setup, trainer: Trainer, settings: Settings, options: TrainOptions,
        fit_seconds: float, kept: Kept,
    ) -> None:
        self.workspace, self.setup, self.trainer, self.settings = workspace, setup, trainer, settings
        self.options, self.fit_seconds, self.kept = options, fit_seconds, kept
        self._plans: SeedPlans | None = None

    def run(self, variant: Variant, seed: int, report: Callable[[], None]) -> RunMeasures:
        """One variant with one seed, trained and measured; ``report`` is called on the way, and may end it."""
        name = name_of(variant)
        found = self._of(seed, report).weights(*variant)
        if np.count_nonzero(found.weights) < FEWEST_PAIRS:
            raise TrainingError(f"With {name} fewer than {FEWEST_PAIRS} pairs are left to train on; lower the reduction ratio.")
        run = train_arm(
            self.trainer, name, found.weights, self.settings, seed, found.seconds, watch=lambda step: report(),
            checkpoint=self.kept.checkpoint(name, seed),
        )
        return measure_run(run, self.trainer.data.test.groups, self.trainer.data.validation.groups)

    def _of(self, seed: int, report: Callable[[], None]) -> SeedPlans:
        k = seed - self.options.seed
        if self._plans is None or self._plans.seed != k:
            # The proxies of the workspace at first, so that the first plan of its own settings is the curator's.
            fitted = (stored_fit(self.workspace, self.options.device)[0], self.fit_seconds) if k == 0 else None
            self._plans = SeedPlans(self.setup, k, fitted, partial(self.kept.drawing, seed))
        self._plans.progress = lambda *_: report()
        return self._plans


def _load(folder: Path) -> RunMeasures:
    return load_measures(Artifact("ablations", folder, {})).runs[0]
