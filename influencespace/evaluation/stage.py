"""The stage ``train``: all arms with all seeds as one job, and their comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from influencespace import engines
from influencespace.clusters.options import ClusterOptions
from influencespace.curation.measured import remember
from influencespace.curation.options import PlanOptions
from influencespace.curation.sets import finder
from influencespace.engines import HERE, Engine, Tell
from influencespace.errors import TrainingError
from influencespace.evaluation.compare import compare
from influencespace.evaluation.finishing import finish_runs, keeping
from influencespace.evaluation.measure import Measured, RunMeasures
from influencespace.evaluation.runner import Runner, tuned
from influencespace.evaluation.store import load_measures, save_measures
from influencespace.features.device import pick_device
from influencespace.features.duplicates import stored_duplicates, twin_codes
from influencespace.influence.options import ScoreOptions
from influencespace.options import restore
from influencespace.pairs.views import heldout, photo_codes, training_rows
from influencespace.progress import Progress, silent
from influencespace.proxy.stage import prepared_pairs, stored_fit
from influencespace.training.arms import Curation
from influencespace.training.data import TrainingData
from influencespace.training.dynamic import impossible
from influencespace.training.kept import Kept
from influencespace.training.loop import Settings
from influencespace.training.options import DYNAMIC, UNTRAINED, TrainOptions, possible
from influencespace.training.probes import Probes
from influencespace.training.record import RUN, run_record
from influencespace.training.trainer import Trainer, make
from influencespace.training.tuning import Trial
from influencespace.workspace import Artifact, Workspace


def train_arms(
    workspace: Workspace, options: TrainOptions, progress: Progress = silent, *, fresh: bool = False
) -> Artifact:
    """Choose the settings on the full data, train every arm with every seed, compare, and write ``training``.

    What an earlier training of the same recipe has finished before it was broken off is not trained again, unless all of it
    is to be ``fresh``.

    Raises
    ------
    TrainingError
        If no arm is left to train.
    """
    with workspace.write("training", options) as draft, engines.start(options) as engine:
        opened = open_training(workspace, options, progress)
        data, curation, trainer = opened.data, opened.curation, opened.trainer
        possible_arms(options, data, trainer)  # now, and not after the settings were chosen
        kept = Kept.of(workspace, options, curation.plan, curation.decisions)
        if fresh:
            kept.forget()
        journal = kept.open(progress)
        settings, trials = tuned(
            trainer, options, kept, progress, engine, partial(_trainer_elsewhere, str(workspace.path), options)
        )
        arms, missing = possible_arms(options, data, trainer, settings.epochs)
        wanted = options.runs(arms)
        held_out = opened.held_out(settings, missing)
        share = partial(keeping, opened.runner(settings, kept, kept.drawing).run, kept, held_out)
        if engine.remote:
            share = partial(_share_elsewhere, str(workspace.path), options, settings, missing, kept)
        measured, taken_over = finish_runs(
            wanted, share, partial(_load, probes=opened.probes), kept, journal, held_out, "training {name}", progress, engine
        )
        kept.all_drawn()
        progress(len(wanted), len(wanted), "all arms are trained")
        progress(1, 2, "comparing the arms")
        save_measures(draft, measured)
        results = compare(measured) | {"settings": _settings(settings, trials, trainer)}
        draft.json("results", results)
        draft.json(RUN, run_record(workspace, options, settings, trainer.device))
        draft.facts = {
            "arms": arms, "missing": missing, "seeds": options.seeds, "settings": results["settings"]["chosen"],
            "taken_over": taken_over,
        }
        progress(2, 2, "comparing the arms")
    remember(workspace)
    return workspace.artifact("training")


@dataclass(frozen=True)
class Opened:
    """A workspace as its training sees it, in this process."""

    workspace: Workspace
    options: TrainOptions
    data: TrainingData
    curation: Curation
    fit_seconds: float
    trainer: Trainer
    probes: Probes

    def runner(self, settings: Settings, kept: Kept, drawing: Callable[[int], Engine]) -> Runner:
        """What trains its runs."""
        return Runner(
            self.workspace, self.trainer, self.curation, settings, self.options, self.fit_seconds, kept, self.probes, drawing
        )

    def held_out(self, settings: Settings, missing: dict[str, str]) -> Measured:
        """What its runs are measured on, with no run yet."""
        photo = self.workspace.artifact("pairs").table("pairs")["photo"].to_numpy(dtype=object)
        test, probes = self.data.test, self.probes
        return Measured(
            [], photo[test.image_rows], test.groups, self.curation.compared, missing, probes.phrases, probes.unmeasured,
            settings.patience > 0,
        )


def open_training(workspace: Workspace, options: TrainOptions, progress: Progress = silent) -> Opened:
    """Load all that a training needs; ``progress`` is told of what is embedded on the way."""
    data, curation, fit_seconds = load(workspace, options)
    trainer = make(workspace, data, options, progress)
    return Opened(workspace, options, data, curation, fit_seconds, trainer, Probes.of(workspace, data.test, options))


@lru_cache(maxsize=1)
def _opened_elsewhere(path: str, options: TrainOptions) -> Opened:
    """In a worker's process, once for all of its pieces and runs."""
    return open_training(Workspace(path), options)


def _trainer_elsewhere(path: str, options: TrainOptions) -> Trainer:
    return _opened_elsewhere(path, options).trainer


def _share_elsewhere(
    path: str, options: TrainOptions, settings: Settings, missing: dict[str, str], kept: Kept, tell: Tell
) -> Callable[[str, int], None]:
    opened = _opened_elsewhere(path, options)
    # Two workers may draw one seed at once, so that neither keeps the pieces of it.
    run = opened.runner(settings, kept, lambda seed: HERE).run
    return keeping(run, kept, opened.held_out(settings, missing), tell)


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


def possible_arms(
    options: TrainOptions, data: TrainingData, trainer: Trainer, epochs: int | None = None
) -> tuple[list[str], dict[str, str]]:
    """The arms that can be trained here, for so many epochs if that is known by now, and why the others are missing.

    Raises
    ------
    TrainingError
        If none is left.
    """
    if not options.arms:
        raise TrainingError("There is no arm to train; name at least one with --arms.")
    arms = possible(options.arms, data.aligned)
    unaligned = "image and text features are not aligned, so their cosine says nothing"
    missing = {arm: unaligned for arm in options.arms if arm not in arms}
    if not trainer.starts and UNTRAINED in arms:
        missing[UNTRAINED] = "what is trained starts at random, so that untrained it says nothing"
    if DYNAMIC in arms and (why := impossible(options, epochs)):
        missing[DYNAMIC] = why
    arms = [arm for arm in arms if arm not in missing]
    if not arms:
        why = "; ".join(dict.fromkeys(missing.values()))
        raise TrainingError(f"There is no arm left to train: {why}. Choose others with --arms.")
    return arms, missing


def _load(folder: Path, probes: Probes) -> RunMeasures:
    """A run that was finished before, and what could not be asked of it."""
    found = load_measures(Artifact("training", folder, {}))
    for what, why in found.unmeasured.items():
        probes.unmeasured.setdefault(what, why)
    return found.runs[0]


def _settings(chosen: Settings, trials: list[Trial], trainer: Trainer) -> dict:
    return {
        "chosen": asdict(chosen),
        "tried": [
            {"learning_rate": t.settings.learning_rate, "epochs": t.settings.epochs, "recall": round(t.recall, 3)}
            for t in trials
        ],
        "device": str(trainer.device), "trainer": trainer.name, "origin": trainer.origin,
    }
