"""Ray as the engine: a map over pieces is a pipeline of Ray Data, long runs are a worker group of Ray Train.

What Ray sends between its own processes is pickled (cloudpickle): that is transport between processes of one person's
cluster, which share a token; no file that a user gives, and none that InfluenceSpace writes, is ever unpickled.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch

import influencespace
from influencespace import errors
from influencespace.engines import Piece, Run, Share, Tell, Work
from influencespace.engines.options import EngineOptions
from influencespace.errors import EngineError, InfluenceSpaceError

REFUSED = "refused"
PACKAGE = Path(influencespace.__file__).parent
LOST = (
    "Ray lost its workers more than {retries} times at one piece of the work. They may run out of memory: use fewer --workers. "
    "What was finished before is kept; start it again to go on."
)
OWN = {
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Workers of one machine share what is large instead of copying it; nothing writes into what it is given.
    "RAY_ENABLE_ZERO_COPY_TORCH_TENSORS": "1",
}
# The switch for laptops whose firewall asks: all of Ray's servers listen on the loopback address alone.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextlib.contextmanager
def connected(options: EngineOptions) -> Iterator[RayEngine]:
    """Ray at the options' address, or one on this machine that ends with the block.

    Where this process is connected to Ray already, that is used and stays.

    Raises
    ------
    EngineError
        If Ray is not installed, there is none at the address, or none can be started here.
    """
    ray = prepared(local=options.address is None)
    threads = torch.get_num_threads()
    if ray.is_initialized():
        yield _engine(ray, options, threads)
        return
    here: dict[str, Any] = {"address": options.address}
    if options.address is None:
        cores = max(os.cpu_count() or 1, (options.workers or 1) * threads)
        here = {"address": "local", "num_cpus": cores, "include_dashboard": False}
    ending = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            **here, log_to_driver=False, logging_level=logging.ERROR, runtime_env=_environment(options.address, threads),
        )
    except Exception as error:  # Ray says with a plain one that a node took too long to start
        where = options.address or "this machine"
        raise EngineError(f"There is no Ray to be had at {where}: {str(error).splitlines()[0]}") from error
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ending)  # ray puts its own in its place, and a job ends as jobs do
        yield _engine(ray, options, threads)
    finally:
        ray.shutdown()


def prepared(local: bool) -> ModuleType:
    """Ray itself, told beforehand not to report to anybody and, for one of this machine's own, to listen to nobody else.

    Raises
    ------
    EngineError
        If it is not installed.
    """
    for name, value in (OWN | LOOPBACK if local else OWN).items():  # read when it is imported
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise EngineError("--engine ray needs Ray, which is not installed: pip install -r requirements-ray.txt") from None
    return ray


@dataclass(frozen=True)
class RayEngine:
    """Pieces and runs on Ray (:class:`~influencespace.engines.Engine`).

    Attributes
    ----------
    workers
        How many pieces are computed at once.
    threads
        Of each worker; those of this process, since sums of another number of threads are rounded otherwise.
    cuda
        Whether each has a GPU, as this process has.
    begun
        Counts how often each piece was begun.
    retries
        A worker that is lost is replaced; a piece that loses one more often is given up.
    patience
        Seconds after which a worker hangs that has not finished a piece (a batch of photos, one fit: seconds, rarely
        minutes). It is ended, and the piece done again.
    """

    workers: int
    threads: int
    cuda: bool
    begun: Any
    retries: int = 3
    patience: float = 1800.0
    remote: ClassVar[bool] = True
    spared: ClassVar[float] = 0.0

    def map(self, work: Work, count: int) -> Iterator[Piece]:
        """See :meth:`~influencespace.engines.Engine.map`."""
        import ray
        import ray.data

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of writing into shared tensors, once
            held = ray.put(work)
        name, begun = held.hex(), self.begun

        def one(row: dict[str, Any]) -> Piece:
            try:
                if ray.get(begun.again.remote(name, int(row["id"]))) > 1 + self.retries:
                    raise EngineError(LOST.format(retries=self.retries))
                with watched(self.patience):
                    return _compute(held, int(row["id"]))
            except InfluenceSpaceError as error:  # Ray would add advice of its own to what it says
                return {REFUSED: [type(error).__name__, str(error)]}

        _set_up(ray.data.DataContext.get_current())
        pieces = ray.data.range(count, override_num_blocks=count).map(
            one, compute=ray.data.TaskPoolStrategy(size=self.workers), num_cpus=self.threads, num_gpus=1 if self.cuda else None,
            # A process that has a GPU would be started anew for every piece, and load its model again.
            max_calls=0 if self.cuda else None,
        )
        with _explained():
            for found in pieces.iter_rows():
                if REFUSED in found:
                    kind, message = found[REFUSED]
                    raise getattr(errors, kind)(message)
                yield found

    def once(self, step: str, make: Callable[[], Piece]) -> Piece:
        """See :meth:`~influencespace.engines.Engine.once`."""
        return make()

    def runs(self, share: Share, wanted: list[Run], tell: Tell, folder: Path) -> Iterator[Run]:
        """See :meth:`~influencespace.engines.Engine.runs`."""
        from influencespace.engines.ray_runs import train_group

        with _explained():
            yield from train_group(share, wanted, tell, folder, self)


def beside(kind: type) -> Any:
    """An actor of that class on this machine's node, which lasts as long as this process, whichever other nodes are lost."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = ray.get_runtime_context().get_node_id()
    return ray.remote(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))(kind)


class _Begun:
    """Counts how often each piece was begun; Ray Data itself would go on for ever with one that ends every worker."""

    def __init__(self) -> None:
        self.times: Counter[tuple[str, int]] = Counter()

    def again(self, work: str, piece: int) -> int:
        self.times[work, piece] += 1
        return self.times[work, piece]


# What this process works on, by the name that Ray has for it: an encoder is loaded once, not once a piece.
_held: dict[str, Work] = {}


def _compute(held: Any, piece: int) -> Piece:
    import ray

    name = held.hex()
    if name not in _held:
        _held.clear()
        _held[name] = ray.get(held)
    return next(iter(_held[name]([piece])))


@contextlib.contextmanager
def watched(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer, wherever it hangs, and write to its log where; Ray does the piece again."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _set_up(context: Any) -> None:
    context.execution_options.preserve_order = True
    context.enable_progress_bars = context.print_on_execution_start = False
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are raised, and said once


def _environment(address: str | None, threads: int) -> dict[str, Any]:
    """What workers run in: this very code, and as many threads as here."""
    variables = {"OMP_NUM_THREADS": str(threads)} | OWN
    if address is None:
        paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"env_vars": variables | LOOPBACK | {"PYTHONPATH": os.pathsep.join(paths)}}
    return {"env_vars": variables, "py_modules": [str(PACKAGE)]}


def _engine(ray: ModuleType, options: EngineOptions, threads: int) -> RayEngine:
    room = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
    cuda = getattr(options, "device", "auto") in ("auto", "cuda") and torch.cuda.is_available()
    return RayEngine(options.workers or room, threads, cuda, beside(_Begun).remote())


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Errors for people as they were raised, wherever that was, and Ray's own as one of them."""
    from ray.exceptions import RayError, RayTaskError

    try:
        yield
    except InfluenceSpaceError as error:
        raise getattr(error, "cause", error) from None
    except RayTaskError:
        raise  # a fault of ours, with its stack trace
    except RayError as error:
        raise EngineError(f"Ray broke off: {str(error).splitlines()[0]} What was finished before is kept.") from error
