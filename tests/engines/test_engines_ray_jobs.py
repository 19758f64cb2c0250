"""Stages that are handed to the job server of a cluster come out as those that are run here."""

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest
from engine_cases import copied_workspace

from influencespace.engines import EngineOptions
from influencespace.errors import EngineError, InfluenceSpaceError
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import ScoreOptions
from influencespace.progress import Cancelled
from influencespace.stages import run_stages

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed (requirements-ray.txt)", allow_module_level=True)

from influencespace.engines.ray_engine import prepared

# Ray warns of what it does itself.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(r"ignore:::ray\.")]


@pytest.fixture(scope="module")
def where():
    """The address of a cluster's job server."""
    pytest.importorskip("aiohttp_cors", reason="there is no job server without ray[default] (requirements-ray.txt)")
    prepared(local=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        from ray.cluster_utils import Cluster

        nodes = Cluster(initialize_head=True, head_node_args={
            "num_cpus": 2, "object_store_memory": 100 * 2**20, "include_dashboard": True, "dashboard_host": "127.0.0.1",
        })
        try:
            yield EngineOptions(engine="ray", address=f"http://{nodes.webui_url}", workers=2)
        finally:
            nodes.shutdown()


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def test_a_stage_that_was_handed_over_makes_the_same_and_tells_of_it(where, workspace, tmp_path_factory, tmp_path):
    here, told = copied_workspace(tmp_path_factory, tmp_path / "here")[0], []
    assert run_stages(here, {"score": ScoreOptions(rank=8)}) == ["score"]
    assert run_stages(workspace, {"score": ScoreOptions(rank=8)}, lambda *step: told.append(step[2]), where) == ["score"]
    ours, theirs = (w.artifact("scores").table("pairs") for w in (here, workspace))
    assert theirs.equals(ours)
    assert told


def test_what_a_stage_refuses_there_is_said_here(where, workspace):
    with pytest.raises(InfluenceSpaceError, match="no-such-encoder"):
        run_stages(workspace, {"embed": EmbedOptions(encoder="/no-such-encoder")}, where=where)


def test_who_stops_here_stops_the_job_there(where, workspace):
    def stop(done, total, what):
        raise Cancelled

    from ray.job_submission import JobSubmissionClient

    with pytest.raises(Cancelled):
        run_stages(workspace, {"score": ScoreOptions(rank=4)}, stop, where)
    client, patience = JobSubmissionClient(where.address), time.monotonic() + 60
    while not all(job.status.is_terminal() for job in client.list_jobs()) and time.monotonic() < patience:
        time.sleep(0.2)
    assert "STOPPED" in {job.status for job in client.list_jobs()}


def test_an_address_without_a_job_server_is_a_sentence(workspace):
    nowhere = EngineOptions(engine="ray", address="http://127.0.0.1:9")
    with pytest.raises(EngineError, match=r"The Ray cluster at http://127\.0\.0\.1:9 takes no job"):
        run_stages(workspace, {"score": ScoreOptions(rank=4)}, where=nowhere)
