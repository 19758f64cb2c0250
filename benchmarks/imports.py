"""What importing costs: time and peak memory, with sources that are written here and read by a process of their own.

    python benchmarks/imports.py                  200,000 members of shards, and 1,000,000 rows of DataComp metadata
    python benchmarks/imports.py --shards 20000 --rows 100000
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records
from influencespace.pairs.stage import import_pairs
from influencespace.workspace import Workspace

SHARD, WIDTH = 10_000, 512
MIB = 2**20


def write_shards(folder: Path, members: int) -> None:
    """Shards as img2dataset writes them: three members a sample, each photo another."""
    for first in range(0, members // 3, SHARD):
        with tarfile.open(folder / f"{first // SHARD:05d}.tar", "w") as archive:
            for i in range(first, min(first + SHARD, members // 3)):
                photo = io.BytesIO()
                Image.new("RGB", (8, 8), (i % 256, i // 256 % 256, i // 65536)).save(photo, "PNG", compress_level=1)
                fields = b'{"url": "http://example.org/%d", "width": 8, "height": 8, "status": "success"}' % i
                for kind, data in (("png", photo.getvalue()), ("txt", b"caption number %d" % i), ("json", fields)):
                    member = tarfile.TarInfo(f"{i:09d}.{kind}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))


def write_datacomp(folder: Path, rows: int) -> None:
    """DataComp's metadata with b32 features of both sides."""
    rng = np.random.default_rng(0)
    for first in range(0, rows, 10 * SHARD):
        n = np.arange(first, min(first + 10 * SHARD, rows))
        stem = folder / f"{first:032x}"
        np.savez(stem.with_suffix(".npz"), **{f"b32_{side}": rng.standard_normal((len(n), WIDTH), np.float32).astype(np.float16)
                                              for side in ("img", "txt")})
        pd.DataFrame({
            "uid": [f"{i:032x}" for i in n], "url": [f"http://example.org/{i}.jpg" for i in n],
            "text": [f"caption number {i}" for i in n], "original_width": 640, "original_height": 480,
            "clip_b32_similarity_score": np.float32(0.25), "clip_l14_similarity_score": np.float32(0.2),
        }).to_parquet(stem.with_suffix(".parquet"))


def index(source: str, _: str) -> int:
    """The pass over the shards alone, without looking at their photos."""
    return len(read_records(source, Problems()))


def bring_in(source: str, workspace: str) -> int:
    """The whole import, into a workspace."""
    options = ImportOptions(source=source, holdout=0.01)
    return sum(import_pairs(Workspace(workspace, create=True), options, lambda *_: None).facts["counts"].values())


def most_memory() -> float:
    """What this process has taken at most so far, in MiB; as Linux says it, without what it was forked from."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def main() -> None:
    """Write the sources, read each in a process of its own, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=200_000, metavar="MEMBERS")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "SOURCE", "WORKSPACE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, *where = options.measure
        before, began = most_memory(), time.perf_counter()
        pairs = {"index": index, "import": bring_in}[what](*where)
        print(f"{pairs:,} | {time.perf_counter() - began:.1f} | {before:,.0f} | {most_memory():,.0f} |")
        return
    print("| source | bytes | what | pairs | seconds | MiB before | MiB at most |\n|---|---|---|---|---|---|---|")
    for name, write, size, steps in (
        (f"shards, {options.shards:,} members", write_shards, options.shards, ("index", "import")),
        (f"DataComp metadata, {options.rows:,} rows", write_datacomp, options.rows, ("import",)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "source"
            source.mkdir()
            write(source, size)
            taken = sum(file.stat().st_size for file in source.iterdir())
            for step in steps:
                command = [sys.executable, __file__, "--measure", step, str(source), f"{folder}/workspace"]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
                print(f"| {name} | {taken / MIB:,.0f} MiB | {step} | {said}", flush=True)


if __name__ == "__main__":
    main()
