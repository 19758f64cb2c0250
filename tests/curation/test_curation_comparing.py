"""Two versions compared with the plans themselves, and what was measured of them."""

import json

import numpy as np
import pytest
from engine_cases import SMALL, copied_workspace
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.comparing import compare_versions
from influencespace.curation.history import History
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.measured import measured, remember
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import Response, curve
from influencespace.curation.stage import plan_subset
from influencespace.errors import PlanError, WorkspaceError
from influencespace.training.options import TrainOptions

FIGURE = {"mean": 1.0, "low": 0.5, "high": 1.5}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Three versions: as the plan is, one without a cluster, and one of another ratio and cap."""
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path_factory.mktemp("compared") / "w")
    history = History(workspace)
    best = workspace.artifact("plan").table("clusters")["cluster"].iloc[-1]
    history.record("without it", SMALL["plan"], {"clusters": {best: "prune"}})
    history.record("more", PlanOptions(reduction=0.4, cap=2.0), {})
    return workspace


@given(st.sampled_from([1, 2, 3]), st.sampled_from([1, 2, 3]))
def test_pairs_are_told_apart_as_the_plans_say(workspace, one, other):
    found, inputs = compare_versions(workspace, one, other), PlanInputs.read(workspace)
    a, b = (
        inputs.plan(inputs.decided(version.decisions), version.options).weights
        for version in (History(workspace).version(id) for id in (one, other))
    )
    assert found.pairs == 240 and found.both == ((a > 0) & (b > 0)).sum()
    assert found.only_a.tolist() == [i for i in range(240) if a[i] > 0 == b[i]]
    assert found.only_b.tolist() == [i for i in range(240) if b[i] > 0 == a[i]]
    assert found.reweighted.tolist() == [i for i in range(240) if a[i] > 0 < b[i] and abs(a[i] - b[i]) >= 0.01]
    assert (found.a.kept, found.a.removed) == ((a > 0).sum(), (a == 0).sum()) and found.a.version.id == one


def test_clusters_whose_disposition_differs_are_listed_with_both(workspace):
    found = compare_versions(workspace, 1, 2)
    decided = History(workspace).version(2).decisions["clusters"]
    row = found.clusters.set_index("cluster").loc[next(iter(decided))]
    assert row["disposition_b"] == "prune" != row["disposition_a"] and row["kept_b"] == 0 < row["kept_a"] and row["name"]
    assert (found.clusters["disposition_a"] != found.clusters["disposition_b"]).all()
    assert compare_versions(workspace, 2, 2).clusters.empty


def test_predictions_are_those_of_the_curve_and_gaps_lie_between_groups(workspace):
    found, effects = compare_versions(workspace, 1, 3), workspace.artifact("effects")
    expected = curve(
        Response.read(effects), PlanInputs.read(workspace), {}, PlanOptions(cap=2.0), np.array([0.4])
    )[0]
    assert found.b.gains == pytest.approx(dict(zip(effects.facts["targets"], expected, strict=True)))
    losses = effects.facts["losses"]
    groups = [name for name in losses if name != "overall"]
    attribute = groups[0].split("=")[0]
    after = [losses[name] - found.b.gains[name] for name in groups]
    assert found.b.gaps == pytest.approx({attribute: max(after) - min(after)})
    assert found.gaps == pytest.approx({attribute: max(losses[name] for name in groups) - min(losses[name] for name in groups)})


def test_names_serve_too_and_what_is_no_version_is_an_error(workspace):
    History(workspace).name(3, "bold")
    assert compare_versions(workspace, "bold", 1).a.version.id == 3
    with pytest.raises(PlanError, match="There is no version 'timid'"):
        compare_versions(workspace, 1, "timid")


@pytest.fixture
def own(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def trained(workspace, recall):
    """An artifact of training as evaluation writes it, as far as the summary goes."""
    arms = [
        {
            "arm": arm, "recall": {"R@10": {"both": FIGURE | {"mean": value}}},
            "gaps": {"gender": {"gap": FIGURE | {"highest": "man"}}},
        }
        for arm, value in (("influence", recall), ("full", 40.0))
    ]
    differences = [
        {"arm": "influence", "against": against, "metric": metric} | FIGURE
        for against in ("full", "random") for metric in ("R@1", "R@10")
    ]
    with workspace.write("training", TrainOptions()) as draft:
        draft.json("results", {"decides": "R@10", "seeds": [0, 1], "arms": arms, "differences": differences})


def test_what_was_measured_is_remembered_and_found_at_its_version(own):
    trained(own, 41.0)
    remember(own)
    own.decide({"topics": {"0": "keep"}})
    plan_subset(own, PlanOptions(reduction=0.3))
    trained(own, 42.0)
    remember(own)
    first, second = sorted(measured(own), key=lambda one: one.recall["influence"]["mean"])
    assert (first.version, first.reduction, first.cap) == (1, 0.2, SMALL["plan"].cap)
    assert second.version == History(own).head().id and second.options == PlanOptions(reduction=0.3)
    assert second.metric == "R@10" and second.seeds == 2 and second.recall["influence"] == FIGURE | {"mean": 42.0}
    assert second.differences == {"influence": FIGURE} and second.gaps == {"gender": {"influence": FIGURE, "full": FIGURE}}
    found = compare_versions(own, 1, second.version)
    assert (found.a.measured, found.b.measured) == (first, second)


def test_a_training_from_before_counts_as_long_as_its_plan_is_there(own):
    assert measured(own) == []
    trained(own, 41.0)
    assert [one.version for one in measured(own)] == [1]
    plan_subset(own, PlanOptions(reduction=0.5))
    assert measured(own) == []


def test_a_measured_plan_of_other_scores_has_no_version(own):
    trained(own, 41.0)
    remember(own)
    scores = own.path / "scores" / "artifact.json"
    scores.write_text(json.dumps(json.loads(scores.read_text()) | {"digest": "other"}))
    assert [one.version for one in measured(own)] == [None]


def test_a_damaged_summary_is_an_error_that_names_the_file(own):
    own.store_measured("abc", {})
    (own.path / "measured" / "abc.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"abc\.json cannot be read"):
        measured(own)
