"""A disk that is full, or read-only: a sentence, the workspace as it was, and on it goes once there is room."""

import resource
import shutil
import signal

import disks
import numpy as np
import pytest
from engine_cases import SMALL, copied_workspace, planted_import, shared_workspace
from shell_cases import accepted, refused, shell

from influencespace import integrity, jobs
from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.errors import JobError, WorkspaceError
from influencespace.export.options import ExportOptions
from influencespace.export.subset import export_subset
from influencespace.influence.options import ScoreOptions
from influencespace.jobs.store import Store
from influencespace.options import Options
from influencespace.stages import STAGES, run_stages
from influencespace.training.options import TrainOptions
from influencespace.workspace import NEEDS, Workspace

TRAIN = TrainOptions(arms=("influence", "full"), seeds=1, learning_rate=0.01, epochs=2, batch=64)
KEPT = "What was finished before is kept."


def content(workspace):
    return {name: integrity.listing(workspace.path / name) for name in NEEDS if (workspace.path / name).exists()}


def without(workspace, name):
    """The workspace as it is before a stage."""
    for made in NEEDS:
        if made == name or name in NEEDS[made]:
            shutil.rmtree(workspace.path / made, ignore_errors=True)


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["at the start", "in the middle"])
@pytest.mark.parametrize("name", ["import", *SMALL, "train"])
def test_a_stage_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path_factory, tmp_path, name, share):
    source = shared_workspace(tmp_path_factory)[0]
    options = ({"import": planted_import(source.path.parent / "source")} | SMALL | {"train": TRAIN})[name]
    artifact = STAGES[name].artifact
    size = sum(path.stat().st_size for path in (source.path / artifact).glob("*"))
    with disks.small(tmp_path / "disk", 64 * 2**20) as disk:
        workspace = Workspace(shutil.copytree(source.path, disk / "w"))
        without(workspace, artifact)
        before = content(workspace)
        disks.fill(disk, int(share * size) // 4096 * 4096)
        with pytest.raises(WorkspaceError, match=r"cannot be (written|used)") as caught:
            run_stages(workspace, {name: options})
        said = str(caught.value)
        assert "its disk has 0.0 MB left: free some, or move the workspace" in said.lower().replace("mb", "MB") and KEPT in said
        assert content(workspace) == before and workspace.check() == {}
        assert not [path.name for path in workspace.path.glob(".*") if path.name != ".lock"], name
        (disk / "filler").unlink()
        run_stages(workspace, {name: options})
        assert workspace.state(artifact) == "current"


def test_decisions_and_jobs_on_a_full_disk_are_refused_with_a_sentence_and_can_be_seen(tmp_path_factory, tmp_path):
    source = shared_workspace(tmp_path_factory)[0]
    with disks.small(tmp_path / "disk", 64 * 2**20) as disk:
        workspace = Workspace(shutil.copytree(source.path, disk / "w"))
        history, listed = History(workspace), Store(workspace)
        made = history.record("a step", PlanOptions(reduction=0.1), {"topics": {"0": "keep"}})
        job_id = listed.insert("Work", [["plan", {}]])
        disks.fill(disk, 0)
        with pytest.raises(WorkspaceError, match=r"history\.sqlite cannot be used.* has 0\.0 MB left: free some"):
            history.record("one more", PlanOptions(reduction=0.2), {"topics": {"0": "prune"}})
        with pytest.raises(JobError, match=r"jobs\.sqlite cannot be used.* has 0\.0 MB left: free some"):
            listed.insert("More work", [["plan", {"reduction": 0.9}]])
        assert history.head() == made and history.versions()[0] == made and not history.can_redo
        assert listed.get(job_id).title == "Work" and len(listed.all()) == 1
        (disk / "filler").unlink()
        assert history.head().decisions == workspace.decisions()
        assert history.check() == [] and listed.check() == []
        assert history.record("on it goes", PlanOptions(cap=2.0), {}).id > made.id


def test_a_file_that_may_not_grow_is_a_sentence_too(tmp_path_factory, tmp_path):
    """As a quota does, for whom there is no disk to be filled: a limit on the size of files, which C libraries meet too."""
    workspace = copied_workspace(tmp_path_factory, tmp_path / "w")[0]
    before = content(workspace)
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limits[1]))
        with pytest.raises(WorkspaceError, match=r"cannot be written: .*File too large.* MB left: free some"):
            run_stages(workspace, {"score": ScoreOptions(rank=8)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert content(workspace) == before


def test_what_the_disk_has_no_room_for_is_refused_before_hours_of_work(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "w", create=True)
    with pytest.raises(WorkspaceError, match=r"^Embedding these pairs needs 9,\d+,\d+,\d+\.\d MB on the disk of .*, which has"):
        workspace.needs_room(9 * 10**15 + 10**14, "Embedding these pairs")
    workspace.needs_room(1, "Embedding these pairs")


def test_an_array_is_written_in_parts_as_numpy_would_write_it(tmp_path):
    workspace, array = Workspace(tmp_path / "w", create=True), np.arange(60, dtype=np.float16).reshape(20, 3)
    with workspace.write("pairs", Options()) as draft:
        draft.parts("image", array.dtype, array.shape, (array[i : i + 7] for i in range(0, 20, 7)))
        np.save(tmp_path / "whole.npy", array)
        with pytest.raises(ValueError, match="holds objects"):
            draft.array("words", np.array(["a"], dtype=object))
    assert (workspace.path / "pairs" / "image.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_read_only_workspace_is_looked_at_and_whatever_would_write_says_so(tmp_path_factory, tmp_path):
    workspace = copied_workspace(tmp_path_factory, tmp_path / "w")[0]
    history = History(workspace)
    history.record("a step", PlanOptions(reduction=0.1), {"topics": {"0": "keep"}})
    run_stages(workspace, {"plan": PlanOptions(reduction=0.1)})
    done = Store(workspace).insert("Work", [["plan", {}]])
    Store(workspace).finish(done, "done")
    there = [path for path in workspace.path.rglob("*") if path.is_file()]

    with disks.read_only(workspace.path):
        said = accepted(shell("status", "--workspace", workspace.path)).output
        assert "current" in said and "damaged" not in said
        accepted(shell("history", "--workspace", workspace.path))
        accepted(shell("check", "--workspace", workspace.path))
        assert history.versions()[0].what == "a step" and not history.can_undo
        assert [job.title for job in jobs.jobs(workspace)] == ["Work"] and jobs.active(workspace) is None
        output = tmp_path / "subset.jsonl"
        assert export_subset(workspace, ExportOptions(output=str(output))) and output.stat().st_size
        for command in (
            ("plan", "--reduction", "0.4"), ("proxy", "--seed", "7"), ("embed", "--batch-size", "3", "--encoder", "x"),
            ("decide", "topics", "0", "prune"), ("undo",), ("name", "mine"), ("train", "--seeds", "1"),
        ):
            refused(shell(*command, "--workspace", workspace.path), "cannot be written")
        with pytest.raises(JobError, match=r"cannot be (written|used)"):
            jobs.submit(workspace, [("plan", {})], "Plan")
        assert [path for path in workspace.path.rglob("*") if path.is_file()] == there
