"""Stages that are killed: all is readable, going on gives the same, and little is computed twice."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from encoder_cases import make_encoder, make_photos, make_table

from influencespace.features.encoder import Encoder
from influencespace.features.options import EmbedOptions
from influencespace.features.stage import embed
from influencespace.integrity import listing
from influencespace.options import Options
from influencespace.workspace import Workspace

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PHOTOS, BATCH = 18, 4


@pytest.mark.parametrize("done", [BATCH, 3 * BATCH, PHOTOS + BATCH])
def test_embedding_that_is_killed_in_a_batch_computes_that_batch_again_and_no_other(tmp_path, monkeypatch, done):
    """Killed where it costs most: a batch is computed, and not yet kept."""
    workspace = Workspace(tmp_path / "w", create=True)
    with workspace.write("pairs", Options()) as draft:
        captions = [f"a red dog runs {i}" for i in range(PHOTOS)]
        draft.table("pairs", make_table(make_photos(tmp_path / "photos", PHOTOS), captions))
    options = EmbedOptions(encoder=str(make_encoder("clip", tmp_path / "encoder")), batch_size=BATCH, device="cpu")
    begun = tmp_path / "begun"

    def counting(original):
        def counted(self, batch):
            with begun.open("a") as file:
                file.write(f"{len(batch)}\n")
            return original(self, batch)

        return counted

    for name in ("embed_photos", "embed_captions"):
        monkeypatch.setattr(Encoder, name, counting(getattr(Encoder, name)))

    def killed():
        kept = 2 + -(-done // BATCH)  # the two trials of loading an encoder, and the batches before

        def dying(self, *arguments, original=Encoder._embed):
            found = original(self, *arguments)
            if len(begun.read_text().split()) > kept:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        Encoder._embed = dying
        embed(workspace, options)

    process = multiprocessing.get_context("fork").Process(target=killed)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert workspace.state("pairs") == "current" and workspace.state("features") == "missing" and workspace.check() == {}
    embed(workspace, options)
    computed = sum(map(int, begun.read_text().split())) - 4  # less the trials of two loads
    assert 2 * PHOTOS < computed <= 2 * PHOTOS + BATCH
    resumed = listing(workspace.path / "features")
    embed(workspace, options)
    assert listing(workspace.path / "features") == resumed


@pytest.mark.slow
def test_every_stage_is_killed_a_hundred_times_in_all(tmp_path):
    result = tmp_path / "faults.json"
    subprocess.run([sys.executable, BENCHMARKS / "faults.py", "--runs", "100", "--json", result], check=True, timeout=2400)
    rows = {row["stage"]: row for row in json.loads(result.read_text())}
    assert sum(row["runs"] for row in rows.values()) == 100 and sum(row["killed"] for row in rows.values()) > 90
    assert all(row["readable"] == row["same"] == row["runs"] for row in rows.values()), rows
    assert rows["embed"]["most_twice"]["embedded"] <= 16  # one batch
    assert all(rows[name]["most_twice"]["epochs"] <= 1 for name in ("train", "ablate"))


@pytest.mark.slow
def test_the_app_is_killed_at_random_moments_and_nothing_that_a_page_has_told_of_is_lost(tmp_path):
    result = tmp_path / "faults.json"
    subprocess.run([sys.executable, BENCHMARKS / "faults_app.py", "--runs", "6", "--json", result], check=True, timeout=1200)
    found = json.loads(result.read_text())
    assert found.pop("acts") > 20 and found.pop("versions") > 10 and found.pop("work") > 1
    assert set(found.values()) == {6}, found
