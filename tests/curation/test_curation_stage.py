import numpy as np
import pytest
from engine_cases import PAIRS, SMALL, copied_workspace, shared_workspace

from influencespace.curation.options import PlanOptions
from influencespace.curation.stage import plan_subset
from influencespace.errors import PlanError
from influencespace.workspace import NEEDS


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def unrolled(runs):
    return [value for value, count in runs for _ in range(count)]


def test_pruned_pairs_are_the_planted_mismatches(tmp_path_factory):
    for aligned in (False, True):
        workspace, wrong = shared_workspace(tmp_path_factory, aligned)
        weight = workspace.artifact("plan").table("pairs")["weight"].to_numpy()
        assert (weight == 0).sum() == 48
        assert wrong[weight == 0].mean() > 0.9
        assert wrong[weight > 1].mean() <= wrong[weight > 0].mean() < wrong.mean() / 2


def test_the_document_rebuilds_the_plan_exactly(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    artifact, document = workspace.artifact("plan"), workspace.artifact("plan").json("plan")
    table, pairs = artifact.table("pairs"), workspace.artifact("pairs").table("pairs")
    kept = table["weight"].to_numpy() > 0
    ids = pairs["id"][pairs["split"] == "train"].to_numpy()
    assert document["ids"] == ids[kept].tolist()
    weights = np.array(unrolled(document["weights"]), dtype=np.float32)
    assert np.array_equal(weights, table["weight"].to_numpy()[kept])
    assert unrolled(document["dispositions"]) == table["disposition"][kept].tolist()
    members = workspace.artifact("clusters").table("members")["cluster"]
    assert unrolled(document["members"]) == members[kept].tolist()
    assert (document["pairs"], document["kept"]) == (PAIRS["train"], kept.sum())
    assert document["options"] == SMALL["plan"].recipe()
    assert document["inputs"] == {name: workspace.artifact(name).digest for name in NEEDS["plan"]}
    assert set(document["clusters"]) == set(members)


def test_its_facts_count(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    disposition = workspace.artifact("plan").table("pairs")["disposition"]
    assert workspace.artifact("plan").facts == {
        "pairs": 240, "kept": 192, "removed": 48, "up_weighted": int((disposition == "up-weight").sum()), "notes": []
    }


def test_every_cluster_has_a_disposition_and_its_reason(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    table = workspace.artifact("plan").table("clusters")
    members = workspace.artifact("clusters").table("members")["cluster"]
    assert sorted(table["cluster"]) == sorted(set(members))
    assert table["reason"].str.len().min() > 10 and not table["decided"].any()
    assert (table["pairs"] == members.value_counts()[table["cluster"]].to_numpy()).all()
    assert table["kept"].sum() == 192


def test_the_same_plan_again_is_the_same_bytes(workspace):
    files = ("pairs.parquet", "clusters.parquet", "plan.json")
    before = [(workspace.path / "plan" / file).read_bytes() for file in files]
    plan_subset(workspace, SMALL["plan"])
    assert [(workspace.path / "plan" / file).read_bytes() for file in files] == before


def test_decisions_win_and_are_named_as_the_reason(workspace):
    worst = workspace.artifact("plan").table("clusters")["cluster"].iloc[0]
    workspace.decide({"clusters": {worst: "up-weight"}})
    plan_subset(workspace, PlanOptions(reduction=0.2, cap=3.0))
    own = (workspace.artifact("clusters").table("members")["cluster"] == worst).to_numpy()
    table = workspace.artifact("plan").table("pairs")
    assert (table["weight"][own] == 3).all() and (table["weight"] == 0).sum() == 48
    row = workspace.artifact("plan").table("clusters").set_index("cluster").loc[worst]
    assert row["decided"] and row["reason"] == "decided by you" and row["disposition"] == "up-weight"


def test_notes_reach_facts_and_document(workspace):
    workspace.decide({"topics": {"0": "keep", "1": "keep", "2": "keep", "3": "keep"}})
    plan_subset(workspace, SMALL["plan"])
    notes = ["0 pairs are removed instead of 48: only so many are left when those kept by hand stay."]
    assert workspace.artifact("plan").facts["notes"] == workspace.artifact("plan").json("plan")["notes"] == notes


def test_a_decision_that_cannot_be_followed_leaves_the_old_plan(workspace):
    before = workspace.artifact("plan").record
    workspace.decide({"clusters": {"99.0": "keep"}})
    with pytest.raises(PlanError, match=r"'99\.0' among the clusters"):
        plan_subset(workspace, PlanOptions(reduction=0.5))
    assert workspace.artifact("plan").record == before


def test_fairness_moves_the_plan_toward_the_group_served_worst(workspace):
    def weight_of(fairness):
        plan_subset(workspace, PlanOptions(fairness=fairness, agreement=0.0))
        return workspace.artifact("plan").table("pairs")["weight"].to_numpy()

    targets = workspace.artifact("scores").json("targets")
    scores = workspace.artifact("scores").table("pairs")
    worse, better = sorted(targets[1:], key=lambda t: -t["loss"])
    leaning = scores[worse["name"]].to_numpy() - scores[better["name"]].to_numpy()
    plain, fair = weight_of(0.0), weight_of(5.0)
    sure = (worse["loss"] - better["loss"]) ** 2 / 2 > (worse["loss_error"] ** 2 + better["loss_error"] ** 2) / 2
    gained = np.average(leaning, weights=fair) - np.average(leaning, weights=plain)
    assert gained > 0 if sure else gained == 0
