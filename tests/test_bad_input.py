"""What bad input gets: a clear sentence with the place, an exit code, and a workspace that is as it was."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from shell_cases import (
    ENCODER,
    QUICK,
    accepted,
    fingerprint,
    groups,
    refused,
    shell,
    write_embeddings,
    write_pairs,
)

from influencespace.workspace import Workspace

STAGES = ("embed", "proxy", "cluster", "score", "plan")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A workspace that has come as far as a plan."""
    folder = tmp_path_factory.mktemp("planned")
    source = write_embeddings(folder / "pairs", gender=groups(80))
    workspace = folder / "workspace"
    accepted(shell("import", source, "--workspace", workspace, "--groups", "gender"))
    plan(workspace)
    return workspace


@pytest.fixture
def unharmed(planned):
    """The planned workspace, which must be the same after the test, byte for byte."""
    before = fingerprint(planned)
    yield planned
    assert fingerprint(planned) == before
    assert all(Workspace(planned).state(name) == "current" for name in ("pairs", "features", "scores", "plan"))


def plan(workspace):
    accepted(shell("proxy", "--workspace", workspace, *QUICK[:4]))
    accepted(shell("cluster", "--workspace", workspace, *QUICK[4:]))
    return accepted(shell("plan", "--workspace", workspace))


def rewrite(table, change):
    """Change the records of a table in place."""
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    change(rows)
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return table


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.csv", "empty.parquet", "empty.json"])
def test_an_empty_file_is_named(unharmed, tmp_path, name):
    (tmp_path / name).touch()
    refused(shell("import", tmp_path / name, "--workspace", unharmed), str(tmp_path / name), "empty")


def test_a_file_that_is_not_there_is_named(unharmed, tmp_path):
    refused(shell("run", tmp_path / "gone.csv", "--workspace", unharmed), str(tmp_path / "gone.csv"))


def test_a_missing_column_is_named_beside_those_there_are(unharmed, tmp_path):
    table = write_pairs(tmp_path, 12)
    refused(shell("import", table, "--workspace", unharmed, "--caption-column", "alt"), str(table), "'alt'", "image")
    refused(shell("import", table, "--workspace", unharmed, "--groups", "gender"), str(table), "gender")


def test_bad_rows_are_left_out_with_their_place_and_reason(tmp_path):
    table = write_pairs(tmp_path, 40, key=[f"k{i}" for i in range(40)])
    Image.effect_noise((64, 64), 80).convert("RGB").save(tmp_path / "images" / "cut.jpg")
    whole = (tmp_path / "images" / "cut.jpg").read_bytes()
    (tmp_path / "images" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "images" / "nothing.jpg").touch()
    # 400 megapixels in a file of 50 kB.
    Image.new("1", (20_000, 20_000)).save(tmp_path / "images" / "bomb.png")

    def damage(rows):
        rows[3]["image"], rows[5]["image"], rows[7]["image"] = "images/cut.jpg", "images/nothing.jpg", "images/bomb.png"
        rows[9]["caption"] = "a word " * 14_286  # 100,002 characters
        rows[11]["key"] = "k2"

    rewrite(table, damage)
    read = table.read_bytes()
    result = accepted(shell("import", table, "--workspace", tmp_path / "w", "--id-column", "key", "--json", "-"))
    problems = pd.read_parquet(tmp_path / "w" / "pairs" / "problems.parquet").sort_values("row")
    assert list(zip(problems["row"], problems["problem"], problems["action"], strict=True)) == [
        (4, "unreadable image", "left out"), (6, "unreadable image", "left out"), (8, "oversized image", "left out"),
        (10, "overlong caption", "left out"), (12, "repeated id", "left out"),
    ]
    for row in (4, 6, 8, 10, 12):
        assert f"{table} row {row}: " in result.stderr
    assert "0 bytes" in result.stderr
    counts = json.loads(result.stdout)["stages"][0]["facts"]["counts"]
    assert sum(counts.values()) == 35
    assert table.read_bytes() == read
    # The rest goes on.
    accepted(shell("embed", "--workspace", tmp_path / "w", "--encoder", ENCODER))


def test_one_pair_is_too_few(unharmed, tmp_path):
    table = write_pairs(tmp_path, 1)
    refused(shell("import", table, "--workspace", unharmed), str(table))


def test_one_training_pair_beside_held_out_photos_is_too_few(tmp_path):
    source = write_embeddings(tmp_path / "one", 1)
    heldout = write_embeddings(tmp_path / "heldout", 20, seed=1)
    workspace = tmp_path / "w"
    accepted(shell("import", source, "--validation", heldout, "--workspace", workspace))
    accepted(shell("embed", "--workspace", workspace))
    before = fingerprint(workspace)
    refused(shell("plan", "--workspace", workspace), "too few")
    assert fingerprint(workspace) == before


def test_fewer_pairs_than_clusters_make_fewer_clusters(tmp_path):
    source = write_embeddings(tmp_path / "few", 30)
    workspace = tmp_path / "w"
    accepted(shell("import", source, "--workspace", workspace))
    accepted(shell("proxy", "--workspace", workspace, *QUICK[:4]))
    accepted(shell("cluster", "--workspace", workspace, "--topics", "100", "--strata", "20"))
    accepted(shell("plan", "--workspace", workspace))
    made = Workspace(workspace).artifact("plan")
    pairs, clusters = made.table("pairs"), made.table("clusters")
    assert len(pairs) == 24
    assert made.facts["removed"] == 5  # 20 % of 24, met to the pair
    assert clusters["pairs"].sum() == 24
    assert (clusters["pairs"] > 0).all()


def test_one_group_leaves_the_overall_target_and_says_why_there_are_no_gaps(tmp_path):
    source = write_embeddings(tmp_path / "one", 60, gender=["woman"] * 60)
    workspace = tmp_path / "w"
    accepted(shell("import", source, "--workspace", workspace, "--groups", "gender"))
    plan(workspace)
    assert Workspace(workspace).artifact("scores").json("targets")[0]["name"] == "overall"
    result = accepted(shell("train", "--workspace", workspace, "--seeds", "1", "--arms", "full", "--json", "-"))
    gap = json.loads(result.stdout)["arms"][0]["gaps"]["gender"]["gap"]
    assert gap["mean"] == 0
    assert "fewer than two" in gap["why"]
    assert "gender: no gaps, because fewer than two" in result.stderr


def test_a_constant_feature_is_no_obstacle(tmp_path):
    source = write_embeddings(tmp_path / "constant", 40)
    file = source / "img_emb" / "img_emb_0.npy"
    image = np.load(file)
    image[:, 2] = 1
    np.save(file, image)
    accepted(shell("import", source, "--workspace", tmp_path / "w"))
    plan(tmp_path / "w")
    assert np.isfinite(Workspace(tmp_path / "w").artifact("scores").table("pairs").to_numpy()).all()


def test_features_that_are_all_the_same_say_so(tmp_path):
    source = write_embeddings(tmp_path / "same", 40)
    np.save(source / "text_emb" / "text_emb_0.npy", np.ones((40, 5), dtype=np.float16))
    workspace = tmp_path / "w"
    accepted(shell("import", source, "--workspace", workspace))
    accepted(shell("embed", "--workspace", workspace))
    before = fingerprint(workspace)
    refused(shell("plan", "--workspace", workspace), "same")
    assert fingerprint(workspace) == before


def test_embeddings_that_are_not_finite_are_left_out(tmp_path):
    source = write_embeddings(tmp_path / "nan", 40)
    file = source / "text_emb" / "text_emb_0.npy"
    text = np.load(file)
    text[4, 1], text[6, 0] = np.nan, np.inf
    np.save(file, text)
    result = accepted(shell("import", source, "--workspace", tmp_path / "w"))
    problems = pd.read_parquet(tmp_path / "w" / "pairs" / "problems.parquet")
    assert sorted(zip(problems["row"], problems["problem"], strict=True)) == [
        (5, "unusable embedding"), (7, "unusable embedding"),
    ]
    assert "row 5: unusable embedding" in result.stdout


def test_embeddings_of_another_length_than_the_metadata_are_refused(unharmed, tmp_path):
    source = write_embeddings(tmp_path / "short", 40)
    file = source / "img_emb" / "img_emb_0.npy"
    np.save(file, np.load(file)[:39])
    refused(shell("import", source, "--workspace", unharmed), str(source), "39", "40")


def test_a_workspace_that_may_not_be_written_is_refused(unharmed, monkeypatch):
    real = os.access
    # Whoever runs the tests may be allowed to write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False if path == unharmed else real(path, mode))
    refused(shell("plan", "--workspace", unharmed, "--reduction", "0.5"), str(unharmed), "permission denied")


def test_a_workspace_where_none_can_be_made_is_refused(tmp_path):
    table = write_pairs(tmp_path, 12)
    refused(shell("import", table, "--workspace", table / "w"), str(table / "w"), "cannot be created")
    refused(shell("import", table, "--workspace", tmp_path), str(tmp_path), "is no workspace")


def test_a_second_process_is_told_that_the_workspace_is_taken(unharmed):
    hold = "import sys\nfrom influencespace.workspace import Workspace\nwith Workspace(sys.argv[1]).lock():\n" \
           "    print('held', flush=True)\n    sys.stdin.read()"
    first = subprocess.Popen(
        [sys.executable, "-c", hold, str(unharmed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ENCODER.parents[1],
    )
    with first:
        assert first.stdout.readline() == "held\n"
        refused(shell("plan", "--workspace", unharmed, "--reduction", "0.5"), str(unharmed), "written by process")
        accepted(shell("status", "--workspace", unharmed))
        first.stdin.close()
    assert accepted(shell("plan", "--workspace", unharmed)).stdout.startswith("plan: current")


def test_an_option_that_cannot_be_is_refused_before_anything_is_done(unharmed):
    wrong = {"plan": ("--reduction", 1.5), "cluster": ("--topics", 0), "proxy": ("--ridge", -1), "train": ("--arms", "best")}
    for name, (flag, value) in wrong.items():
        result = shell(name, flag, value, "--workspace", unharmed)
        assert result.exit_code == 2
        assert flag in result.stderr
    refused(shell("import", "x.csv", "--workspace", unharmed, "--filter", "split"), "--filter", "COLUMN=VALUE")


def test_same_inputs_and_seed_make_the_same_plan_byte_for_byte(tmp_path, planned):
    source = planned.parent / "pairs"
    again = tmp_path / "again"
    accepted(shell("import", source, "--workspace", again, "--groups", "gender"))
    plan(again)
    for name in ("pairs.parquet", "clusters.parquet", "plan.json"):
        assert (again / "plan" / name).read_bytes() == (planned / "plan" / name).read_bytes()
    for workspace, file in ((planned, "one.jsonl"), (again, "two.jsonl")):
        accepted(shell("export", "--workspace", workspace, "--output", tmp_path / file))
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
