"""Stages that are killed at random moments: all is readable, going on gives the same, and little is computed twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).parents[2] / "benchmarks" / "faults.py"


def killed(tmp_path, *arguments):
    """What the benchmark counts, in a process that has no threads of these tests."""
    result = tmp_path / "faults.json"
    subprocess.run([sys.executable, FAULTS, *arguments, "--json", result], check=True, timeout=1500)
    return {row["stage"]: row for row in json.loads(result.read_text())}


def unharmed(rows):
    assert all(row["readable"] == row["same"] == row["runs"] for row in rows.values()), rows
    assert rows["embed"]["most_twice"] <= 16  # one batch


def test_embedding_that_is_killed_goes_on_after_the_last_whole_batch(tmp_path):
    unharmed(killed(tmp_path, "--runs", "4", "--stages", "embed"))


@pytest.mark.slow
def test_every_stage_is_killed_a_hundred_times_in_all(tmp_path):
    rows = killed(tmp_path, "--runs", "100")
    unharmed(rows)
    assert sum(row["runs"] for row in rows.values()) == 100 and sum(row["killed"] for row in rows.values()) > 60
    assert rows["train"]["most_twice"] <= 1  # one epoch
