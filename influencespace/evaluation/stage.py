"""The stage ``train``: all arms with all seeds as one job, and their comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions
from influencespace.errors import TrainingError
from influencespace.evaluation.compare import compare
from influencespace.evaluation.measure import Measured, RunMeasures, measure_run
from influencespace.evaluation.store import save_measures
from influencespace.features.device import pick_device
from influencespace.features.duplicates import stored_duplicates, twin_codes
from influencespace.influence.options import ScoreOptions
from influencespace.options import restore
from influencespace.pairs.views import heldout, photo_codes, training_rows
from influencespace.progress import Progress, silent
from influencespace.proxy.stage import prepared_pairs, stored_fit
from influencespace.training.arms import Curation, Redrawn
from influencespace.training.heads import HeadsSettings
from influencespace.training.options import TrainOptions
from influencespace.training.runs import ArmRun
from influencespace.training.trainer import TrainingData, train_arm, trial_scores, untouched
from influencespace.training.tuning import Trial, grid, tune
from influencespace.workspace import Artifact, Workspace

TUNING_SEEDS = 2
FEWEST_PAIRS = 2


def train_arms(workspace: Workspace, options: TrainOptions, progress: Progress = silent) -> Artifact:
    """Choose the settings on the full data, train every arm with every seed, compare, and write ``training``.

    Raises
    ------
    TrainingError
        If no arm is left to train.
    """
    with workspace.write("training", options) as draft:
        data, curation, fit_seconds = load(workspace, options)
        arms, missing = possible_arms(options.arms, data)
        settings, trials = _tuned(data, options, progress)
        measures: list[RunMeasures] = []
        total = sum(1 if arm == "start" else options.seeds for arm in arms)

        def report(*_: object) -> None:
            progress(len(measures), total, "training the arms")

        for k in range(options.seeds):
            for run in _runs(workspace, data, curation, arms, settings, options, k, fit_seconds, report):
                measures.append(measure_run(run, data.test.groups, data.validation.groups))
                report()
        progress(1, 2, "comparing the arms")
        table = workspace.artifact("pairs").table("pairs")
        measured = Measured(
            measures, table["photo"].to_numpy(dtype=object)[data.test.image_rows], data.test.groups, curation.compared, missing
        )
        save_measures(draft, measured)
        results = compare(measured) | {"settings": _settings(settings, trials, data)}
        draft.json("results", results)
        draft.facts = {"arms": arms, "missing": missing, "seeds": options.seeds, "settings": results["settings"]["chosen"]}
        progress(2, 2, "comparing the arms")
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
    curation = Curation(
        pairs=prepared_pairs(workspace, proxy, options.device), ids=table["id"].to_numpy(dtype=object)[train],
        topics=clusters.table("members")["topic"].to_numpy(),
        strata=restore(ClusterOptions, clusters.record["options"]).strata, sets=stored_duplicates(features)[train],
        cosine=data.cosine(), validation=validation,
        compared=source.facts["groups"], proxy=replace(proxy, ridge=fitted.ridge),
        score=restore(ScoreOptions, scores.record["options"]),
        plan=restore(PlanOptions, plan.record["options"]), decisions=workspace.decisions(), first_seed=options.seed,
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
    missing = {} if data.aligned else {arm: why for arm in ("clip-score", "start") if arm in wanted}
    arms = [arm for arm in dict.fromkeys(wanted) if arm not in missing]
    if not arms:
        raise TrainingError(f"There is no arm left to train: {why}. Choose others with --arms.")
    return arms, missing


def _runs(
    workspace: Workspace, data: TrainingData, curation: Curation, arms: list[str], settings: HeadsSettings,
    options: TrainOptions, k: int, fit_seconds: float, progress: Progress,
) -> Iterator[ArmRun]:
    """The runs of one seed. The first uses the proxies of the workspace, so that its plan is the curator's own."""
    seed = options.seed + k
    redrawn = Redrawn(curation, k, progress)
    if k == 0:
        redrawn.adopt(stored_fit(workspace, options.device)[0], fit_seconds)
    for arm in arms:
        if arm == "start":
            if k == 0:
                yield untouched(data, seed)
            continue
        found = redrawn.weights(arm)
        if np.count_nonzero(found.weights) < FEWEST_PAIRS:
            raise TrainingError(f"The arm {arm} is left with fewer than {FEWEST_PAIRS} pairs; lower the reduction ratio.")
        yield train_arm(data, arm, found.weights, settings, seed, found.seconds)


def _tuned(data: TrainingData, options: TrainOptions, progress: Progress) -> tuple[HeadsSettings, list[Trial]]:
    seeds = tuple(options.seed + k for k in range(TUNING_SEEDS))
    total, tried = len(grid()), iter(range(len(grid())))

    def scores_of(settings: HeadsSettings) -> np.ndarray:
        progress(next(tried), total, "choosing learning rate and epochs on the full data")
        return trial_scores(data, settings, seeds)

    return tune(scores_of)


def _settings(chosen: HeadsSettings, trials: list[Trial], data: TrainingData) -> dict:
    return {
        "chosen": {"learning_rate": chosen.learning_rate, "epochs": chosen.epochs, "batch_size": chosen.batch_size},
        "tried": [
            {"learning_rate": t.settings.learning_rate, "epochs": t.settings.epochs, "recall": round(t.recall, 3)}
            for t in trials
        ],
        "device": str(data.image.device), "trainer": "heads",
    }
