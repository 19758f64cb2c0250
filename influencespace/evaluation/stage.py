"""The stage ``train``: all arms with all seeds as one job, and their comparison."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.measured import remember
from influencespace.curation.options import PlanOptions
from influencespace.curation.sets import finder
from influencespace.errors import TrainingError
from influencespace.evaluation.compare import compare
from influencespace.evaluation.measure import Measured, RunMeasures, measure_run
from influencespace.evaluation.store import load_measures, save_measures
from influencespace.features.device import pick_device
from influencespace.features.duplicates import stored_duplicates, twin_codes
from influencespace.influence.options import ScoreOptions
from influencespace.options import restore
from influencespace.pairs.views import heldout, photo_codes, training_rows
from influencespace.progress import Progress, expect, silent
from influencespace.proxy.stage import prepared_pairs, stored_fit
from influencespace.training.arms import Curation, Redrawn
from influencespace.training.heads import HeadsSettings
from influencespace.training.journal import Course, Journal
from influencespace.training.kept import Kept
from influencespace.training.options import UNTRAINED, TrainOptions, possible
from influencespace.training.trainer import TrainingData, train_arm, trial_scores, untouched
from influencespace.training.tuning import Trial, grid, tune
from influencespace.workspace import Artifact, Draft, Workspace

TUNING_SEEDS = 2
FEWEST_PAIRS = 2


def train_arms(workspace: Workspace, options: TrainOptions, progress: Progress = silent) -> Artifact:
    """Choose the settings on the full data, train every arm with every seed, compare, and write ``training``.

    What an earlier training of the same recipe has finished before it was broken off is not trained again.

    Raises
    ------
    TrainingError
        If no arm is left to train.
    """
    with workspace.write("training", options) as draft:
        data, curation, fit_seconds = load(workspace, options)
        arms, missing = possible_arms(options.arms, data)
        kept = Kept.of(workspace, options, curation.plan, curation.decisions)
        journal = kept.open()
        settings, trials = _tuned(data, options, kept, progress)
        table = workspace.artifact("pairs").table("pairs")
        held_out = Measured(
            [], table["photo"].to_numpy(dtype=object)[data.test.image_rows], data.test.groups, curation.compared, missing
        )
        trainer = _Trainer(workspace, data, curation, settings, options, fit_seconds, journal)
        finished, wanted, course = kept.finished(), options.runs(arms), Course()
        taken_over = [run for run in wanted if run in finished]
        measures = {run: _load(kept.run(*run)) for run in taken_over}
        for arm, seed in wanted:
            if (arm, seed) in measures:
                continue
            report = partial(progress, len(measures), len(wanted), f"training {arm}, seed {seed}")
            report()
            course.follow(kept.journal)
            left = course.seconds_left([run for run in wanted if run not in measures], time.time())
            if left is not None:
                expect(progress, left)
            measured = trainer.run(arm, seed, report)
            with kept.finishing(arm, seed) as folder:
                save_measures(Draft(folder), replace(held_out, runs=[measured]))
            journal.tell(arm, seed, seconds=time.time() - trainer.began)
            measures[arm, seed] = measured
        progress(len(wanted), len(wanted), "all arms are trained")
        progress(1, 2, "comparing the arms")
        measured = replace(held_out, runs=[measures[run] for run in wanted])
        save_measures(draft, measured)
        results = compare(measured) | {"settings": _settings(settings, trials, data)}
        draft.json("results", results)
        draft.facts = {
            "arms": arms, "missing": missing, "seeds": options.seeds, "settings": results["settings"]["chosen"],
            "taken_over": len(taken_over),
        }
        progress(2, 2, "comparing the arms")
    remember(workspace)
    return workspace.artifact("training")


def load(workspace: Workspace, options: TrainOptions) -> tuple[TrainingData, Curation, float]:
    """What a workspace trains and curates from, and the seconds that its own proxies took."""
    device = pick_device(options.device)
    source, features = workspace.artifact("pairs"), workspace.artifact("features")
    clusters, scores, plan = (workspace.artifact(name) for name in ("clusters", "scores", "plan"))
    table = source.table("pairs")
    train, validation, test = training_rows(table), heldout(table, "validation"), heldout(table, "test")
    data = TrainingData.load(
        features.array("image"), features.array("text"), twin_codes(photo_codes(table, slice(None)), stored_duplicates(features)),
        train, validation, test, features.facts["aligned"], features.facts["logit_scale"], device,
    )
    fitted, proxy = stored_fit(workspace, "cpu")
    ids = table["id"].to_numpy(dtype=object)[train]
    curation = Curation(
        pairs=prepared_pairs(workspace, proxy, options.device), ids=ids,
        topics=clusters.table("members")["topic"].to_numpy(),
        strata=restore(ClusterOptions, clusters.record["options"]).strata, sets=stored_duplicates(features)[train],
        cosine=data.cosine(), validation=validation,
        compared=source.facts["groups"], proxy=replace(proxy, ridge=fitted.ridge),
        score=restore(ScoreOptions, scores.record["options"]),
        plan=restore(PlanOptions, plan.record["options"]), decisions=plan.json("decisions"), find=finder(workspace, ids),
        first_seed=options.seed,
    )
    return data, curation, workspace.artifact("proxy").record["seconds"]


def possible_arms(wanted: tuple[str, ...], data: TrainingData) -> tuple[list[str], dict[str, str]]:
    """The arms that these features allow, and why the others are missing.

    Raises
    ------
    TrainingError
        If none is left.
    """
    if not wanted:
        raise TrainingError("There is no arm to train; name at least one with --arms.")
    why = "image and text features are not aligned, so their cosine says nothing"
    arms = possible(wanted, data.aligned)
    missing = {arm: why for arm in wanted if arm not in arms}
    if not arms:
        raise TrainingError(f"There is no arm left to train: {why}. Choose others with --arms.")
    return arms, missing


class _Trainer:
    """Trains one run after the other. Runs of one seed share what it has redrawn, the proxies above all."""

    def __init__(
        self, workspace: Workspace, data: TrainingData, curation: Curation, settings: HeadsSettings, options: TrainOptions,
        fit_seconds: float, journal: Journal,
    ) -> None:
        self.workspace, self.data, self.curation, self.settings = workspace, data, curation, settings
        self.options, self.fit_seconds, self.journal = options, fit_seconds, journal
        self.began = 0.0
        self._redrawn: Redrawn | None = None

    def run(self, arm: str, seed: int, report: Callable[[], None]) -> RunMeasures:
        """One arm with one seed, trained and measured; ``report`` is called on the way, and may end it."""
        self.began = time.time()
        self.journal.tell(arm, seed, began=self.began)

        def watch(step: dict) -> None:
            self.journal.tell(arm, seed, **step)
            report()

        if arm == UNTRAINED:
            run = untouched(self.data, seed)
        else:
            found = self._drawn(seed, report).weights(arm)
            if np.count_nonzero(found.weights) < FEWEST_PAIRS:
                raise TrainingError(f"The arm {arm} is left with fewer than {FEWEST_PAIRS} pairs; lower the reduction ratio.")
            run = train_arm(self.data, arm, found.weights, self.settings, seed, found.seconds, watch)
        return measure_run(run, self.data.test.groups, self.data.validation.groups)

    def _drawn(self, seed: int, report: Callable[[], None]) -> Redrawn:
        k = seed - self.options.seed
        if self._redrawn is None or self._redrawn.seed != k:
            self._redrawn = Redrawn(self.curation, k, lambda *_: report())
            if k == 0:  # the proxies of the workspace, so that the first plan is the curator's own
                self._redrawn.adopt(stored_fit(self.workspace, self.options.device)[0], self.fit_seconds)
        self._redrawn.progress = lambda *_: report()
        return self._redrawn


def _tuned(data: TrainingData, options: TrainOptions, kept: Kept, progress: Progress) -> tuple[HeadsSettings, list[Trial]]:
    seeds = tuple(options.seed + k for k in range(TUNING_SEEDS))
    total, tried = len(grid()), iter(range(len(grid())))

    def scores_of(settings: HeadsSettings) -> np.ndarray:
        report = partial(progress, next(tried), total, "choosing learning rate and epochs on the full data")
        report()
        scores = kept.tried(settings.learning_rate, settings.epochs)
        if scores is None:
            scores = trial_scores(data, settings, seeds, report)
            kept.keep_trial(settings.learning_rate, settings.epochs, scores)
        return scores

    return tune(scores_of)


def _load(folder: Path) -> RunMeasures:
    return load_measures(Artifact("training", folder, {})).runs[0]


def _settings(chosen: HeadsSettings, trials: list[Trial], data: TrainingData) -> dict:
    return {
        "chosen": {"learning_rate": chosen.learning_rate, "epochs": chosen.epochs, "batch_size": chosen.batch_size},
        "tried": [
            {"learning_rate": t.settings.learning_rate, "epochs": t.settings.epochs, "recall": round(t.recall, 3)}
            for t in trials
        ],
        "device": str(data.image.device), "trainer": "heads",
    }
