"""Every trainer, from a workspace to a table of arms, through the shell."""

from __future__ import annotations

import json

import pytest
from shell_cases import ENCODER, QUICK, accepted, shell, write_pairs

from influencespace.workspace import Workspace

FEW = ("--arms", "influence", "--arms", "full", "--seeds", "1", "--epochs", "2", "--batch", "16")


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    pairs, workspace = write_pairs(folder, 80), folder / "w"
    given = ("--workspace", workspace)
    accepted(shell("import", pairs, *given))
    accepted(shell("embed", "--encoder", ENCODER, *given))
    accepted(shell("proxy", *QUICK[:4], *given))
    accepted(shell("cluster", *QUICK[4:], *given))
    accepted(shell("plan", *given))
    return workspace


@pytest.mark.parametrize("more", [("clip",), ("clip", "--adapter", "lora")], ids=" ".join)
def test_arms_are_trained_and_compared(scored, more):
    result = json.loads(accepted(shell("train", "--trainer", *more, *FEW, "--workspace", scored, "--json", "-")).stdout)
    assert [arm["arm"] for arm in result["arms"]] == ["influence", "full"]
    assert result["settings"]["trainer"] == more[0] and result["settings"]["chosen"]["epochs"] == 2
    curves = Workspace(scored).artifact("training").table("curves")
    assert sorted(curves["arm"].unique()) == ["full", "influence"] and curves["epoch"].max() == 2
    influence, full = result["arms"]
    assert influence["pairs"] < full["pairs"] and full["seconds"]["training"] > 0
    recalls = [arm["recall"]["R@1"]["both"]["mean"] for arm in result["arms"]]
    assert all(0 <= recall <= 100 for recall in recalls)
