"""What Ray computes is what this process computes, however many workers there are. One Ray serves all of these tests."""

import importlib.util
import os
from dataclasses import replace

import engines_cases
import numpy as np
import pytest
from encoder_cases import make_encoder, make_photos, make_table
from engine_cases import planted_pairs

from influencespace.engines import EngineOptions, kept
from influencespace.engines.kept import Keeping, Pieces
from influencespace.errors import FeaturesError
from influencespace.features.device import pick_device
from influencespace.influence.options import ScoreOptions
from influencespace.influence.scores import pair_scores
from influencespace.influence.targets import Target
from influencespace.progress import silent
from influencespace.proxy.crossfit import cross_fit
from influencespace.proxy.options import ProxyOptions

# Not imported to find out: what Ray listens to is decided when it is.
if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed (requirements-ray.txt)", allow_module_level=True)

from influencespace.engines.ray_engine import connected

# Ray warns of what it does itself.
pytestmark = pytest.mark.filterwarnings(r"ignore:::ray\.")
PROXY = ProxyOptions(folds=2, repeats=2, ridge=1e-2, batch_size=16)


@pytest.fixture(scope="module")
def engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES", str(100 * 2**20))
        with connected(EngineOptions(engine="ray", workers=4)) as engine:
            from ray import cloudpickle

            cloudpickle.register_pickle_by_value(engines_cases)
            yield replace(engine, workers=2)  # each further one imports all that it needs


def test_ray_listens_to_this_machine_alone(engine):
    import ray

    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}


def test_pieces_come_in_their_order_from_other_processes(engine, tmp_path):
    found = list(engine.map(engines_cases.Counting(tmp_path), 9))
    assert [piece["piece"] for piece in found] == list(range(9))
    assert all(piece["values"].shape == (k, 2) and piece["values"].dtype == np.float16 for k, piece in enumerate(found))
    assert os.getpid() not in {piece["process"] for piece in found}


def test_pieces_that_are_kept_are_not_computed_again(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0)
    monkeypatch.setattr(kept, "WORTH", 0)
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    before = Keeping(engine, Pieces(tmp_path / "kept", {})).map(engines_cases.Counting(first), 7)
    assert [next(before)["piece"] for _ in range(3)] == [0, 1, 2]
    before.close()
    found = list(Keeping(engine, Pieces(tmp_path / "kept", {})).map(engines_cases.Counting(second), 7))
    assert sorted(file.name for file in second.iterdir()) == [f"begun {piece}" for piece in range(3, 7)]
    assert [piece["piece"] for piece in found] == list(range(7))
    assert all(piece["values"].shape == (k, 2) and piece["values"].dtype == np.float16 for k, piece in enumerate(found))


def test_a_refusal_of_the_work_comes_back_as_it_was_raised(engine):
    with pytest.raises(FeaturesError, match=r"^The photo of row 3 is gone\.$"):
        list(engine.map(engines_cases.Refusing(3, FeaturesError), 5))


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(4, marks=pytest.mark.slow)])
def test_agreement_and_scores_are_those_of_this_process(engine, workers):
    pairs, _ = planted_pairs(n=160, k=6, train=np.arange(120), aligned=True)
    validation = np.arange(120, 160)
    targets = [Target("overall", None, None, 40, np.full(40, 1 / 40)), Target("a=b", "a", "b", 20, np.repeat([0.05, 0], 20))]
    ray = replace(engine, workers=workers)
    here, there = cross_fit(pairs, PROXY), cross_fit(pairs, PROXY, engine=ray)
    assert (there.folds == here.folds).all()
    for name in ("models", "priors", "agreement"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-6, atol=1e-7, err_msg=name)
    options = ScoreOptions(rank=8)
    scores = pair_scores(pairs, here, validation, targets, PROXY, options)
    for ours, theirs in zip(scores, pair_scores(pairs, here, validation, targets, PROXY, options, engine=ray), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-6, atol=1e-7 * np.abs(ours).max())


def test_embeddings_are_those_of_this_process(engine, tmp_path):
    from influencespace.features.encoder import load_encoder
    from influencespace.features.store import embed_pairs

    encoder = load_encoder(str(make_encoder("clip", tmp_path / "encoder")), pick_device("cpu"))
    paths = make_photos(tmp_path / "photos", 11)
    table = make_table(paths, [f"a photo of a {word} {k}" for k, word in enumerate(["dog", "cat", "ball"] * 4)][:11])
    found = {}
    for name, engine_ in (("here", None), ("there", engine)):
        (tmp_path / name).mkdir()
        found[name] = embed_pairs(encoder, table, tmp_path / name, 4, silent, *filter(None, [engine_]))
    assert np.array_equal(found["there"].photos, found["here"].photos)
    assert np.array_equal(found["there"].captions, found["here"].captions)
