"""What Ray's workers take off embedding, agreement, scoring and training, and whether anything comes out otherwise.

    python benchmarks/scaling.py [--workspace DIR] [--workers 1 2] [--seeds 2]

On the demo (drawn when ``--workspace`` names none). Each stage runs in this process and then on a Ray of this machine with so
many workers, all of them started and warm; what starting costs has a row of its own. Ratios are seconds here in seconds
there, of one run on one machine. One thread a worker, and one here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import checkout  # noqa: F401
import numpy as np
import torch

from influencespace import engines
from influencespace.engines import EngineOptions, Piece
from influencespace.evaluation.stage import train_arms
from influencespace.features.stage import embed
from influencespace.influence.stage import score
from influencespace.progress import silent
from influencespace.proxy.stage import fit_proxies
from influencespace.stages import STAGES, build_demo, options_before
from influencespace.training.options import TrainOptions
from influencespace.workspace import Artifact, Workspace


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, help="a workspace of the demo, which is copied")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "demo"
        workspace = Workspace(shutil.copytree(given.workspace, place)) if given.workspace else build_demo(place)
        STAGES["plan"].run(workspace, options_before(workspace, STAGES["plan"]), silent)  # of this version
        arms = ("influence", "random", "agreement", "full")
        train = TrainOptions(arms=arms, seeds=given.seeds, learning_rate=1e-3, epochs=10)
        options = {name: options_before(workspace, STAGES[name]) for name in ("embed", "proxy", "score")} | {"train": train}
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before it began\n")
        print("| | " + " | ".join(["seconds here", *(f"{w} worker{'s' * (w > 1)}: seconds (ratio), difference"
                                                      for w in given.workers)]) + " |")
        print("|---|" + "---:|" * (1 + len(given.workers)))
        here = {name: timed(workspace, name, one) for name, one in options.items()}
        rows: dict[str, list[str]] = {name: [f"{seconds:.1f}"] for name, (seconds, _) in here.items()}
        started = ["0"]
        for workers in given.workers:
            began = time.perf_counter()
            with engines.start(EngineOptions(engine="ray", workers=workers)) as engine:
                list(engine.map(warm, workers))
                started.append(f"{time.perf_counter() - began:.1f}")
                for name, one in options.items():
                    seconds, found = timed(workspace, name, replace(one, engine="ray", workers=workers))
                    rows[name].append(f"{seconds:.1f} ({here[name][0] / seconds:.2f}), {difference(here[name][1], found):.1e}")
        for name, cells in {"start": started, **rows}.items():
            print(f"| {name} | " + " | ".join(cells) + " |")


def timed(workspace: Workspace, name: str, options: object) -> tuple[float, dict[str, np.ndarray]]:
    """The seconds of a stage, and what it made."""
    began = time.perf_counter()
    artifact = RUN[name](workspace, options)
    return time.perf_counter() - began, MADE[name](artifact)


def train_anew(workspace: Workspace, options: TrainOptions) -> Artifact:
    """All runs, also those that were trained before."""
    return train_arms(workspace, options, fresh=True)


RUN: dict[str, Callable] = {"embed": embed, "proxy": fit_proxies, "score": score, "train": train_anew}
MADE: dict[str, Callable[[Artifact], dict[str, np.ndarray]]] = {
    "embed": lambda made: {name: np.array(made.array(name)) for name in ("image", "text")},
    "proxy": lambda made: {"agreement": np.array(made.array("agreement")), **made.tensors("models")},
    "score": lambda made: made.table("pairs").to_dict("series"),
    "train": lambda made: {"rank": made.table("ranks")["rank"], **made.table("curves")[["loss", "recall"]].to_dict("series")},
}


def difference(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> float:
    """The largest difference of two numbers, in the largest number of what it is of."""
    def of(name: str) -> float:
        a, b = (np.asarray(side[name], dtype=np.float64) for side in (ours, theirs))
        return float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-300))

    return max(of(name) for name in ours)


def warm(pieces: Iterable[int]) -> Iterator[Piece]:
    """Has a worker import what all of them need."""
    for _ in pieces:
        import influencespace.stages  # noqa: F401

        time.sleep(2)  # so that no worker does the part of another
        yield {"threads": torch.get_num_threads()}


if __name__ == "__main__":
    main()
