"""The whole road on Ray, from the import to the export, as a person gives the command: every artifact is that of one process."""

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from influencespace.pairs.demo import write_demo
from influencespace.workspace import NEEDS, Workspace

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (requirements-ray.txt)")
ROOT = Path(__file__).parents[2]
TIMES = re.compile(
    r"bytes|second|efficiency|convergence|energy|joules|created|version|digest|sha256|inputs|engine|workers|address"
)

SMALL = (
    "--repeats", 2, "--dimensions", 16, "--topics", 5, "--strata", 2, "--arms", "influence", "--arms", "random", "--seeds", 2,
    "--learning-rate", 1e-3, "--epochs", 5,
)


def run(*arguments, folder):
    """One command in a process of its own, on one thread as each of Ray's workers has."""
    command = [sys.executable, "-m", "influencespace", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=3000, check=False,
    )
    (folder / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]


def road(demo, folder, *engine):
    """Import to export into a workspace."""
    folder.mkdir()
    run(
        "run", demo.train, "--workspace", folder / "w", "--validation", demo.heldout, "--groups", "person:woman,man",
        "--encoder", demo.encoder, *SMALL, *engine, folder=folder,
    )
    run("effects", "--workspace", folder / "w", folder=folder)
    run("export", "--workspace", folder / "w", "--output", folder / "subset.jsonl", folder=folder)
    return Workspace(folder / "w")


def close(ours, theirs, where):
    """The same but for the rounding of float32, and for times."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            if not TIMES.search(str(key)):
                close(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, np.ndarray) and ours.dtype == object:
        close(list(ours), list(theirs), where)
    elif isinstance(ours, list) and not all(isinstance(one, int | float) for one in ours):
        assert len(ours) == len(theirs), where
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            close(one, other, f"{where}[{number}]")
    elif isinstance(ours, pd.DataFrame):
        close({name: ours[name].to_numpy() for name in ours}, {name: theirs[name].to_numpy() for name in theirs}, where)
    elif isinstance(ours, float) and math.isnan(ours):
        assert math.isnan(theirs), where
    elif isinstance(ours, float | list) or (isinstance(ours, np.ndarray) and ours.dtype.kind == "f"):
        size = np.nanmax(np.abs(np.asarray(ours, dtype=float)), initial=0.0)
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5 * size, err_msg=where)
    else:
        assert np.array_equal(ours, theirs), where


def content(file):
    """What a file of an artifact holds; None of files whose content a table beside them says."""
    readers = {
        ".parquet": pd.read_parquet, ".npy": np.load, ".safetensors": load_file,
        ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    }
    return readers[file.suffix](file)


@pytest.mark.slow
def test_every_artifact_of_the_road_is_that_of_this_process(tmp_path):
    demo = write_demo(tmp_path / "demo", pairs=300, heldout=120)
    here = road(demo, tmp_path / "here")
    there = road(demo, tmp_path / "there", "--engine", "ray", "--workers", 2)
    made = [name for name in NEEDS if (here.path / name).exists()]
    assert {"pairs", "features", "proxy", "clusters", "scores", "plan", "training"} <= set(made)
    for name in made:
        ours, theirs = (sorted(file.name for file in (w.path / name).iterdir()) for w in (here, there))
        assert ours == theirs, name
        for file in ours:
            close(content(here.path / name / file), content(there.path / name / file), f"{name}/{file}")
    kept = [(tmp_path / place / "subset.jsonl").read_text(encoding="utf-8") for place in ("here", "there")]
    close(*([json.loads(line) for line in text.splitlines()] for text in kept), "subset.jsonl")
