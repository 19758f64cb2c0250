"""Curation from a shell: decisions by name, one step back and forth, names, and two versions compared."""

import json

import pytest
from engine_cases import copied_workspace
from shell_cases import accepted, refused, shell

from influencespace.curation.history import History
from influencespace.curation.measured import remember
from influencespace.training.options import TrainOptions
from influencespace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def told(workspace, *arguments):
    """What a command printed."""
    return accepted(shell(*arguments, "--workspace", workspace.path)).stdout


def answer(workspace, *arguments):
    """Its JSON."""
    return json.loads(told(workspace, *arguments, "--json", "-"))


def test_a_decision_is_a_step_that_can_be_taken_back_and_made_again(workspace):
    text = told(workspace, "decide", "clusters", "0.1", "prune")
    assert text.startswith("Version 2: cluster 0.1: prune") and text.endswith(
        f"Next: python -m influencespace plan --workspace {workspace.path}\n"
    )
    told(workspace, "decide", "pairs", workspace.artifact("pairs").table("pairs")["id"].iloc[0], "2.5")
    assert workspace.decisions()["pairs"] and workspace.decisions()["clusters"] == {"0.1": "prune"}
    assert answer(workspace, "undo")["version"]["decisions"] == {"clusters": {"0.1": "prune"}}
    first = answer(workspace, "undo")
    assert (first["version"]["id"], first["plan"], workspace.decisions()) == (1, "current", {})
    refused(shell("undo", "--workspace", workspace.path), "There is no step to take back")
    assert answer(workspace, "redo")["version"]["id"] == 2 and answer(workspace, "redo")["plan"] == "stale"
    refused(shell("redo", "--workspace", workspace.path), "There is no step to make again")
    assert answer(workspace, "decide", "clusters", "0.1", "none")["version"]["decisions"].keys() == {"pairs"}
    assert History(workspace).head().what == "cluster 0.1: decision taken back"


@pytest.mark.parametrize(("arguments", "words"), [
    (("clusters", "99.0", "keep"), ("'99.0' among the clusters", "none of that name")),
    (("pairs", "nobody", "keep"), ("'nobody' among the pairs",)),
    (("topics", "0", "drop"), ("A decision is keep, prune, up-weight, a weight or none", "'drop'")),
    (("topics", "0", "500"), ("no weight above 0 and up to 100",)),
])
def test_a_decision_that_cannot_be_followed_is_refused_and_no_step(workspace, arguments, words):
    refused(shell("decide", *arguments, "--workspace", workspace.path), *words)
    assert len(History(workspace).versions()) == 1


def test_the_plan_follows_and_its_options_are_a_step(workspace):
    told(workspace, "decide", "clusters", "0.1", "prune")
    told(workspace, "plan")
    assert workspace.state("plan") == "current" and workspace.artifact("plan").json("decisions") == workspace.decisions()
    told(workspace, "plan", "--reduction", "0.3", "--floor", "0.1")
    head = History(workspace).head()
    assert head.parent == 2 and head.options.floor == 0.1 and head.what.startswith("reduction ratio 20 % to 30 %")
    assert answer(workspace, "undo")["plan"] == "stale"
    told(workspace, "plan")
    assert workspace.artifact("plan").record["options"]["reduction"] == 0.2 and History(workspace).head().id == 2


def test_versions_are_listed_named_and_returned_to(workspace):
    told(workspace, "decide", "topics", "0", "keep")
    told(workspace, "name", "for review")
    told(workspace, "name", "plain", "--version", "1")
    refused(shell("name", "plain", "--workspace", workspace.path), "Version 1 is called 'plain' already")
    assert "[plain] the beginning" in told(workspace, "return", "plain")
    lines = told(workspace, "history").splitlines()
    assert [line[:3] for line in lines] == ["  2", "* 1"] and "[for review] topic 0: keep" in lines[0]
    assert "reduction ratio 20 %" in lines[0] and lines[0].endswith("1 decision)") and lines[1].endswith("0 decisions)")
    listed = answer(workspace, "history")
    assert listed["head"] == 1 and [version["name"] for version in listed["versions"]] == ["for review", "plain"]
    refused(shell("return", "nowhere", "--workspace", workspace.path), "There is no version 'nowhere'")


def test_two_versions_are_compared_in_words_and_as_json(workspace):
    figure = {"mean": 41.0, "low": 40.0, "high": 42.0}
    arms = [{"arm": "influence", "recall": {"R@10": {"both": figure}}, "gaps": {}}]
    with workspace.write("training", TrainOptions()) as draft:
        draft.json("results", {"decides": "R@10", "seeds": [0], "arms": arms, "differences": []})
    remember(workspace)
    best = workspace.artifact("plan").table("clusters")["cluster"].iloc[-1]
    told(workspace, "decide", "clusters", best, "prune")
    text = told(workspace, "compare", "1", "2")
    found = answer(workspace, "compare", "1", "2")
    alone = len(found["only_a"]), len(found["only_b"])
    assert f"A keeps 192 and B 192 of 240 pairs: both {found['both']:,}, A alone {alone[0]}, B alone {alone[1]}" in text
    assert found["both"] + alone[0] == 192 == found["b"]["kept"] and best in [row["cluster"] for row in found["clusters"]]
    assert f"  {best:>6}  " in text and "Predicted fall of the validation loss" in text and "  overall  " in text
    assert "Measured for A, R@10: influence 41.00 [40.00, 42.00]" in text and found["b"]["measured"] is None
    assert found["a"]["measured"]["recall"] == {"influence": figure}
    ids = set(workspace.artifact("pairs").table("pairs")["id"])
    assert ids.issuperset(found["only_a"] + found["only_b"] + found["reweighted"])


def test_without_scores_there_is_nothing_to_compare(workspace, tmp_path):
    Workspace(tmp_path / "empty", create=True)
    refused(shell("compare", "1", "1", "--workspace", tmp_path / "empty"), "has no pairs yet")
    assert "the beginning" in accepted(shell("history", "--workspace", tmp_path / "empty")).stdout
