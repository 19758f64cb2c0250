"""Preview of plans: how long one curve takes, for every target along the reduction ratio.

    python benchmarks/preview.py [--clusters 100 1000] [--pairs 10000 100000 1000000] [--json PATH]

Scores and the model of the proxy's response are drawn at random, with 8 targets and 32 directions as in the product: what is
timed is what a move of a slider costs, from the options and the decisions to the gains at 19 ratios. Medians of 15 moves; the
processor's own time is what the clock would say on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import checkout  # noqa: F401
import numpy as np

from influencespace.curation.inputs import PlanInputs
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import RATIOS, Response, curve

TARGETS, DIRECTIONS, REFERENCES, MOVES = 8, 32, 12, 15
# A decision on one cluster of the drawn ones, as on a page.
DECISIONS = {"clusters": {"0.0": "prune", "1.0": "up-weight"}}


def drawn_inputs(clusters: int, pairs: int, draw: np.random.Generator) -> PlanInputs:
    """Pairs in clusters of unequal sizes, every tenth the near-duplicate of another."""
    sizes = draw.pareto(2.0, clusters) + 0.2
    member = np.concatenate([np.arange(clusters), draw.choice(clusters, pairs - clusters, p=sizes / sizes.sum())])
    scores = 0.02 * draw.standard_normal((clusters, TARGETS))[member] + 0.02 * draw.standard_normal((pairs, TARGETS))
    targets = [{"name": "overall", "attribute": None, "loss": 2.0, "loss_error": 0.01}] + [
        {"name": f"group={i}", "attribute": "group", "loss": 2 + 0.1 * i, "loss_error": 0.02} for i in range(TARGETS - 1)
    ]
    sets = np.arange(pairs)
    sets[draw.choice(pairs, pairs // 10, replace=False)] = draw.choice(pairs, pairs // 10)
    return PlanInputs(
        np.array([f"pair-{i}" for i in range(pairs)], dtype=object),
        Members.of(np.array([f"{c}.0" for c in member], dtype=object), member),
        scores, draw.standard_normal(pairs), sets, targets,
    )


def drawn_response(clusters: int, draw: np.random.Generator) -> Response:
    """A response with curvatures that are positive definite."""
    def bends(count: int) -> np.ndarray:
        factor = draw.standard_normal((count, DIRECTIONS, DIRECTIONS)) / DIRECTIONS
        return (factor @ factor.swapaxes(1, 2)).astype(np.float32)

    def slopes(*shape: int) -> np.ndarray:
        return 0.01 * draw.standard_normal(shape).astype(np.float32)

    return Response(
        slopes(clusters, DIRECTIONS), bends(clusters), slopes(DIRECTIONS), np.eye(DIRECTIONS, dtype=np.float32),
        slopes(TARGETS, DIRECTIONS), bends(TARGETS), draw.dirichlet(np.ones(clusters), REFERENCES).astype(np.float32),
        slopes(REFERENCES, TARGETS),
    )


def measured(clusters: int, pairs: int) -> dict[str, float]:
    """Milliseconds of one curve by the clock and by the processor, medians of the moves of a slider."""
    draw = np.random.default_rng(0)
    inputs, response = drawn_inputs(clusters, pairs, draw), drawn_response(clusters, draw)
    seconds = []
    for move in range(MOVES):
        options = PlanOptions(cap=1 + 0.5 * move, fairness=0.1 * move)
        began = time.perf_counter(), time.process_time()
        curve(response, inputs, DECISIONS, options, RATIOS)
        seconds.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    clock, processor = (round(1000 * statistics.median(column), 1) for column in zip(*seconds, strict=True))
    return {"milliseconds": clock, "processor_milliseconds": processor}


def main() -> None:
    """Print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--json", type=Path, help="Write the rows there.")
    arguments = parser.parse_args()
    rows = [
        {"clusters": clusters, "pairs": pairs, **measured(clusters, pairs)}
        for clusters in arguments.clusters for pairs in arguments.pairs
    ]
    print("| clusters | pairs | milliseconds | of the processor |\n|---|---|---|---|")
    for row in rows:
        print("| {clusters:,} | {pairs:,} | {milliseconds:.1f} | {processor_milliseconds:.1f} |".format(**row))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
