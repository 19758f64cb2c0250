from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import PAIRS, shared_workspace

from influencespace.evaluation.stage import load
from influencespace.metrics.recall import recall_at, retrieval_ranks
from influencespace.training.heads import HeadsTrainer
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.training.trainer import make, train_arm, trial_scores, untouched

STILL = Settings(0.0, 2, 64, dimensions=16)
SETTINGS = Settings(1e-2, 3, 64, dimensions=16)


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    return HeadsTrainer(load(shared_workspace(tmp_path_factory, aligned=True)[0], TrainOptions(device="cpu"))[0])


@pytest.fixture(scope="module")
def unaligned(tmp_path_factory):
    return HeadsTrainer(load(shared_workspace(tmp_path_factory)[0], TrainOptions(device="cpu"))[0])


def ones():
    return np.ones(PAIRS["train"], dtype=np.float32)


def unit(features, rows):
    features = np.asarray(features, np.float32)[rows]
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_the_arm_that_trains_nothing_is_the_encoder(aligned, tmp_path_factory):
    features = shared_workspace(tmp_path_factory, aligned=True)[0].artifact("features")
    run = untouched(aligned, STILL, 4)
    for found, split in ((run.test, aligned.data.test), (run.validation, aligned.data.validation)):
        np.testing.assert_allclose(found.image, unit(features.array("image"), split.image_rows), atol=1e-6)
        np.testing.assert_allclose(found.text, unit(features.array("text"), split.rows), atol=1e-6)
        assert np.array_equal(found.photo, split.photo)
    assert (run.arm, run.seed, run.training_seconds, run.scoring_seconds, run.curve) == ("start", 4, None, 0.0, [])
    assert not run.weights.any()


def test_aligned_heads_without_training_equal_the_encoder(aligned):
    run, start = train_arm(aligned, "full", ones(), STILL, 0, 0.0), untouched(aligned, STILL, 0)
    np.testing.assert_allclose(run.test.image, start.test.image, atol=1e-6)
    np.testing.assert_allclose(run.test.text, start.test.text, atol=1e-6)


def test_the_cosine_is_the_encoders_own(aligned, unaligned):
    data = aligned.data
    expected = [float(data.image[i] @ data.text[i]) for i in data.train]
    np.testing.assert_allclose(data.cosine(), expected, atol=1e-6)
    assert unaligned.data.cosine() is None


def test_features_that_are_not_aligned_are_centred_on_the_training_pairs(unaligned):
    # Of unit length, and apart from what normalising does, with a mean of nothing.
    for side in (unaligned.data.image, unaligned.data.text):
        torch.testing.assert_close(side.norm(dim=1), torch.ones(len(side)))
        assert side[unaligned.data.train].mean(0).norm() < 0.1


def test_a_run_says_what_was_trained_how_long_and_how_it_went(unaligned):
    weights = ones()
    weights[:50] = 0
    run = train_arm(unaligned, "influence", weights, SETTINGS, 7, 1.5)
    assert (run.arm, run.seed, run.scoring_seconds) == ("influence", 7, 1.5) and run.weights is weights
    assert run.training_seconds > 0
    assert [entry["epoch"] for entry in run.curve] == [1, 2, 3]
    forward, backward = retrieval_ranks(run.validation.image, run.validation.text, run.validation.photo)
    # One caption a photo: recall of both directions is the mean of the two.
    assert run.curve[-1]["recall"] == pytest.approx(50 * (recall_at(forward, 10) + recall_at(backward, 10)))
    assert run.test.image.shape == (PAIRS["test"], 16) and run.test.image.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(run.test.text, axis=1), 1, atol=1e-5)


def test_training_raises_validation_recall(unaligned):
    before = unaligned.task(SETTINGS, 0).recall() / 100
    assert trial_scores(unaligned, SETTINGS, (0,)).mean() > before + 0.2


def test_a_trial_is_the_mean_of_its_seeds(unaligned):
    both = trial_scores(unaligned, SETTINGS, (0, 1))
    apart = [trial_scores(unaligned, SETTINGS, (seed,)) for seed in (0, 1)]
    assert both.shape == (PAIRS["validation"],)
    np.testing.assert_allclose(both, np.mean(apart, axis=0))
    run = train_arm(unaligned, "full", ones(), SETTINGS, 0, 0.0)
    assert 100 * apart[0].mean() == pytest.approx(run.curve[-1]["recall"])


def test_held_out_pairs_are_not_trained_on(unaligned):
    """Other features of the held-out pairs change nothing of what is learnt."""
    run = train_arm(unaligned, "full", ones(), SETTINGS, 0, 0.0)
    data = unaligned.data
    text = data.text.clone()
    text[data.test.rows] = text[data.test.rows].flip(0)
    other = train_arm(HeadsTrainer(replace(data, text=text)), "full", ones(), SETTINGS, 0, 0.0)
    assert [entry["loss"] for entry in run.curve] == [entry["loss"] for entry in other.curve]
    assert np.array_equal(run.test.image, other.test.image) and np.array_equal(run.validation.text, other.validation.text)
    assert not np.array_equal(run.test.text, other.test.text)


def test_as_many_steps_as_the_full_data_take(unaligned):
    weights = ones()
    weights[: len(weights) // 2] = 0
    full = train_arm(unaligned, "full", ones(), SETTINGS, 0, 0.0)
    epochs = train_arm(unaligned, "random", weights, SETTINGS, 0, 0.0)
    steps = train_arm(unaligned, "random", weights, SETTINGS, 0, 0.0, budget="steps")
    assert epochs.steps < full.steps == steps.steps
    assert len(epochs.curve) == SETTINGS.epochs < len(steps.curve)


def test_the_trainer_is_made_from_the_options(aligned, tmp_path_factory):
    workspace = shared_workspace(tmp_path_factory, aligned=True)[0]
    assert make(workspace, aligned.data, TrainOptions()).starts
    assert not make(workspace, aligned.data, TrainOptions(joint_dimensions=8)).starts
