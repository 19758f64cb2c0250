"""Files of artifacts that were cut off, altered or taken away: found out, said, made again, and nothing besides."""

import json
import shutil

import pytest
from engine_cases import SMALL, copied_workspace, shared_workspace
from shell_cases import accepted, refused, shell

from influencespace import integrity, jobs
from influencespace.errors import DamagedError
from influencespace.stages import run_stages
from influencespace.workspace import NEEDS, Workspace


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    """Other bytes in the middle, of the same number."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8] = bytes(255 - byte for byte in content[middle : middle + 8])
    path.write_bytes(content)


DAMAGE = {"cut off": cut, "altered": flip, "gone": lambda path: path.unlink()}


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def files(workspace, name):
    return sorted(path.name for path in (workspace.path / name).iterdir() if path.name != "artifact.json")


def content(workspace):
    return {name: integrity.listing(workspace.path / name) for name in NEEDS if (workspace.path / name).exists()}


def every_file(tmp_path_factory):
    return [(name, file) for name in NEEDS for file in files(shared_workspace(tmp_path_factory)[0], name)]


@pytest.mark.parametrize("how", DAMAGE)
def test_every_file_of_every_artifact_is_found_out_and_made_again(tmp_path_factory, workspace, how):
    before = content(workspace)
    told = []
    listed = [(name, file) for name in before for file in before[name]]
    assert len(listed) > 15
    for name, file in listed:
        path = workspace.path / name / file
        kept = path.read_bytes()
        DAMAGE[how](path)
        if how != "altered":
            assert workspace.state(name) == "damaged"
            with pytest.raises(DamagedError, match=rf"The artifact {name} is damaged: .*{file} .*made again by: python"):
                workspace.artifact(name)
        wrong = workspace.check()
        assert list(wrong) == [name] and file in wrong[name]
        assert workspace.state(name) == "damaged"
        told.append(wrong[name])
        path.write_bytes(kept)
        (workspace.path / name / integrity.MARK).unlink(missing_ok=True)
    assert all(workspace.state(name) == "current" for name in before)
    words = {"cut off": "bytes where", "altered": "holds other bytes than were written", "gone": "is missing"}[how]
    assert all(words in sentence for sentence in told)


@pytest.mark.parametrize("name", ["pairs", "features", "proxy", "clusters", "scores"])
def test_a_run_makes_the_damaged_one_again_and_nothing_besides(workspace, name):
    before = content(workspace)
    flip(workspace.path / name / files(workspace, name)[0])
    told = []
    ran = run_stages(workspace, {"plan": SMALL["plan"]}, lambda done, total, what: told.append(what))
    made_by = {"pairs": "import", "features": "embed", "clusters": "cluster", "scores": "score"}.get(name, name)
    assert ran == [made_by]
    assert any(what.startswith(f"The artifact {name} is damaged") for what in told)
    assert content(workspace) == before
    assert {workspace.state(made) for made in before} == {"current"}


def test_status_and_check_say_what_is_damaged_and_what_makes_it_again(workspace):
    cut(workspace.path / "features" / "image.npy")
    size = (workspace.path / "features" / "image.npy").stat().st_size
    said = accepted(shell("status", "--workspace", workspace.path)).output
    assert f"image.npy has {size:,} bytes where {2 * size:,} were written" in said
    assert "Next: python -m influencespace embed" in said
    result = json.loads(accepted(shell("check", "--workspace", workspace.path, "--json", "-")).stdout)
    assert len(result["damaged"]) == 1 and "image.npy" in result["damaged"][0]
    refused(shell("export", "--workspace", workspace.path, "--output", workspace.path.parent / "x.csv", "--format", "csv"))
    accepted(shell("plan", "--workspace", workspace.path))
    assert "Every file holds what was written to it." in accepted(shell("check", "--workspace", workspace.path)).output


def test_a_reader_that_fails_on_a_damaged_file_says_so_and_one_that_errs_by_itself_does_not(workspace):
    path = workspace.path / "clusters" / "members.parquet"
    path.write_bytes(b"\0" * path.stat().st_size)
    assert workspace.state("clusters") == "current"  # its size is right, and nobody has read it
    with pytest.raises(DamagedError, match=r"members\.parquet holds other bytes than were written"):
        workspace.artifact("clusters").table("members")
    assert workspace.state("clusters") == "damaged"
    with pytest.raises(ZeroDivisionError), workspace.artifact("scores").reading("pairs.parquet"):
        1 / 0  # noqa: B018
    assert workspace.state("scores") == "stale"  # for what it was made from is damaged, and itself it is not


def test_what_was_replaced_while_it_was_read_is_not_taken_for_damaged(workspace):
    found = workspace.artifact("plan")
    with pytest.raises(OSError), found.reading("plan.json"):
        run_stages(workspace, {"plan": SMALL["plan"].__class__(reduction=0.3)})
        raise OSError("gone meanwhile")
    assert workspace.state("plan") == "current"


def test_an_artifact_of_before_files_were_listed_is_read_and_its_broken_files_are_damage(workspace):
    record = workspace.path / "scores" / "artifact.json"
    content = json.loads(record.read_text())
    del content["files"]
    record.write_text(json.dumps(content))
    assert workspace.check() == {} and workspace.state("scores") == "current"
    cut(workspace.path / "scores" / "pairs.parquet")
    with pytest.raises(DamagedError, match=r"pairs\.parquet cannot be read"):
        workspace.artifact("scores").table("pairs")
    assert run_stages(workspace, {"plan": SMALL["plan"]}) == ["score"]


def test_a_record_that_is_lost_is_made_anew_with_the_usual_options(workspace):
    (workspace.path / "effects" / "artifact.json").write_text("{")
    accepted(shell("effects", "--workspace", workspace.path))
    assert workspace.state("effects") == "current"


def test_where_nothing_can_be_written_damage_is_said_all_the_same(workspace, monkeypatch):
    monkeypatch.setattr(integrity, "mark", lambda folder, why: None)
    flip(workspace.path / "scores" / "pairs.parquet")
    assert "scores" in workspace.check()


def test_a_job_that_fails_on_a_damaged_file_says_so_and_not_that_it_is_a_fault_of_ours(workspace):
    shutil.rmtree(workspace.path / "source", ignore_errors=True)
    cut(workspace.path / "scores" / "clusters.parquet")
    from influencespace.jobs import runner
    from influencespace.jobs.store import Store

    job = Store(workspace).insert("Predict", [["effects", None]])
    stages = type("Stages", (), {
        "STAGES": runner.importlib.import_module(runner.STAGES).STAGES,
        "options_before": staticmethod(lambda workspace, stage: stage.options()),
        "run_stages": staticmethod(lambda workspace, wanted, progress: (_ for _ in ()).throw(TypeError("a library"))),
    })
    runner.sys.modules["stages_that_fail"] = stages
    assert runner._run(Workspace(workspace.path), job, "stages_that_fail") == 1
    said = next(iter(jobs.jobs(workspace))).message
    assert "clusters.parquet has" in said and "fault" not in said
