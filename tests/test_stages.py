import shutil
from dataclasses import replace

import numpy as np
import pytest
from engine_cases import PAIRS, SMALL, copied_workspace, planted_folder, planted_import, planted_workspace, shared_workspace

from influencespace import stages
from influencespace.curation.options import PlanOptions
from influencespace.errors import PairsError, PlanError, WorkspaceError
from influencespace.influence.options import ScoreOptions
from influencespace.progress import Cancelled
from influencespace.proxy.options import ProxyOptions
from influencespace.stages import STAGES, options_before, run_stages
from influencespace.training.options import TrainOptions
from influencespace.workspace import MADE_BY, NEEDS, Workspace


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def states(workspace):
    return {name: workspace.state(name) for name in NEEDS}


def records(workspace):
    return {name: found.record for name in NEEDS if (found := workspace.find(name))}


def test_the_list_is_in_the_order_of_what_stages_need():
    made = []
    for stage in STAGES.values():
        assert set(NEEDS[stage.artifact]) <= set(made)
        made.append(stage.artifact)
    assert set(made) == set(NEEDS)
    assert {stage.artifact: stage.name for stage in STAGES.values()} == MADE_BY


def test_the_whole_road_makes_all_that_it_was_asked_for(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    assert states(workspace) == dict.fromkeys(NEEDS, "current") | dict.fromkeys(("training", "ablations"), "missing")
    members = workspace.artifact("clusters").table("members")
    assert len(members) == PAIRS["train"]
    strata = workspace.artifact("clusters").table("clusters")
    assert strata["pairs"].sum() == PAIRS["train"] and strata["pairs"].min() >= 8
    # Within a topic, strata go from what fits worst to what fits best.
    assert all(group["agreement"].is_monotonic_increasing for _, group in strata.sort_values("stratum").groupby("topic"))


def test_planted_topics_are_found_and_named(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    topics = workspace.artifact("clusters").table("topics")
    words = {"dog", "boat", "cake", "train"}
    assert {next(iter(words & set(row))) for row in topics["keywords"]} == words


def test_what_is_current_is_not_made_again(workspace):
    before = records(workspace)
    assert run_stages(workspace, SMALL) == []
    assert records(workspace) == before


def test_importing_unchanged_files_again_leaves_all_after_it_current(workspace):
    source = options_before(workspace, STAGES["import"])
    assert run_stages(workspace, {"import": source} | SMALL) == ["import"]
    assert states(workspace) == dict.fromkeys(NEEDS, "current") | dict.fromkeys(("training", "ablations"), "missing")


def test_importing_changed_files_makes_everything_anew(tmp_path):
    planted_folder(tmp_path / "source")
    workspace = Workspace(tmp_path / "w", create=True)
    wanted = {"import": planted_import(tmp_path / "source"), "embed": SMALL["embed"], "proxy": SMALL["proxy"]}
    assert run_stages(workspace, wanted) == ["import", "embed", "proxy"]
    shutil.rmtree(tmp_path / "source")
    planted_folder(tmp_path / "source", seed=1)
    assert run_stages(workspace, {"import": wanted["import"]}) == ["import"]
    assert workspace.state("features") == workspace.state("proxy") == "stale"
    assert run_stages(workspace, wanted) == ["import", "embed", "proxy"]


def test_other_options_run_that_stage_and_leave_what_comes_after_stale(workspace):
    assert run_stages(workspace, {"score": replace(SMALL["score"], estimand="full")}) == ["score"]
    assert workspace.state("scores") == "current" and workspace.state("plan") == "stale"
    assert workspace.artifact("scores").record["options"]["estimand"] == "full"


def test_what_is_stale_in_between_is_made_with_the_options_it_had(workspace):
    other = replace(SMALL["proxy"], seed=7)
    assert run_stages(workspace, {"proxy": other, "plan": SMALL["plan"]}) == ["proxy", "cluster", "score", "plan"]
    assert options_before(workspace, STAGES["score"]) == SMALL["score"]
    assert options_before(workspace, STAGES["cluster"]) == SMALL["cluster"]
    assert options_before(workspace, STAGES["proxy"]) == other


def test_what_is_missing_in_between_is_made_with_the_defaults(workspace):
    shutil.rmtree(workspace.path / "scores")
    assert run_stages(workspace, {"plan": SMALL["plan"]}) == ["score", "plan"]
    assert options_before(workspace, STAGES["score"]) == ScoreOptions()


def test_options_that_change_nothing_of_what_comes_out_run_nothing(workspace):
    assert run_stages(workspace, {"proxy": replace(SMALL["proxy"], device="cpu")}) == []


def test_a_decision_makes_a_new_plan_only(workspace):
    cluster = workspace.artifact("plan").table("clusters")["cluster"].iloc[-1]
    workspace.decide({"clusters": {cluster: "prune"}})
    assert run_stages(workspace, SMALL) == ["plan"]
    own = (workspace.artifact("clusters").table("members")["cluster"] == cluster).to_numpy()
    assert (workspace.artifact("plan").table("pairs")["weight"].to_numpy()[own] == 0).all()


def test_a_stage_without_pairs_says_what_to_do_first(tmp_path):
    workspace = Workspace(tmp_path / "w", create=True)
    with pytest.raises(WorkspaceError, match=r"has no pairs yet.*influencespace import"):
        run_stages(workspace, {"plan": PlanOptions()})


def test_an_error_keeps_what_was_made_before_it_and_the_older_artifact_of_its_stage(workspace):
    plan = workspace.artifact("plan").record
    workspace.decide({"clusters": {"99.0": "prune"}})
    with pytest.raises(PlanError, match=r"99\.0"):
        run_stages(workspace, {"proxy": replace(SMALL["proxy"], seed=3), "plan": SMALL["plan"]})
    assert all(workspace.state(name) == "current" for name in ("proxy", "clusters", "scores"))
    assert workspace.artifact("plan").record == plan and workspace.state("plan") == "stale"


def test_an_import_that_fails_changes_nothing(workspace):
    before = records(workspace)
    with pytest.raises(PairsError):
        run_stages(workspace, {"import": planted_import(workspace.path / "absent"), "plan": PlanOptions(reduction=0.5)})
    assert records(workspace) == before and states(workspace)["plan"] == "current"


def test_a_stage_that_fails_in_the_middle_leaves_no_draft(workspace, monkeypatch):
    before, names = records(workspace), sorted(path.name for path in workspace.path.iterdir())

    def fails(*args, **how):
        raise RuntimeError("half-way")

    monkeypatch.setattr("influencespace.influence.stage._level", fails)
    with pytest.raises(RuntimeError, match="half-way"):
        run_stages(workspace, {"score": replace(SMALL["score"], damping=5.0)})
    assert records(workspace) == before
    assert set(path.name for path in workspace.path.iterdir()) - set(names) <= {".lock"}
    monkeypatch.undo()
    assert run_stages(workspace, {"score": replace(SMALL["score"], damping=5.0)}) == ["score"]


def test_a_cancelled_stage_keeps_the_stages_before_it(workspace):
    def cancel(done, total, what):
        if what == "scoring pairs":
            raise Cancelled

    old = workspace.artifact("scores").digest
    with pytest.raises(Cancelled):
        run_stages(workspace, {"proxy": replace(SMALL["proxy"], seed=3), "plan": SMALL["plan"]}, cancel)
    assert workspace.state("proxy") == workspace.state("clusters") == "current"
    assert workspace.artifact("scores").digest == old and workspace.state("scores") == "stale"
    assert run_stages(workspace, {"plan": SMALL["plan"]}) == ["score", "plan"]


def test_a_workspace_that_is_held_is_not_touched(workspace):
    before = records(workspace)
    with (
        Workspace(workspace.path).lock(),
        pytest.raises(WorkspaceError, match=r"is being written by process \d+ on .*; wait until it is done, or cancel it"),
    ):
        run_stages(workspace, {"plan": PlanOptions(reduction=0.5)})
    assert records(workspace) == before


def test_the_lock_is_free_after_an_error(workspace, monkeypatch):
    monkeypatch.setitem(stages.STAGES, "plan", replace(STAGES["plan"], run=lambda *how: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        run_stages(workspace, {"plan": PlanOptions(reduction=0.5)})
    with workspace.lock():
        pass


def test_a_damaged_artifact_is_made_again_when_it_is_asked_for(workspace):
    record = workspace.path / "scores" / "artifact.json"
    record.write_text(record.read_text()[:40])
    with pytest.raises(WorkspaceError, match=r"artifact\.json.*made again by: python -m influencespace score"):
        workspace.artifact("scores")
    assert run_stages(workspace, {"score": SMALL["score"]}) == ["score"]
    assert workspace.state("scores") == workspace.state("plan") == "current"


def test_a_training_needs_a_plan_and_makes_it(workspace, monkeypatch):
    def train(held, options, progress):
        assert held.state("plan") == "current"
        with held.write("training", options):
            return None

    monkeypatch.setitem(stages.STAGES, "train", replace(STAGES["train"], run=train))
    wanted = {"cluster": replace(SMALL["cluster"], topics=3), "train": TrainOptions()}
    assert run_stages(workspace, wanted) == ["cluster", "score", "plan", "train"]
    assert run_stages(workspace, wanted) == []
    workspace.decide({"topics": {"0": "keep"}})
    assert run_stages(workspace, wanted) == ["plan", "train"]


@pytest.mark.parametrize("options", [ProxyOptions(folds=3, repeats=1, dimensions=5, batch_size=50), SMALL["proxy"]])
def test_a_road_is_the_same_every_time(workspace, options):
    def made():
        shutil.rmtree(workspace.path / "proxy")
        run_stages(workspace, SMALL | {"proxy": options})
        table = workspace.artifact("plan").table("pairs")
        return workspace.artifact("scores").table("pairs").to_numpy(), table["weight"].to_numpy()

    for first, again in zip(made(), made(), strict=True):
        assert np.array_equal(first, again)


@pytest.mark.parametrize("pairs", [4, 5, 9])
def test_a_handful_of_pairs_is_enough_for_a_plan(tmp_path, monkeypatch, pairs):
    monkeypatch.setitem(PAIRS, "train", pairs)
    workspace, _ = planted_workspace(tmp_path)
    weight = workspace.artifact("plan").table("pairs")["weight"].to_numpy()
    assert np.isfinite(weight).all() and (weight == 0).sum() == round(0.2 * pairs)
    assert workspace.artifact("clusters").table("members")["cluster"].tolist() == ["0.0"] * pairs
