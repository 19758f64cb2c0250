import json
import multiprocessing
import os
import shutil
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from influencespace.engines import kept
from influencespace.errors import InfluenceSpaceError, WorkspaceError
from influencespace.options import Options, option
from influencespace.workspace import NEEDS, Workspace, canonical


@dataclass(frozen=True)
class Made(Options):
    level: float = option(1.0, "What comes out.")
    chunk: int = option(8, "How fast it comes.", recipe=False)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "w", create=True)


def make(workspace, name, options=None, content="", value=0):
    with workspace.write(name, options or Made()) as draft:
        draft.content = content
        draft.facts = {"value": value}
        draft.table("numbers", pd.DataFrame({"n": [value]}))


def make_road(workspace):
    for name in NEEDS:
        make(workspace, name)


def states(workspace):
    return {name: workspace.state(name) for name in NEEDS}


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


def hold(path, ready, done):
    with Workspace(path).lock():
        ready.set()
        done.wait(30)


def test_the_second_who_wants_to_write_is_told_so_at_once(workspace):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(workspace.path, ready, done))
    other.start()
    try:
        assert ready.wait(30)
        said = rf"is being written by process {other.pid} on \S+ since 20\S+Z; wait until"
        with pytest.raises(WorkspaceError, match=said), workspace.lock():
            pytest.fail("two hold the lock")
    finally:
        done.set()
        other.join()
    with workspace.lock():
        pass


def test_two_in_one_process_exclude_each_other_too(workspace):
    with (
        workspace.lock(),
        pytest.raises(WorkspaceError, match="being written by process"),
        Workspace(workspace.path).lock(),
    ):
        pytest.fail("two hold the lock")


def test_the_lock_is_given_back_after_an_error(workspace):
    with pytest.raises(ZeroDivisionError), workspace.lock():
        1 / 0  # noqa: B018
    with workspace.lock():
        pass


def test_a_folder_that_cannot_be_written_is_said_to_be_so(workspace, monkeypatch):
    # Who runs as root may write everything, so that the answer of the system is put in its mouth.
    monkeypatch.setattr("influencespace.workspace.os.access", lambda path, mode: False)
    with pytest.raises(WorkspaceError, match=r"cannot be written: permission denied"), workspace.lock():
        pytest.fail("a read-only workspace was locked")


def test_decisions_make_the_plan_stale_and_taking_them_back_makes_it_current(workspace):
    make_road(workspace)
    workspace.decide({"clusters": {"0.1": "prune"}})
    assert workspace.decisions() == {"clusters": {"0.1": "prune"}}
    assert states(workspace) | dict.fromkeys(("plan", "training", "ablations"), "current") == dict.fromkeys(NEEDS, "current")
    assert workspace.state("plan") == workspace.state("training") == "stale"
    workspace.decide({})
    assert set(states(workspace).values()) == {"current"}


def test_options_that_are_asked_for_make_a_plan_of_others_stale(workspace):
    make_road(workspace)
    assert workspace.asked() is None
    workspace.ask(Made())
    assert workspace.asked() == Made().recipe() and set(states(workspace).values()) == {"current"}
    workspace.ask(Made(level=9.0))
    assert workspace.state("plan") == workspace.state("training") == "stale" and workspace.state("effects") == "current"
    workspace.ask(Made())
    assert set(states(workspace).values()) == {"current"}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_damaged_options_are_an_error_that_names_the_file(workspace, text):
    (workspace.path / "plan_options.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"plan_options\.json.*delete it to go on"):
        workspace.asked()


def test_the_digest_of_a_plan_is_known_before_it_is_made(workspace):
    make_road(workspace)
    decisions = {"clusters": {"0.1": "prune"}}
    before = workspace.plan_digest(Made(level=9.0), decisions)
    assert workspace.plan_digest(Made(), {}) == workspace.artifact("plan").digest != before
    workspace.decide(decisions)
    make(workspace, "plan", Made(level=9.0))
    assert workspace.artifact("plan").digest == before


def test_levels_without_decisions_are_none(workspace):
    workspace.decide({"topics": {}, "sets": [], "pairs": {"p": "keep"}})
    assert workspace.decisions() == {"pairs": {"p": "keep"}}


def test_a_decision_made_while_the_plan_is_made_leaves_that_plan_stale(workspace):
    make_road(workspace)
    with workspace.write("plan", Made()) as draft:
        draft.facts = {"made from": workspace.decisions()}
        workspace.decide({"clusters": {"0.1": "prune"}})
    assert workspace.state("plan") == "stale"


@pytest.mark.parametrize("text", [
    "{", "[]", '"prune"', '{"clusters": ["0.1"]}', '{"pairs": null}', '{"sets": {}}', '{"sets": ["a"]}', '{"sets": [{}]}',
])
def test_decisions_that_are_none_are_an_error_that_names_the_file(workspace, text):
    (workspace.path / "decisions.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"decisions\.json.*delete it to start anew"):
        workspace.decisions()


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


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "new"}', '{"format": null}'])
def test_a_damaged_workspace_is_an_error(workspace, text):
    (workspace.path / "workspace.json").write_text(text)
    with pytest.raises(WorkspaceError, match=r"workspace\.json cannot be read"):
        Workspace(workspace.path)


def test_a_workspace_of_a_newer_version_is_left_alone(workspace):
    (workspace.path / "workspace.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(WorkspaceError, match="newer version"):
        Workspace(workspace.path)


def test_only_an_empty_or_a_new_folder_becomes_a_workspace(tmp_path):
    (tmp_path / "empty").mkdir()
    assert Workspace(tmp_path / "empty", create=True).name == "empty"
    assert Workspace(tmp_path / "new" / "deeper", create=True).path.is_dir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for path in ("full", "file"):
        with pytest.raises(WorkspaceError, match="is no workspace; choose a new or an empty folder"):
            Workspace(tmp_path / path, create=True)
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"
    with pytest.raises(WorkspaceError, match=r"is no workspace\. Make one with"):
        Workspace(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_the_same_value_is_the_same_json():
    assert canonical({"b": 1, "a": [None, "é"]}) == canonical({"a": [None, "é"], "b": 1}) == '{"a":[null,"é"],"b":1}'
    with pytest.raises(ValueError):
        canonical(float("nan"))


def test_a_workspace_that_was_deleted_does_not_come_back_as_a_cache(workspace):
    assert workspace.private("thumbnails").is_dir()
    shutil.rmtree(workspace.path)
    with pytest.raises(WorkspaceError, match="is gone"):
        workspace.private("thumbnails")
    assert not workspace.path.exists()


def test_pieces_do_not_bring_back_a_workspace_that_was_deleted(workspace, monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0)
    monkeypatch.setattr(kept, "WORTH", 0)
    pieces = workspace.pieces("pairs", Made())
    pieces.keep("first", {"number": 1})
    shutil.rmtree(workspace.path)
    with pytest.raises(WorkspaceError, match="is gone"):
        pieces.keep("second", {"number": 2})
    assert not workspace.path.exists()


def test_errors_of_a_stage_pass_as_they_are(workspace):
    with pytest.raises(InfluenceSpaceError, match=r"^as it is$"), workspace.write("pairs", Made()):
        raise InfluenceSpaceError("as it is")
