"""Artifacts of a workspace: written whole or not at all, read back as they were, and stale when what they come from changes."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from workspace_cases import Made, make, make_road, states

from influencespace.errors import InfluenceSpaceError, WorkspaceError
from influencespace.workspace import NEEDS, canonical


def test_an_artifact_is_read_back_as_it_was_written(workspace):
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    with workspace.write("pairs", Made(level=2.0)) as draft:
        draft.table("numbers", pd.DataFrame({"n": [1, 2], "words": [["a"], []]}))
        draft.array("image", array)
        draft.tensors("models", {"m": array.T})
        draft.json("more", {"é": [1, None]})
        draft.facts = {"count": 2}
    found = workspace.artifact("pairs")
    assert found.table("numbers")["n"].tolist() == [1, 2]
    assert np.array_equal(found.array("image"), array) and not found.array("image").flags.writeable
    assert np.array_equal(found.tensors("models")["m"], array.T)
    assert found.json("more") == {"é": [1, None]}
    assert found.facts == {"count": 2}
    assert found.has("more.json") and not found.has("more")
    assert found.record["stage"] == "pairs" and found.record["options"] == {"level": 2.0}


def test_the_digest_follows_options_inputs_and_content_and_nothing_else(workspace):
    def digest(**how):
        make(workspace, "pairs", **how)
        return workspace.artifact("pairs").digest

    first = digest()
    assert digest() == first
    assert digest(options=Made(chunk=1)) == first
    assert digest(value=5) == first
    assert len({first, digest(options=Made(level=0.0)), digest(content="other photos")}) == 3


def test_what_changes_makes_all_after_it_stale_and_nothing_before_it(workspace):
    make_road(workspace)
    assert set(states(workspace).values()) == {"current"}
    make(workspace, "proxy", Made(level=3.0))
    after = {"clusters", "scores", "plan", "effects", "verification", "training", "ablations"}
    assert states(workspace) == {name: "stale" if name in after else "current" for name in NEEDS}
    # Made again from the new proxy, the clusters stand; what was made from the old ones does not.
    make(workspace, "clusters")
    assert workspace.state("clusters") == "current" and workspace.state("scores") == "stale"


def test_making_the_same_again_leaves_all_after_it_current(workspace):
    make_road(workspace)
    make(workspace, "pairs")
    assert set(states(workspace).values()) == {"current"}


def test_an_artifact_is_current_for_the_options_it_was_made_with(workspace):
    make(workspace, "pairs", Made(level=2.0, chunk=3))
    assert workspace.is_current("pairs", Made(level=2.0, chunk=99))
    assert not workspace.is_current("pairs", Made(level=2.5))
    assert not workspace.is_current("features", Made())


def test_a_missing_artifact_names_the_command_that_makes_it(workspace):
    assert workspace.find("clusters") is None and workspace.state("clusters") == "missing"
    with pytest.raises(WorkspaceError, match=r"has no clusters yet.*influencespace cluster$"):
        workspace.artifact("clusters")
    with pytest.raises(WorkspaceError, match="has no pairs yet"), workspace.write("features", Made()):
        pytest.fail("a stage must not begin without its inputs")


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_middle_leaves_the_old_artifact_and_no_rest(workspace, failure):
    make(workspace, "pairs", value=1)
    before = {path: path.read_bytes() for path in workspace.path.rglob("*") if path.is_file()}
    with pytest.raises(failure), workspace.write("pairs", Made(level=9.0)) as draft:
        draft.table("numbers", pd.DataFrame({"n": [2]}))
        raise failure
    assert {path: path.read_bytes() for path in workspace.path.rglob("*") if path.is_file()} == before


def test_a_draft_is_out_of_sight_until_it_is_whole(workspace):
    with workspace.write("pairs", Made()) as draft:
        draft.table("numbers", pd.DataFrame({"n": [1]}))
        assert workspace.find("pairs") is None
    assert workspace.find("pairs").table("numbers")["n"].tolist() == [1]


def test_what_a_killed_run_left_does_not_get_into_the_next(workspace):
    rest = workspace.path / ".pairs.draft"
    rest.mkdir()
    (rest / "image.npy").write_bytes(b"half of an array")
    make(workspace, "pairs")
    assert not workspace.artifact("pairs").has("image.npy") and not rest.exists()


class Killed(BaseException):
    """Stands for a kill: nothing after it may be done, so nothing may depend on cleaning up."""


def kill_between_the_renames(workspace, monkeypatch):
    """Make ``pairs`` once more, and die when the old artifact has stepped aside and the new one is not in place."""
    path = type(workspace.path)
    rename = path.rename

    def dies(self, target):
        if self.name == ".pairs.draft":
            raise Killed
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(path, "rename", dies)
        with pytest.raises(Killed):
            make(workspace, "pairs", value=2)


def test_a_kill_between_the_two_renames_leaves_the_old_artifact_whole(workspace, monkeypatch):
    make(workspace, "pairs", value=1)
    kill_between_the_renames(workspace, monkeypatch)
    assert workspace.artifact("pairs").facts == {"value": 1}
    assert workspace.artifact("pairs").table("numbers")["n"].tolist() == [1]
    kill_between_the_renames(workspace, monkeypatch)
    assert workspace.artifact("pairs").facts == {"value": 1}
    make(workspace, "pairs", value=3)
    assert workspace.artifact("pairs").facts == {"value": 3}
    assert sorted(path.name for path in workspace.path.iterdir()) == ["pairs", "workspace.json"]


def test_the_record_is_on_the_disk_before_the_artifact_takes_its_place(workspace, monkeypatch):
    done, path, sync = [], type(workspace.path), os.fsync
    rename = path.rename

    def synced(descriptor):
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        content = json.loads((workspace.path / ".pairs.draft" / "artifact.json").read_text())
        assert content["facts"] == {"value": 1}  # nothing of it waits in the process
        sync(descriptor)

    def renamed(self, target):
        done.append(str(self))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        patch.setattr(path, "rename", renamed)
        make(workspace, "pairs", value=1)
    draft = workspace.path / ".pairs.draft"
    assert done == [str(draft / "artifact.json"), str(draft)]


def test_when_the_new_artifact_cannot_be_put_in_place_the_old_one_comes_back(workspace, monkeypatch):
    make(workspace, "pairs", value=1)
    path = type(workspace.path)
    rename = path.rename

    def fails(self, target):
        if self.name == ".pairs.draft":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(path, "rename", fails)
    with pytest.raises(WorkspaceError, match="cannot be written: No space left on device"):
        make(workspace, "pairs", value=2)
    assert workspace.artifact("pairs").facts == {"value": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"digest": "x"}', "3"])
def test_a_damaged_record_is_an_error_that_says_what_to_run(workspace, text):
    make(workspace, "pairs")
    (workspace.path / "pairs" / "artifact.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"artifact\.json.*made again by: python -m influencespace import"):
        workspace.find("pairs")
    # So that what the message asks for can be done.
    assert workspace.state("pairs") == "damaged" and not workspace.is_current("pairs", Made())
    make(workspace, "pairs")
    assert workspace.state("pairs") == "current"


def test_the_same_value_is_the_same_json():
    assert canonical({"b": 1, "a": [None, "é"]}) == canonical({"a": [None, "é"], "b": 1}) == '{"a":[null,"é"],"b":1}'
    with pytest.raises(ValueError):
        canonical(float("nan"))


def test_errors_of_a_stage_pass_as_they_are(workspace):
    with pytest.raises(InfluenceSpaceError, match=r"^as it is$"), workspace.write("pairs", Made()):
        raise InfluenceSpaceError("as it is")
