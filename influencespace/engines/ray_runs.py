"""Long runs as a worker group of Ray Train: every worker takes one run after the other, and a lost one is replaced.

Ray Train starts the group, watches it, and starts it anew, with as many workers as there is room for, when one was lost. What
was finished by then is kept in the workspace, and what had begun goes on after its last epoch: checkpoints are the
training loop's own (safetensors), none of Ray's is written or read.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from influencespace.engines import Run, Share, Tell
from influencespace.errors import EngineError, InfluenceSpaceError

if TYPE_CHECKING:
    from influencespace.engines.ray_engine import RayEngine

# How often the process that asked looks for news, in seconds.
LOOK = 0.3


def train_group(share: Share, wanted: list[Run], tell: Tell, folder: Path, engine: RayEngine) -> Iterator[Run]:
    """Do runs in a group of at most ``engine.workers``; see :meth:`influencespace.engines.Engine.runs`."""
    import ray

    from influencespace.engines.ray_engine import beside

    if not wanted:
        return
    ledger, told = beside(Ledger).remote(wanted), [(wanted[0], {})]
    place = folder / "ray"
    group = beside(_Group).remote()
    training = group.fit.remote(share, ledger, place, engine, min(engine.workers, len(wanted)))
    try:
        while True:
            over, _ = ray.wait([training], timeout=LOOK)
            news, finished, refused = ray.get(ledger.hear.remote())
            told = news or [(told[-1][0], {})]
            for run, values in told:
                tell(*run, **values)
            yield from finished
            if refused is not None:
                raise refused
            if over:
                ray.get(training)
                return
    finally:
        ray.kill(group)
        shutil.rmtree(place, ignore_errors=True)


class Ledger:
    """Which runs are left, who does which, and what they say; one object beside the process that asked.

    Workers name the group that they belong to: what a group before had begun is begun again, and its stragglers are given
    nothing more and not heard.
    """

    def __init__(self, wanted: list[Run]) -> None:
        self.wanted, self.done, self.group = wanted, set(), None
        self.left: list[Run] = []
        self.doing: dict[int, Run] = {}
        self.news: list[tuple[Run, dict]] = []
        self.finished: list[Run] = []
        self.refused: InfluenceSpaceError | None = None

    def take(self, group: str, worker: int, new: bool) -> Run | None:
        """The next run for a worker, which has finished the one that it had; ``new`` says that it has only come.

        Runs of one seed share what the seed has drawn, so that one worker does them if it can.
        """
        if new and group != self.group:
            self.group, self.doing = group, {}
            self.left = [run for run in self.wanted if run not in self.done]
        if group != self.group or self.refused is not None:
            return None
        before = self.doing.pop(worker, None)
        if before is not None:
            self.done.add(before)
            self.finished.append(before)
        busy = {seed for _, seed in self.doing.values()}
        own = [run for run in self.left if before is not None and run[1] == before[1]]
        free = [run for run in self.left if run[1] not in busy]
        run = next(iter(own or free or self.left), None)
        if run is not None:
            self.left.remove(run)
            self.doing[worker] = run
        return run

    def tell(self, group: str, run: Run, values: dict) -> None:
        """Hear something of a run."""
        if group == self.group:
            self.news.append((run, values))

    def refuse(self, error: InfluenceSpaceError) -> None:
        """Hear that a run cannot be done, for a reason that a person can mend."""
        self.refused = error

    def hear(self) -> tuple[list[tuple[Run, dict]], list[Run], InfluenceSpaceError | None]:
        """What was told and which runs were finished since the last time, and why none is to follow."""
        news, finished, self.news, self.finished = self.news, self.finished, [], []
        return news, finished, self.refused


class _Group:
    """Where the group's controller runs: not in the process that asked, which has to listen meanwhile."""

    def fit(self, share: Share, ledger: Any, place: Path, engine: RayEngine, most: int) -> None:
        from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
        from ray.train.torch import TorchTrainer

        trainer = TorchTrainer(
            partial(_take_part, share, ledger),
            scaling_config=ScalingConfig(
                num_workers=(1, most) if most > 1 else 1, use_gpu=engine.cuda, resources_per_worker={"CPU": engine.threads},
            ),
            run_config=RunConfig(
                name="runs", storage_path=str(place), failure_config=FailureConfig(max_failures=engine.retries),
            ),
        )
        try:
            trainer.fit()
        except TrainingFailedError as error:
            raise EngineError(
                f"Ray has started the workers of this training {engine.retries + 1} times, and lost them: "
                f"{str(error).strip().splitlines()[-1]} What was finished before is kept; start it again to go on."
            ) from error


def _take_part(share: Share, ledger: Any) -> None:
    """One worker of the group: do what there is to do."""
    import ray
    import ray.train
    import ray.util

    group = ray.util.get_current_placement_group().id.hex()
    worker = ray.train.get_context().get_world_rank()

    def tell(name: str, seed: int, **values: Any) -> None:
        if values:
            ledger.tell.remote(group, (name, seed), values)

    do, new = share(tell), True
    while (run := ray.get(ledger.take.remote(group, worker, new))) is not None:
        new = False
        try:
            do(*run)
        except InfluenceSpaceError as error:
            ray.get(ledger.refuse.remote(error))
