"""The engine beside its peers: one model, one set of pairs, clusters and targets, and the truth from retraining.

    python benchmarks/peers.py [--features backbone] [--json PATH] [--workspaces DIR]

Needs the packages of benchmarks/requirements.txt, and real photos with planted damage, found through the environment variable
INFLUENCESPACE_LAB. 50 clusters by k-means of image and text features; what taking each out does to three validation losses is
known from retraining without it. A peer's scores of pairs become its prediction for a cluster as influence functions say: the
scores, less their mean because the loss is a mean, are summed and divided by the number of pairs. Seconds are the processor's on
one thread, for all clusters and all targets, the model given. Every method runs in a fresh process; its memory is the peak above
what was there when pairs, model and packages had been loaded (Linux only).
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import peer_methods
import torch
from engine import ABSENT, PLAIN, Case, closeness, lab_is_there, one_thread, open_case, retraining_effects, timed
from verification import FEATURES

from influencespace.influence.optimum import Optimum, TargetLosses
from influencespace.influence.options import EffectOptions
from influencespace.influence.removal import RemovalEffects
from influencespace.influence.scores import slopes

PACKAGES = ("kronfluence", "dattri", "captum")
CLIP_SCORE = "mean CLIP score"
FIGURES = ("spearman", "pearson", "slope")


@dataclass(frozen=True)
class Given:
    """What every method is given."""

    case: Case
    optimum: Optimum
    losses: TargetLosses
    member: np.ndarray
    checkpoints: torch.Tensor

    @property
    def clusters(self) -> np.ndarray:
        """The numbers of the clusters."""
        return np.arange(self.member.max() + 1)


@dataclass(frozen=True)
class Method:
    """A way to say what removing each cluster does.

    Attributes
    ----------
    name
        In the table.
    predict
        From what is given, (clusters, targets).
    package
        What it imports.
    scaled
        Whether it says how large an effect is. If not, it has no slope.
    """

    name: str
    predict: Callable[[Given], np.ndarray]
    package: str = "influencespace"
    scaled: bool = True


def of_pairs(scores: Callable[[Given], np.ndarray]) -> Callable[[Given], np.ndarray]:
    """A prediction for clusters from (n, targets) scores of pairs."""
    def predict(given: Given) -> np.ndarray:
        found = scores(given)
        return cluster_sums(found - found.mean(0), given.member) / len(found)
    return predict


def cluster_sums(scores: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(clusters, targets): sums over the pairs of each cluster of (n, targets) scores."""
    return np.stack([np.bincount(member, column) for column in scores.T], 1)


def cluster_mean(scores: np.ndarray, given: Given) -> np.ndarray:
    """(clusters, targets): the mean over the pairs of each cluster of (n,) scores, the same for all targets."""
    mean = cluster_sums(scores[:, None], given.member) / np.bincount(given.member)[:, None]
    return np.repeat(mean, len(given.case.targets), 1)


def gradient_product(given: Given) -> np.ndarray:
    """(n, targets): the product of the gradients of pair and target."""
    model = given.optimum.model
    return slopes(model, given.optimum.batches, given.losses.gradients(model), "anchor")


def removal(given: Given) -> np.ndarray:
    """(clusters, targets): the engine's removal effects."""
    return RemovalEffects(given.optimum, given.losses).of_clusters(given.member, given.clusters, EffectOptions().steps)


def first_order(given: Given) -> np.ndarray:
    """(clusters, targets): the engine's first-order influence."""
    return RemovalEffects(given.optimum, given.losses).first_order(given.member, len(given.clusters))


METHODS = {method.name: method for method in (
    Method("InfluenceSpace, removal effect", removal),
    Method("InfluenceSpace, first order", first_order),
    Method("kronfluence 1.0.1, EK-FAC",
           of_pairs(lambda g: peer_methods.kronfluence(g.optimum, g.losses, "ekfac")), "kronfluence"),
    Method("kronfluence 1.0.1, identity",
           of_pairs(lambda g: peer_methods.kronfluence(g.optimum, g.losses, "identity")), "kronfluence", scaled=False),
    Method("dattri 0.3.0, CG", of_pairs(lambda g: peer_methods.dattri(g.optimum, g.losses)), "dattri"),
    Method("captum 0.9.0, TracInCP",
           of_pairs(lambda g: peer_methods.captum(g.optimum, g.losses, g.checkpoints)), "captum", scaled=False),
    Method("gradient product", of_pairs(gradient_product), scaled=False),
    Method(CLIP_SCORE, lambda g: cluster_mean(g.case.cosine, g), scaled=False),
    Method("mean cross-fitted agreement", lambda g: cluster_mean(g.case.agreement, g), scaled=False),
)}


def prepare(case: Case, folder: Path) -> tuple[np.ndarray, float]:
    """Fit the model and cluster the pairs for all methods; the truth (clusters, targets), and the seconds that it took."""
    optimum, member = case.optimum(case.ridge, 0), case.spaces(0)[PLAIN]
    checkpoints = peer_methods.checkpoints_of(optimum).numpy()
    for name, array in (("checkpoints", checkpoints), ("prior", optimum.prior.numpy()), ("member", member)):
        np.save(folder / f"{name}.npy", array)
    return timed(lambda: retraining_effects(optimum, case.losses(0), member))


def given_to_all(case: Case, folder: Path) -> Given:
    """What :func:`prepare` left."""
    checkpoints, prior = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("checkpoints", "prior"))
    batches = case.pairs.batches(case.pairs.train, case.proxy.batch_size, 0)
    optimum = Optimum(batches, checkpoints[-1], prior, case.ridge)
    return Given(case, optimum, case.losses(0), np.load(folder / "member.npy"), checkpoints)


def measure(name: str, case: str, workspaces: Path, folder: Path) -> tuple[np.ndarray, dict]:
    """The prediction of a method, and its seconds and memory; to be run in a process of its own."""
    one_thread()
    torch.manual_seed(0)
    given, method = given_to_all(open_case(case, workspaces), folder), METHODS[name]
    load_package(method.package)
    # What loading has freed goes back to the system, or the method could fill it unseen.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, began = memory("VmRSS"), time.perf_counter()
    predicted, seconds = timed(lambda: method.predict(given))
    cost = {"seconds": seconds, "wall_seconds": time.perf_counter() - began, "peak_mib": (memory("VmHWM") - before) / 2**20}
    return predicted, cost


def load_package(name: str) -> None:
    """Import what a method will import, so that it is not measured."""
    for module in {"kronfluence": ("kronfluence.analyzer",), "captum": ("captum.influence",),
                   "dattri": ("dattri.algorithm.influence_function", "dattri.func.hessian", "dattri.task")}.get(name, ()):
        importlib.import_module(module)


def memory(what: str) -> int:
    """Bytes of this process in memory now (VmRSS), or at most since it was last reset (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith(what)).split()[1])


def rows_of(method: Method, case: Case, truth: np.ndarray, predicted: np.ndarray, cost: dict) -> list[dict]:
    """One row a target."""
    rows = []
    for q, target in enumerate(case.targets):
        found = closeness(truth[:, q], predicted[:, q])
        figures = {name: found[name] for name in FIGURES} | ({} if method.scaled else {"slope": None})
        rows.append({"method": method.name, "target": target.name} | figures | cost)
    return rows


def table(rows: list[dict]) -> str:
    """One line a method, the figures of the targets side by side; "x" is its time in that of the first method."""
    shown = [row for row in rows if "failed" not in row]
    lines = [f"Figures of {' / '.join(dict.fromkeys(row['target'] for row in shown))}.", "",
             "| method | Spearman | Pearson | slope | seconds | x | peak MiB |", "|---|---|---|---|---|---|---|"]
    for name in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == name]
        if "failed" in own[0]:
            lines.append(f"| {name} | did not run: {own[0]['failed']} | | | | | |")
            continue
        figures = [" / ".join(f"{row[figure]:.3f}" for row in own if row[figure] is not None) or "no scale" for figure in FIGURES]
        seconds, peak = own[0]["seconds"], own[0]["peak_mib"]
        lines.append(f"| {name} | {' | '.join(figures)} | {seconds:.2f} | {seconds / shown[0]['seconds']:.1f} | {peak:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure all methods and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", choices=list(FEATURES), default="backbone")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--workspaces", type=Path, help="folder that keeps the workspace; by default a temporary one")
    given = parser.parse_args()
    if not lab_is_there():
        print(ABSENT)
        return
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        print(f"Not installed: {', '.join(missing)}. Install the peers with: pip install -r benchmarks/requirements.txt. "
              "Nothing was measured.")
        return
    one_thread()
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        temporary, name = Path(folder), FEATURES[given.features]
        workspaces = given.workspaces or temporary
        case = open_case(name, workspaces)
        truth, seconds = prepare(case, temporary)
        for method in (METHODS[name] for name in given.methods):
            if method.name == CLIP_SCORE and case.cosine is None:
                print(f"{CLIP_SCORE}: these features are of no aligned encoder; the cross-fitted agreement stands for it.")
                continue
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                try:
                    found = pool.submit(measure, method.name, name, workspaces, temporary).result()
                    rows += rows_of(method, case, truth, *found)
                # A peer that does not run here is a row that says so.
                except Exception as error:
                    rows.append({"method": method.name, "failed": f"{type(error).__name__}: {error}"})
            print(rows[-1], file=sys.stderr, flush=True)
    print(table(rows))
    print(f"Retraining without each cluster: {seconds:.1f} s.")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
