"""How time and memory grow with the number of pairs, stage by stage.

    python benchmarks/scale.py [--pairs 10000 100000 1000000] [--device cpu] [--threads 2] [--json PATH] [--folder DIR]

Draws 512-dimensional image and text features with structure (topics, concepts in them, each pair its own, noise) of which 15 %
are mismatched, writes them in blocks as float16 and reads them memory-mapped. 1,000 clusters, 8 targets (overall and seven
groups), default options otherwise. Every number of pairs is measured in a fresh process: seconds, the processor's seconds (which
others on the machine do not change), and the peak of the process's own memory, without mapped files (RssAnon in
/proc/self/status, so on Linux only).
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import checkout  # noqa: F401
import numpy as np
import torch

from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.tree import TopicSpace, cluster_ids, cut_strata, find_topics
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import make_plan
from influencespace.features.device import pick_device
from influencespace.influence.hierarchy import cluster_means, shrink
from influencespace.influence.options import ScoreOptions
from influencespace.influence.scores import half_anchors, influence_directions, unseen_slopes
from influencespace.influence.targets import make_targets, target_losses
from influencespace.pairs.views import HeldOut
from influencespace.proxy.crossfit import PreparedPairs, cross_fit
from influencespace.proxy.options import ProxyOptions

WIDTH, LATENT, TOPICS, CONCEPTS, GROUPS = 512, 64, 200, 4_000, 7
NOISE, MISMATCHED, VALIDATION = 5.0, 0.15, 5_000
BLOCK = 50_000
SUM = ("agreement", "solve", "scoring", "plan")


def draw(folder: Path, n: int, seed: int = 0) -> None:
    """Write ``image.npy`` and ``text.npy``, (n + validation, 512) float16, ``group.npy`` and ``wrong.npy``."""
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(TOPICS, LATENT))
    concepts = topics[rng.integers(0, TOPICS, CONCEPTS)] + rng.normal(size=(CONCEPTS, LATENT))
    views = rng.normal(size=(2, LATENT, WIDTH)) / math.sqrt(LATENT)
    total = n + VALIDATION
    concept, wrong = rng.integers(0, CONCEPTS, total), rng.random(total) < MISMATCHED
    wrong[n:] = False
    image, text = (np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, (total, WIDTH))
                   for name in ("image", "text"))
    for start in range(0, total, BLOCK):
        part = slice(start, min(start + BLOCK, total))
        shown = concepts[concept[part]] + rng.normal(size=(part.stop - start, LATENT))
        told = shown.copy()
        swapped = np.flatnonzero(wrong[part])
        told[swapped] = shown[np.roll(swapped, 1)]
        for file, latent, view in ((image, shown, views[0]), (text, told, views[1])):
            file[part] = latent @ view + NOISE * rng.normal(size=(len(latent), WIDTH))
    np.save(folder / "group.npy", (concept % GROUPS).astype(np.int8))
    np.save(folder / "wrong.npy", wrong)


@dataclass
class Meter:
    """Seconds and peak memory of what runs inside ``with meter(stage)``, one row a stage."""

    pairs: int
    device: torch.device
    rows: list[dict] = field(default_factory=list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        done, peak = threading.Event(), [own_memory()]

        def watch() -> None:
            while not done.wait(0.02):
                peak[0] = max(peak[0], own_memory())

        watcher = threading.Thread(target=watch, daemon=True)
        cuda = self.device.type == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        watcher.start()
        began, busy = time.perf_counter(), time.process_time()
        try:
            yield
            if cuda:
                torch.cuda.synchronize()
        finally:
            seconds, busy = time.perf_counter() - began, time.process_time() - busy
            done.set()
            watcher.join()
        row = {
            "pairs": self.pairs, "device": self.device.type, "threads": torch.get_num_threads(), "stage": stage,
            "seconds": round(seconds, 3), "cpu_seconds": round(busy, 3),
            "peak_gib": round(max(peak[0], own_memory()) / 2**30, 3),
        }
        if cuda:
            row["device_peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 3)
        self.rows.append(row)
        print(row, file=sys.stderr, flush=True)


def own_memory() -> int:
    """Bytes of this process in memory that no file backs."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])


def measure(folder: Path, n: int, device: str, threads: int) -> list[dict]:
    """The rows of one number of pairs."""
    torch.set_num_threads(threads)
    meter = Meter(n, pick_device(device))
    image, text = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("image", "text"))
    group, wrong = np.load(folder / "group.npy"), np.load(folder / "wrong.npy")[:n]
    rows = np.arange(n, n + VALIDATION)
    validation = HeldOut(rows, np.arange(VALIDATION), rows, {"group": group[n:].astype(str).astype(object)})
    targets = make_targets(validation, {"group": [str(g) for g in range(GROUPS)]})
    proxy, options, plan = ProxyOptions(), ScoreOptions(), PlanOptions()

    with meter("agreement"):
        pairs = PreparedPairs.prepare(
            image, text, np.arange(len(image)), np.arange(n), False, proxy.dimensions, proxy.seed, meter.device
        )
        fitted = cross_fit(pairs, proxy)
    meter.rows[-1]["mismatched_found"] = round(float(wrong[np.argsort(fitted.agreement)[: wrong.sum()]].mean()), 3)

    with meter("clustering"):
        space = TopicSpace(pairs.image.cpu().numpy(), pairs.text.cpu().numpy(), pairs.train)
        topics = find_topics(space, ClusterOptions(topics=TOPICS))
        clusters = cluster_ids(topics, cut_strata(topics, fitted.agreement, 5))
    del space

    proxies = [(r, f) for r in range(proxy.repeats) for f in range(proxy.folds)]
    with meter("solve"):
        anchors = half_anchors(targets, pairs.photo[rows], proxy.seed)
        solved = [influence_directions(pairs, fitted, which, rows, anchors, proxy, options) for which in proxies]

    with meter("scoring"):
        halves = np.zeros((2, n, len(targets)))
        for which, (directions, _) in zip(proxies, solved, strict=True):
            held, found = unseen_slopes(pairs, fitted, which, directions, proxy, options)
            halves[:, held] += found.reshape(len(held), 2, len(targets)).swapaxes(0, 1) / proxy.repeats / n
        means = cluster_means(halves, clusters)
        scores = shrink(halves, means)
    meter.rows[-1] |= shares(pairs, len(anchors), proxy, meter)

    losses = target_losses(targets, validation, np.mean([loss for _, loss in solved], axis=0))
    stored = [{"attribute": t.attribute, "loss": float(loss), "loss_error": float(error)}
              for t, loss, error in zip(targets, *losses, strict=True)]
    ids = np.arange(n).astype(str).astype(object)
    with meter("plan"):
        members = Members.of(clusters, topics)
        decided = resolve({}, ids, members)
        made = make_plan(scores, fitted.agreement, members, direction(stored, plan.fairness), decided, plan)
    meter.rows[-1]["mismatched_found"] = round(float(wrong[made.weights == 0].mean()), 3)
    return meter.rows


def shares(pairs: PreparedPairs, directions: int, proxy: ProxyOptions, meter: Meter) -> dict[str, float]:
    """What the scoring pass reaches of this machine's matrix products and copies, each measured alone.

    Counted are the products of :func:`influencespace.influence.scores.slopes`, and of memory the features, the logits and both
    softmaxes of a batch, and what the directions make of it, each written and read once.
    """
    kx, ky = pairs.image.shape[1], pairs.text.shape[1]
    passed, b = len(pairs.train) * proxy.repeats, proxy.batch_size
    products = passed * 2 * (kx * ky + b * ky + b * (kx + ky) + 2 * directions * kx * ky)
    moved = passed * 4 * 2 * ((kx + ky) + 3 * b + directions * (kx + ky))
    seconds = meter.rows[-1]["seconds"]
    rate, copied = ceilings(meter.device)
    return {
        "product_tflops": round(products / seconds / 1e12, 3), "product_share": round(products / seconds / rate, 3),
        "copy_gbs": round(moved / seconds / 1e9, 1), "copy_share": round(moved / seconds / copied, 3),
    }


def ceilings(device: torch.device) -> tuple[float, float]:
    """Float32 products of large matrices in operations a second, and copies in bytes a second (read and written)."""
    square, long = torch.randn(4096, 4096, device=device), torch.zeros(2**26, device=device)
    into = torch.empty_like(long)
    product = _seconds(lambda: square @ square, device)
    copy = _seconds(lambda: into.copy_(long), device)
    return 2 * 4096**3 / product, 2 * 4 * 2**26 / copy


def _seconds(function, device: torch.device, times: int = 5) -> float:
    best = math.inf
    for _ in range(times):
        began = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return best


def table(rows: list[dict]) -> str:
    """One line a stage; growth is the exponent between this number of pairs and the one before, of the processor's
    seconds, or on a GPU of the seconds."""
    lines = [f"{'pairs':>9} {'device':6} {'stage':18} {'seconds':>8} {'CPU s':>8} {'peak GiB':>8} {'growth':>6}"]
    before: dict[str, dict] = {}
    sizes = list(dict.fromkeys(row["pairs"] for row in rows))
    for n in sizes:
        own = [row for row in rows if row["pairs"] == n]
        parts = [row for row in own if row["stage"] in SUM]
        total = own[0] | {"stage": "all but clustering", "peak_gib": max(row["peak_gib"] for row in parts)}
        total |= {name: sum(row[name] for row in parts) for name in ("seconds", "cpu_seconds")}
        for row in (*own, total):
            growth = ""
            if last := before.get(row["stage"]):
                measured = "cpu_seconds" if row["device"] == "cpu" else "seconds"
                growth = f"{math.log(row[measured] / last[measured]) / math.log(n / last['pairs']):.2f}"
            before[row["stage"]] = row
            lines.append(f"{n:>9,} {row['device']:6} {row['stage']:18} {row['seconds']:>8.2f} {row['cpu_seconds']:>8.2f} "
                         f"{row['peak_gib']:>8.2f} {growth:>6}")
            if "product_share" in row:
                lines.append(f"{'':17}{100 * row['product_share']:.0f} % of the measured matrix products, "
                             f"{100 * row['copy_share']:.0f} % of the measured copies")
            if "mismatched_found" in row and row is not total:
                lines.append(f"{'':17}{100 * row['mismatched_found']:.0f} % of what it puts last is mismatched")
    return "\n".join(lines)


def main() -> None:
    """Draw, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help="where the features are drawn to; by default a temporary folder")
    given = parser.parse_args()
    rows: list[dict] = []
    for n in given.pairs:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            draw(Path(folder), n)
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                rows += pool.submit(measure, Path(folder), n, given.device, given.threads).result()
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
