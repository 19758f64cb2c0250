"""What it costs to keep pieces: stages with it and without, in turn, in one process.

    python benchmarks/keeping.py [--times 9]

Prints for each stage the median seconds of processor time with and without, and the median of their ratios, pair by pair.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import checkout  # noqa: F401
from faults import Trial, photographed, planted

from influencespace.engines import kept

STAGES = ("import", "proxy", "score", "effects", "verify")


def main() -> None:
    """Print a line a stage."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        built = {trial.name: trial for make in (photographed, planted) for trial in make(Path(folder))}
        print(f"{'stage':<10}{'with':<10}{'without':<10}ratio")
        for name in STAGES:
            pairs = [both(built[name], Path(folder) / "run", first=number % 2) for number in range(asked.times + 1)][1:]
            ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(with_it / without for with_it, without in pairs)
            print(f"{name:<10}{ours:<10.3f}{theirs:<10.3f}{ratio:.3f}", flush=True)


def both(trial: Trial, place: Path, first: int) -> tuple[float, float]:
    """Seconds with pieces kept and without; ``first`` says which is measured first."""
    found, every = {}, kept.EVERY
    for keeping in (first, 1 - first):
        kept.EVERY = every if keeping else math.inf
        kept._code.cache_clear()  # a run is a process of its own, which reads it once
        path = shutil.copytree(trial.template, place)
        began = time.process_time()
        trial.run(path)
        found[keeping] = time.process_time() - began
        shutil.rmtree(place)
    kept.EVERY = every
    return found[1], found[0]


if __name__ == "__main__":
    main()
