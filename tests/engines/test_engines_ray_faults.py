"""Lost nodes, ended and hanging workers: what comes out is what would have come out."""

import importlib.util
import time
from dataclasses import replace

import engines_cases
import numpy as np
import pytest
from encoder_cases import make_encoder, make_photos, make_table
from engine_cases import copied_workspace

from influencespace.engines import EngineOptions
from influencespace.errors import EngineError
from influencespace.evaluation.stage import train_arms
from influencespace.features.device import pick_device
from influencespace.training.options import TrainOptions

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed (requirements-ray.txt)", allow_module_level=True)

from influencespace.engines.ray_engine import connected, prepared

# Ray warns of what it does itself.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(r"ignore:::ray\.")]
STORE = 100 * 2**20
TRAIN = TrainOptions(arms=("influence", "random", "agreement", "full"), seeds=2, learning_rate=1e-3, epochs=30)


@pytest.fixture
def cluster():
    """Three nodes on this machine: one with no room for work, which this process belongs to, and two with room for one."""
    prepared(local=True)
    from ray import cloudpickle
    from ray.cluster_utils import Cluster

    cloudpickle.register_pickle_by_value(engines_cases)
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    try:
        nodes.add_node(num_cpus=1, object_store_memory=STORE)
        nodes.doomed = nodes.add_node(num_cpus=1, object_store_memory=STORE)
        nodes.wait_for_nodes()
        yield nodes
    finally:
        nodes.shutdown()


@pytest.fixture
def engine(cluster):
    with connected(EngineOptions(engine="ray", address=cluster.address, workers=2)) as engine:
        yield engine


def kill_a_node(cluster):
    """End a node as a machine ends whose power fails: its raylet at once, and with it all of its workers."""
    cluster.remove_node(cluster.doomed, allow_graceful=False)


def test_embedding_outlives_a_node(cluster, engine, tmp_path):
    from influencespace.features.encoder import load_encoder
    from influencespace.features.store import embed_pairs

    encoder = load_encoder(str(make_encoder("clip", tmp_path / "encoder")), pick_device("cpu"))
    paths = make_photos(tmp_path / "photos", 60)
    table = make_table(paths, [f"a photo of dog {k}" for k in range(60)])
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, killed = embed_pairs(encoder, table, tmp_path / "here", 2, lambda *_: None), []

    def kill_in_the_middle(done, total, what):
        if done >= 10 and not killed:
            killed.append(done)
            kill_a_node(cluster)

    there = embed_pairs(encoder, table, tmp_path / "there", 2, kill_in_the_middle, engine)
    assert killed and killed[0] < 60
    assert np.array_equal(there.photos, here.photos) and np.array_equal(there.captions, here.captions)


def test_training_outlives_a_node(cluster, engine, tmp_path_factory, tmp_path):
    here, _ = copied_workspace(tmp_path_factory, tmp_path / "here")
    there, _ = copied_workspace(tmp_path_factory, tmp_path / "there")
    train_arms(here, TRAIN)
    killed = []

    def kill_in_the_middle(done, total, what):
        # A run is at hand on either node.
        if what.startswith("training") and 1 <= done < 6 and not killed:
            killed.append(done)
            kill_a_node(cluster)

    train_arms(there, replace(TRAIN, engine="ray", workers=2, address=cluster.address), kill_in_the_middle)
    assert killed
    ours, theirs = (workspace.artifact("training") for workspace in (here, there))
    for table in ("ranks", "matches", "curves", "runs"):
        untimed = [name for name in ours.table(table) if name not in ("seconds", "training_seconds", "scoring_seconds", "joules")]
        assert theirs.table(table)[untimed].equals(ours.table(table)[untimed]), table


def test_a_piece_that_ends_its_process_is_done_again(engine, tmp_path):
    found = list(engine.map(engines_cases.Counting(tmp_path, ends=(2, 5)), 8))
    assert [piece["piece"] for piece in found] == list(range(8))


def test_a_worker_that_hangs_is_ended_and_its_piece_done_again(engine, tmp_path):
    began = time.monotonic()
    found = list(replace(engine, patience=3.0).map(engines_cases.Counting(tmp_path, hangs=(1,)), 4))
    assert [piece["piece"] for piece in found] == list(range(4))
    assert time.monotonic() - began < 300


def test_a_piece_that_ends_every_process_is_given_up_with_a_sentence(engine, tmp_path):
    with pytest.raises(EngineError, match=r"more than 1 times at one piece .* fewer --workers"):
        list(replace(engine, retries=1).map(engines_cases.Counting(tmp_path, ends=(0,), for_ever=True), 2))
