"""Plans and their preview: how long it takes from a decision or a slider to all that the page Curate shows.

    python benchmarks/preview.py [--clusters 100 1000] [--pairs 10000 100000 1000000] [--json PATH]

Scores and the model of the proxy's response are drawn at random, with 8 targets and 32 directions as in the product: what is
timed is what a step costs: resolving the decisions, the order of all pairs, the same as a browser wants it, one plan, and the
gains at 96 ratios and 9 caps. A drag of the ratio or the cap costs none of these. Medians of 15 steps, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401
import numpy as np

from influencespace.curation.inputs import PlanInputs
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.order import browser_order
from influencespace.curation.plan import plan_of
from influencespace.curation.preview import Response, grid

TARGETS, DIRECTIONS, REFERENCES, MOVES = 8, 32, 12, 15
PARTS = {
    "decisions": "decisions", "order": "order of pairs", "browser": "for the browser", "plan": "plan",
    "predictions": "predictions",
}
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
    """Milliseconds of each part by the clock, medians of the moves."""
    draw = np.random.default_rng(0)
    inputs, response = drawn_inputs(clusters, pairs, draw), drawn_response(clusters, draw)
    seconds: dict[str, list[float]] = {part: [] for part in PARTS}

    def timed(part: str, made: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = made()
        seconds[part].append(time.perf_counter() - began)
        return result

    for move in range(MOVES):
        options = PlanOptions(cap=1 + 0.5 * move, fairness=0.1 * move, floor=0.05)
        decided = timed("decisions", lambda: inputs.decided(DECISIONS))
        own = timed("order", lambda decided=decided, options=options: inputs.standing(decided, options))
        timed("browser", lambda own=own, decided=decided: browser_order(own, decided))
        timed("plan", lambda own=own, decided=decided, options=options: plan_of(own, decided, options))
        timed("predictions", lambda own=own, decided=decided: grid(response, own, decided))
    return {part: round(1000 * statistics.median(column), 1) for part, column in seconds.items()}


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
    print("| clusters | pairs | " + " | ".join(PARTS.values()) + " |\n" + "|---" * (2 + len(PARTS)) + "|")
    for row in rows:
        print(f"| {row['clusters']:,} | {row['pairs']:,} | " + " | ".join(f"{row[part]:.1f}" for part in PARTS) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
