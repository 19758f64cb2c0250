"""The engine that is this process, and how the options of a run name another."""

import sys

import pytest

from influencespace import engines
from influencespace.engines import HERE, EngineOptions
from influencespace.errors import EngineError, OptionError
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import ScoreOptions
from influencespace.jobs.place import choose, chosen
from influencespace.options import describe
from influencespace.proxy.options import ProxyOptions
from influencespace.training.options import TrainOptions
from influencespace.workspace import Workspace

RAY = EngineOptions(engine="ray", address="10.0.0.1:6379", workers=3)


def test_this_process_computes_the_pieces_one_after_the_other():
    begun = []

    def work(pieces):
        for piece in pieces:
            begun.append(piece)
            yield {"square": piece * piece}

    found = HERE.map(work, 4)
    assert next(found) == {"square": 0} and begun == [0]
    assert [piece["square"] for piece in found] == [1, 4, 9]


def test_runs_are_done_in_their_order_and_told_of():
    told = []

    def share(tell):
        return lambda name, seed: tell(name, seed, epoch=1)

    wanted = [("full", 0), ("random", 0), ("full", 1)]
    assert list(HERE.runs(share, wanted, lambda *run, **values: told.append((run, values)), None)) == wanted
    assert told == [(run, {"epoch": 1}) for run in wanted]


@pytest.mark.parametrize("kind", [EmbedOptions, ProxyOptions, ScoreOptions, TrainOptions])
def test_an_engine_makes_nothing_stale_and_is_described_last(kind):
    assert kind(engine="ray", address="auto", workers=2).recipe() == kind().recipe()
    assert [field["name"] for field in describe(kind)][-3:] == ["engine", "address", "workers"]


def test_stages_that_leave_the_engine_open_get_the_one_of_the_run():
    assert engines.placed(ScoreOptions(rank=4), RAY) == ScoreOptions(
        rank=4, engine="ray", address="10.0.0.1:6379", workers=3
    )
    own = ScoreOptions(engine="ray", workers=1)
    assert engines.placed(own, RAY) == own
    assert engines.common([ProxyOptions(), own]) == EngineOptions(engine="ray", workers=1)
    assert engines.common([ProxyOptions()]) is None


@pytest.mark.parametrize(
    ("address", "handed"), [(None, False), ("auto", False), ("head:6379", False), ("http://head:8265", True)]
)
def test_only_an_address_of_a_job_server_takes_whole_stages(address, handed):
    assert engines.handed_over(EngineOptions(engine="ray", address=address)) is handed


def test_an_address_is_about_ray():
    with pytest.raises(OptionError, match="give --engine ray"):
        ScoreOptions(address="auto")
    with pytest.raises(OptionError, match="http://HOST:8265"):
        ScoreOptions(engine="ray", address="ray://head:10001")


def test_without_ray_a_sentence_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"pip install -r requirements-ray\.txt"), engines.start(RAY):
        pass


def test_the_engine_of_the_app_is_kept_with_the_workspace(tmp_path):
    workspace = Workspace(tmp_path / "w", create=True)
    assert chosen(workspace) == EngineOptions()
    choose(workspace, RAY)
    assert chosen(Workspace(workspace.path)) == RAY
