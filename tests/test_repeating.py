"""A training is repeated from its record, with the same figures; what stands in the way is said."""

from __future__ import annotations

import json
import shutil

import pytest
from engine_cases import copied_workspace
from shell_cases import accepted, refused, shell

from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.errors import TrainingError
from influencespace.evaluation.stage import train_arms
from influencespace.repeating import repeat
from influencespace.training.options import TrainOptions
from influencespace.workspace import Workspace

OPTIONS = TrainOptions(arms=("influence", "random", "full"), seeds=2, seed=3, epochs=2, learning_rate=1e-2, device="cpu")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path_factory.mktemp("original") / "w")
    train_arms(workspace, OPTIONS)
    return workspace


@pytest.fixture
def trained(original, tmp_path):
    return Workspace(shutil.copytree(original.path, tmp_path / "w"))


def test_the_record_says_what_a_run_was_made_with(trained):
    record = trained.artifact("training").json("run")
    assert record["seeds"] == [3, 4] and record["device"]["kind"] == "cpu"
    assert record["stages"]["train"]["device"] == "cpu" and record["stages"]["plan"] == trained.artifact("plan").record["options"]
    assert record["digests"]["pairs"] == trained.artifact("pairs").digest
    assert {"influencespace", "code", "python", "torch", "numpy", "transformers"} <= record["versions"].keys()
    assert (record["settings"]["epochs"], record["settings"]["learning_rate"]) == (2, 1e-2)


def test_a_run_is_repeated_with_the_same_figures(trained):
    told, before = [], trained.artifact("training").table("ranks")
    repeated = repeat(trained.path, "nowhere", lambda done, total, what: told.append(what))
    assert (repeated.differing, repeated.otherwise) == ([], []) and repeated.compared > 100
    assert any(what.startswith("training influence") for what in told)  # it was done, not found
    assert trained.artifact("training").table("ranks").equals(before)
    assert trained.artifact("training").facts["taken_over"] == 0


def test_a_plan_changed_since_is_made_as_it_was_and_that_step_can_be_undone(trained):
    head = History(trained).head()
    changed = History(trained).record("other", PlanOptions(reduction=0.5), {"topics": {"0": "keep"}})
    file = shutil.copytree(trained.path / "training", trained.path.parent / "kept") / "run.json"
    repeated = repeat(file, trained.path)
    assert not repeated.differing
    assert History(trained).head().options == head.options
    assert History(trained).undo().id == changed.id


def test_other_figures_and_other_versions_are_told(trained):
    results, record = (trained.path / "training" / name for name in ("results.json", "run.json"))
    told = json.loads(results.read_text())
    told["arms"][0]["pairs"] += 1
    results.write_text(json.dumps(told))
    old = json.loads(record.read_text())
    old["versions"]["torch"] = "0.0"
    record.write_text(json.dumps(old))
    repeated = repeat(record, "nowhere")
    assert repeated.differing == [f"/arms/0/pairs: {told['arms'][0]['pairs']}, {told['arms'][0]['pairs'] - 1}"]
    assert len(repeated.otherwise) == 1 and repeated.otherwise[0].startswith("torch: 0.0 on record")


def test_what_is_no_record_is_told(tmp_path, trained):
    with pytest.raises(TrainingError, match="is no record of a training; give a workspace"):
        repeat(tmp_path / "nothing", trained.path)
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(TrainingError, match=r"run\.json is no record of a training\."):
        repeat(tmp_path / "run.json", trained.path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(TrainingError, match=r"run\.json cannot be read"):
        repeat(tmp_path / "run.json", trained.path)
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(TrainingError, match="it lacks decisions, device, digests, stages, versions"):
        repeat(tmp_path / "run.json", trained.path)


def test_other_pairs_are_not_trained_on_in_their_place(trained, tmp_path):
    copied = shutil.copytree(trained.path / "training", tmp_path / "elsewhere")
    record = json.loads((copied / "run.json").read_text())
    record["digests"]["pairs"] = "0" * 32
    (copied / "run.json").write_text(json.dumps(record))
    with pytest.raises(TrainingError, match="holds other pairs than those of"):
        repeat(copied, trained.path)


def test_the_command_repeats_and_says_so(trained):
    told = accepted(shell("train", "--from", trained.path)).stdout
    assert "figures are those on record, times aside" in told
    refused(shell("train", "--from", trained.path, "--seeds", "3"), "--from repeats a training just as it was")
