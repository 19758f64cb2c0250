"""Neutral queries, classes and damages from a workspace of photos to its results, and what imported features lack."""

import shutil

import numpy as np
import pytest
from shell_cases import ENCODER, write_embeddings, write_pairs

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions
from influencespace.errors import TrainingError
from influencespace.evaluation.compare import compare
from influencespace.evaluation.further import DAMAGES, ROBUSTNESS, measures
from influencespace.evaluation.measure import RunMeasures
from influencespace.evaluation.stage import train_arms
from influencespace.evaluation.store import load_measures
from influencespace.features.corruptions import CORRUPTIONS
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import ScoreOptions
from influencespace.metrics.ranking import NEUTRAL_QUERIES
from influencespace.pairs.options import ImportOptions
from influencespace.proxy.options import ProxyOptions
from influencespace.stages import run_stages
from influencespace.training.options import TrainOptions
from influencespace.workspace import Workspace

PHOTOS, TEST = 120, 36
PLACE = [("north", "south")[i % 2] for i in range(PHOTOS)]
KIND = [("dog", "boat", "cake")[i % 3] for i in range(PHOTOS)]
HEADS = {"arms": ("random", "start"), "seeds": 2, "learning_rate": 1e-3, "epochs": 2, "batch": 16, "device": "cpu"}


def planned(path, source, embedded):
    workspace = Workspace(path / "w", create=True)
    run_stages(workspace, {
        "import": ImportOptions(source=str(source), holdout=0.6, groups=("place",)), "embed": embedded,
        "proxy": ProxyOptions(repeats=1, dimensions=4, ridge=1e-2), "cluster": ClusterOptions(topics=3, strata=2),
        "score": ScoreOptions(rank=4), "plan": PlanOptions(),
    })
    return workspace


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    path = tmp_path_factory.mktemp("asked")
    encoder = path / "encoder"
    shutil.copytree(ENCODER, encoder)
    workspace = planned(path, write_pairs(path, PHOTOS, place=PLACE, kind=KIND), EmbedOptions(encoder=str(encoder), device="cpu"))
    train_arms(workspace, TrainOptions(**HEADS, robustness=True, labels="meta.kind"))
    return workspace, encoder


def test_everything_that_was_asked_is_measured(asked):
    results = asked[0].artifact("training").json("results")
    assert results["unmeasured"] == {}
    assert results["neutral"]["queries"] == list(NEUTRAL_QUERIES)
    assert results["neutral"]["chance"]["place"]["photos"] == TEST
    assert results["zero_shot"] == {"classes": ["boat", "cake", "dog"], "photos": TEST}
    for arm in results["arms"]:
        assert set(arm["neutral"]["place"]["max_skew"]) == {"10"}
        assert 0 <= arm["zero_shot"]["top1"]["mean"] <= 100
        assert set(arm["robustness"]) == {*CORRUPTIONS, "typos", "all"}
    # The mean of them first, then in the order in which they are asked.
    shown = [measure.name for measure in measures(results) if measure.section == ROBUSTNESS][::2]
    assert shown == [f"R@10: {DAMAGES[name]}" for name in ("all", *CORRUPTIONS, "typos")]


def test_what_is_stored_gives_the_same_results(asked):
    training = asked[0].artifact("training")
    measured, results = load_measures(training), training.json("results")
    again = compare(measured)
    assert {key: results[key] for key in again} == again
    run: RunMeasures = measured.runs[0]
    assert run.neutral.shape == (len(NEUTRAL_QUERIES), TEST) and np.abs(run.neutral).max() <= 1.001
    # Arms answer to the same damaged photos, but are not the same models.
    assert not np.array_equal(measured.runs[0].damaged["blur"][1], measured.runs[1].damaged["blur"][1])


def test_without_the_encoder_the_next_training_says_so_and_goes_on(asked):
    workspace, encoder = asked
    shutil.rmtree(encoder)
    # What was embedded before is still there; what was not cannot be.
    train_arms(workspace, TrainOptions(**HEADS | {"seeds": 1}, robustness=True, labels="meta.kind"))
    assert workspace.artifact("training").json("results")["unmeasured"] == {}
    train_arms(workspace, TrainOptions(**HEADS | {"seeds": 1}, labels="group.place"))
    results = workspace.artifact("training").json("results")
    assert f"The encoder {encoder} cannot be used" in results["unmeasured"]["zero_shot"]
    assert results["zero_shot"] is None and results["arms"][0]["recall"]["R@10"]["both"]["mean"] is not None


def test_a_column_that_is_not_there_is_told_before_anything_is_trained(asked):
    with pytest.raises(TrainingError, match=r"--labels meta\.nothing: there is no such column"):
        train_arms(asked[0], TrainOptions(**HEADS, labels="meta.nothing"))


def test_imported_features_can_be_asked_nothing_and_results_say_why(tmp_path):
    workspace = planned(tmp_path, write_embeddings(tmp_path / "source", PHOTOS, place=PLACE), EmbedOptions())
    train_arms(workspace, TrainOptions(**HEADS | {"arms": ("full",), "seeds": 1}, robustness=True))
    results = workspace.artifact("training").json("results")
    assert "came without their photos" in results["unmeasured"]["robustness"]
    assert "came without their photos" in results["unmeasured"]["neutral"]
    assert results["arms"][0]["convergence"]["reached"] == 1
