"""Engines: what computes the pieces of a stage. This process does by default; Ray does for those who outgrow it.

A stage whose work falls into independent pieces hands them to an :class:`Engine` and takes the results in their order, so
that it is the same function whichever computes, and a result never depends on how many workers there were.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from influencespace.engines.options import LOCAL, EngineOptions
from influencespace.options import Options

if TYPE_CHECKING:
    from influencespace.engines.kept import Pieces

__all__ = [
    "HERE", "LOCAL", "Engine", "EngineOptions", "Here", "Piece", "Run", "Share", "Tell", "Work", "common", "handed_over",
    "placed", "start",
]

# What comes of a piece: arrays and numbers by name.
Piece = dict[str, Any]
# Yields what comes of each of the pieces that it is given by number, in their order. An engine may send it to other
# processes, so that it is an object of a module, which holds all that it works on.
Work = Callable[[Iterable[int]], Iterator[Piece]]
Run = tuple[str, int]
Tell = Callable[..., None]
# ``share(tell)`` is a function that does one run; it says ``tell(name, seed, **values)`` on the way.
Share = Callable[[Tell], Callable[[str, int], None]]


class Engine(Protocol):
    """What computes.

    Attributes
    ----------
    remote
        Whether pieces are computed in other processes than this one.
    workers
        How many are computed at once.
    spared
        Seconds that computing took, in an earlier run, for what was kept of it and is not computed again.
    """

    remote: bool
    workers: int
    spared: float

    def map(self, work: Work, count: int) -> Iterator[Piece]:
        """What comes of the pieces 0 to ``count`` - 1, in this order, as they are finished.

        Raises
        ------
        InfluenceSpaceError
            Of the work itself; of the engine if a piece cannot be finished however often it is tried.
        """

    def once(self, step: str, make: Callable[[], Piece]) -> Piece:
        """What comes of a step that falls into no pieces: ``make()``, in this process, unless it is kept from before."""

    def runs(self, share: Share, wanted: list[Run], tell: Tell, folder: Path) -> Iterator[Run]:
        """Do long runs, each of which keeps what it has done in the workspace; yields the names of those that are finished.

        Parameters
        ----------
        share
            Makes what does a run; called once in every process.
        wanted
            In the order in which they are begun, as far as that is possible.
        tell
            Hears ``tell(name, seed, **values)`` of every run, here, and now and then ``tell(name, seed)`` as a sign of life;
            it may end the work.
        folder
            For what the engine itself has to write, where all processes find it.
        """


class Here:
    """The engine that is this process."""

    remote, workers, spared = False, 1, 0.0

    def map(self, work: Work, count: int) -> Iterator[Piece]:
        """See :meth:`Engine.map`."""
        return work(range(count))

    def once(self, step: str, make: Callable[[], Piece]) -> Piece:
        """See :meth:`Engine.once`."""
        return make()

    def runs(self, share: Share, wanted: list[Run], tell: Tell, folder: Path) -> Iterator[Run]:
        """See :meth:`Engine.runs`."""
        do = share(tell)
        for name, seed in wanted:
            do(name, seed)
            yield name, seed


HERE = Here()


@contextlib.contextmanager
def start(options: Options, pieces: Pieces | None = None) -> Iterator[Engine]:
    """The engine that the options ask for, for as long as the block lasts; this process where they ask for none.

    Parameters
    ----------
    pieces
        Where what comes of each piece is kept, so that it is not computed again if the stage is killed.

    Raises
    ------
    EngineError
        If Ray is not installed, or there is none at the address.
    """
    with contextlib.ExitStack() as held:
        engine: Engine = HERE
        if isinstance(options, EngineOptions) and options.engine != LOCAL:
            from influencespace.engines.ray_engine import connected

            engine = held.enter_context(connected(options))
        if pieces is not None:
            from influencespace.engines.kept import Keeping  # brings numpy along

            engine = Keeping(engine, pieces)
        yield engine


def placed(options: Options, where: EngineOptions | None) -> Options:
    """The options with the engine of ``where``, if they leave it open and there is one."""
    if where is None or not isinstance(options, EngineOptions) or options.engine != LOCAL:
        return options
    return replace(options, engine=where.engine, address=where.address, workers=where.workers)


def common(wanted: Iterable[Options]) -> EngineOptions | None:
    """The first engine but this process that any of the options asks for."""
    asked = (options for options in wanted if isinstance(options, EngineOptions) and options.engine != LOCAL)
    return next((EngineOptions(engine=o.engine, address=o.address, workers=o.workers) for o in asked), None)


def handed_over(where: EngineOptions | None) -> bool:
    """Whether stages as a whole go to a cluster that this machine does not belong to."""
    return where is not None and where.engine != LOCAL and str(where.address).startswith(("http://", "https://"))
