"""The stages by name: what each needs, makes and is called with. Shell, jobs and pages run stages from this list alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from influencespace import engines
from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.stage import find_clusters
from influencespace.curation.effects import find_effects
from influencespace.curation.options import PlanOptions, VerifyOptions
from influencespace.curation.stage import plan_subset
from influencespace.curation.verify import verify
from influencespace.engines import LOCAL, EngineOptions
from influencespace.evaluation.ablation import ablate
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.evaluation.stage import train_arms
from influencespace.features.options import EmbedOptions
from influencespace.features.stage import embed
from influencespace.influence.options import EffectOptions, ScoreOptions
from influencespace.influence.stage import score
from influencespace.options import Options, restore
from influencespace.pairs.demo import write_demo
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.stage import import_pairs
from influencespace.progress import Progress, silent
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import fit_proxies
from influencespace.training.options import TrainOptions
from influencespace.workspace import NEEDS, Artifact, Workspace


@dataclass(frozen=True)
class Stage:
    """One station of the road.

    Attributes
    ----------
    name
        The command that runs it.
    artifact
        What it makes.
    options
        What it is called with.
    help
        What it does, in a sentence.
    run
        ``run(workspace, options, progress)``; the caller holds the workspace's lock.
    """

    name: str
    artifact: str
    options: type[Options]
    help: str
    run: Callable[[Workspace, Options, Progress], Artifact]


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("import", "pairs", ImportOptions, "Read pairs, check every photo and caption, hold photos out.", import_pairs),
        Stage("embed", "features", EmbedOptions, "Turn photos and captions into features with an encoder.", embed),
        Stage("proxy", "proxy", ProxyOptions, "Fit cross-fitted proxies and find how well captions fit.", fit_proxies),
        Stage("cluster", "clusters", ClusterOptions, "Find topics and their strata, name them, draw the map.", find_clusters),
        Stage("score", "scores", ScoreOptions, "Compute the influence of every pair and cluster.", score),
        Stage("plan", "plan", PlanOptions, "Decide what to keep, prune and up-weight.", plan_subset),
        Stage("effects", "effects", EffectOptions, "Predict what removing clusters and whole plans would do.", find_effects),
        Stage("verify", "verification", VerifyOptions, "Check these predictions by retraining.", verify),
        Stage("train", "training", TrainOptions, "Train the arms and compare them on the test photos.", train_arms),
        Stage("ablate", "ablations", AblationOptions, "Vary one setting at a time, train, and compare.", ablate),
    )
}


def run_stages(
    workspace: Workspace, wanted: dict[str, Options], progress: Progress = silent, where: EngineOptions | None = None
) -> list[str]:
    """Run stages in the order of the road, holding the workspace; returns the names of those that were run.

    What a wanted stage needs and what is missing or stale is made first, with the options it was made with before, or
    the defaults. What is current with the same options is not made again, the import excepted: only reading the source
    again tells whether it has changed, and if it has not, nothing after it becomes stale.

    All files that the run may read are compared with the digests they were written with first. What is damaged is made again,
    which ``progress`` is told of; what was made from it stays current if that comes out the same.

    Stages that leave open what computes them are computed by the engine ``where``, or else by the first engine that a wanted
    stage names.

    Raises
    ------
    InfluenceSpaceError
        By the stages; what was made before the error stays.
    """
    if where is None or where.engine == LOCAL:
        where = engines.common(wanted.values())
    if engines.handed_over(where):
        from influencespace.engines.ray_jobs import run_elsewhere  # which asks for Ray

        return run_elsewhere(workspace, wanted, where, progress)
    ran = []
    with workspace.lock(), contextlib.ExitStack() as held:
        for why in workspace.check(_read(wanted)).values():
            progress(0, 1, why)
        for stage in STAGES.values():
            options = wanted.get(stage.name)
            if options is None:
                if not _needed(workspace, stage, wanted):
                    continue
                options = options_before(workspace, stage)
            if stage.name == "import" or not workspace.is_current(stage.artifact, options):
                if where is not None and not ran:
                    held.enter_context(engines.start(where))  # once for all stages
                stage.run(workspace, engines.placed(options, where), progress)
                ran.append(stage.name)
    return ran


def build_demo(path: Path, seed: int = 0, progress: Progress = silent) -> Workspace:
    """Draw the demo's pairs into a workspace and take them to a plan, and to what it is predicted to do.

    Raises
    ------
    WorkspaceError
        If the folder is in use for something else.
    """
    workspace = Workspace(path, create=True)
    with workspace.lock():
        drawn = write_demo(workspace.private("demo"), seed=seed, progress=progress)
    # The demo's groups: the planted gap is between women and men; wheelchair users are the rare group.
    wanted = {
        "import": ImportOptions(
            source=str(drawn.train), validation=str(drawn.heldout), groups=("person:woman,man", "mobility"), seed=seed
        ),
        "embed": EmbedOptions(encoder=str(drawn.encoder)),
        "proxy": ProxyOptions(seed=seed),
        "cluster": ClusterOptions(seed=seed),
        "score": ScoreOptions(),
        "plan": PlanOptions(),
        "effects": EffectOptions(),
    }
    run_stages(workspace, wanted, progress)
    return workspace


def _needed(workspace: Workspace, stage: Stage, wanted: dict[str, Options]) -> bool:
    """Whether something wanted needs this stage's artifact, which is not current; only a damaged import is implied."""
    state = workspace.state(stage.artifact)
    if state == "current" or (stage.name == "import" and (state != "damaged" or not workspace.recorded(stage.artifact))):
        return False
    return any(stage.artifact in _upstream(STAGES[name].artifact) for name in wanted)


def _read(wanted: dict[str, Options]) -> list[str]:
    """The artifacts that stages are made from, and their own, in the order of the road."""
    own = {STAGES[name].artifact for name in wanted}
    read = own.union(*map(_upstream, own))
    return [name for name in NEEDS if name in read]


def _upstream(artifact: str) -> set[str]:
    """All that an artifact is made from, directly or not."""
    return {before for need in NEEDS[artifact] for before in {need} | _upstream(need)}


def options_before(workspace: Workspace, stage: Stage) -> Options:
    """The options that a stage's artifact was made with, or the defaults where there is none; a plan's are those asked for."""
    if stage.artifact == "plan" and (asked := workspace.asked()) is not None:
        return restore(PlanOptions, asked)
    made = workspace.recorded(stage.artifact)
    return stage.options() if made is None else restore(stage.options, made["options"])
