"""How time and memory of an export grow with the number of pairs, format by format.

    python benchmarks/export.py [--pairs 100000 1000000] [--photos 20000 60000] [--formats coco ...] [--folder DIR]

Makes a workspace of pairs with captions of 60 characters and two further columns, all kept, and writes it in every format.
Formats without photos take ``--pairs``; those with photos ``--photos`` pairs, each with one of 1,000 JPEGs of about 33 kB.
Every export runs in a fresh process: seconds, the processor's seconds (which others on the machine do not change), the size of
what is written, and by how much the peak of the process's own memory, without mapped files, is above what it was before
(RssAnon in /proc/self/status, so on Linux only).
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import checkout  # noqa: F401
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from influencespace.artifact import Draft
from influencespace.export.options import FILES, FOLDERS, ExportOptions
from influencespace.export.sidecar import beside
from influencespace.export.subset import export_subset
from influencespace.options import Options
from influencespace.workspace import Workspace

BLOCK, TOPICS, PHOTOS, SIDE = 50_000, 200, 1000, 160
WORDS = np.array(["a", "the", "dog", "cat", "child", "street", "runs", "sits", "red", "blue", "near", "under", "with", "tree"])


def fabricate(folder: Path, n: int, photos: bool) -> Workspace:
    """A workspace with a plan that keeps all of ``n`` pairs, written block by block."""
    folder.mkdir()
    files = _photos(folder) if photos else []
    made = Workspace(folder / "W", create=True)
    with made.write("pairs", Options()) as draft:
        _table(draft, "pairs", (_pairs(start, min(BLOCK, n - start), files) for start in range(0, n, BLOCK)))
        draft.facts["source"] = str(folder / "pairs.parquet")
    for name in ("features", "proxy"):
        with made.write(name, Options()):
            pass
    numbers = np.arange(n) % TOPICS
    names = [f"{topic}.0" for topic in range(TOPICS)]
    with made.write("clusters", Options()) as draft:
        draft.table("members", pd.DataFrame({"topic": numbers, "cluster": pd.Categorical.from_codes(numbers, names).astype(str)}))
        draft.table("clusters", pd.DataFrame({"cluster": names, "topic": range(TOPICS), "name": "dogs, trees"}))
        draft.table("topics", pd.DataFrame({"topic": range(TOPICS), "name": "dogs, trees"}))
    with made.write("scores", Options()):
        pass
    with made.write("plan", Options()) as draft:
        weights = (1 + numbers / TOPICS).astype(np.float32)
        draft.table("pairs", pd.DataFrame({"weight": weights, "disposition": "keep"}))
        draft.table("clusters", pd.DataFrame({"cluster": names, "reason": "helps all groups", "disposition": "keep"}))
        draft.json("plan", {"format": 1, "pairs": n, "kept": n, "ids": [f"{i:032x}" for i in range(n)]})
        draft.facts = {"pairs": n, "kept": n, "removed": 0, "up_weighted": n, "notes": []}
    return made


def _photos(folder: Path) -> list[Path]:
    rng, files = np.random.default_rng(0), []
    for number in range(PHOTOS):
        files.append(folder / f"{number}.jpg")
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)).save(files[-1], quality=95)
    return files


def _table(draft: Draft, name: str, blocks) -> None:
    writer = None
    for block in blocks:
        table = pa.Table.from_pandas(block, preserve_index=False)
        writer = writer or pq.ParquetWriter(draft.folder / f"{name}.parquet", table.schema)
        writer.write_table(table)
    writer.close()


def _pairs(start: int, count: int, files: list[Path]) -> pd.DataFrame:
    rng, rows = np.random.default_rng(start), np.arange(start, start + count)
    captions = [" ".join(words) for words in WORDS[rng.integers(0, len(WORDS), (count, 14))]]
    return pd.DataFrame({
        "id": [f"{int(high):016x}{row:016x}" for high, row in zip(rng.integers(0, 2**63, count), rows, strict=True)],
        "row": rows + 1, "image": [f"photos/{row}.jpg" for row in rows],
        "image_path": pd.array([str(files[row % PHOTOS]) if files else None for row in rows], dtype="str"),
        "caption": captions, "photo": [f"{row:032x}" for row in (rows % PHOTOS if files else rows)], "split": "train",
        "group.gender_words": np.where(rows % 2, "male", "female"), "meta.width": rng.random(count),
    })


def measure(workspace: Path, form: str, output: Path) -> dict:
    """One export, in the process that calls."""
    options = ExportOptions(form, str(output))
    before, done = own_memory(), threading.Event()
    peak = [before]

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], own_memory())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began, busy = time.perf_counter(), time.process_time()
    export_subset(Workspace(workspace), options)
    row = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
    done.set()
    watcher.join()
    written = [file for file in output.parent.rglob("*") if file.is_file() and file != beside(output)]
    size = sum(file.stat().st_size for file in written)
    return row | {"mb": size / 1e6, "peak": (peak[0] - before) / 1e6}


def own_memory() -> int:
    """Bytes of this process in memory that no file backs."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--photos", type=int, nargs="+", default=[20_000, 60_000])
    parser.add_argument("--formats", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    print("| format | pairs | seconds | processor's seconds | written, MB | peak memory above the start, MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        cases = [(n, form) for form in arguments.formats for n in (arguments.photos if form in FOLDERS else arguments.pairs)]
        made = {}
        for n, form in cases:
            key = (n, form in FOLDERS)
            if key not in made:
                made[key] = fabricate(Path(folder) / f"{n}-{form}", n, form in FOLDERS).path
            with tempfile.TemporaryDirectory(dir=folder) as output, ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"),
            ) as pool:
                row = pool.submit(measure, made[key], form, Path(output) / FILES[form]).result()
            figures = f"{row['seconds']:.1f} | {row['cpu']:.1f} | {row['mb']:.0f} | {row['peak']:.0f}"
            print(f"| {form} | {n:,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
