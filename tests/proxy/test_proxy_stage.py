import numpy as np
import pytest
import torch
from engine_cases import PAIRS, SMALL, shared_workspace

from influencespace.pairs.views import training_rows
from influencespace.proxy.crossfit import cross_fit, joint_cosine
from influencespace.proxy.stage import prepared_pairs, stored_fit


@pytest.fixture(params=[False, True], ids=["unaligned", "aligned"], scope="module")
def made(request, tmp_path_factory):
    return shared_workspace(tmp_path_factory, request.param)


def test_the_artifact_holds_what_was_fitted(made):
    workspace, _ = made
    options = SMALL["proxy"]
    fitted = cross_fit(prepared_pairs(workspace, options, "cpu"), options)
    stored, found = stored_fit(workspace, "cpu")
    assert found == options
    assert np.array_equal(stored.folds, fitted.folds) and stored.folds.dtype == np.int8
    assert torch.equal(stored.models, fitted.models) and np.array_equal(stored.priors, fitted.priors)
    assert np.array_equal(stored.agreement, fitted.agreement) and stored.agreement.dtype == np.float32


def test_its_facts_say_what_it_is(made):
    workspace, _ = made
    artifact = workspace.artifact("proxy")
    assert artifact.facts == {
        "ridge": 1e-3, "dimensions": [16, 16], "aligned": workspace.artifact("features").facts["aligned"]
    }
    assert artifact.array("agreement").shape == (PAIRS["train"],) and artifact.array("folds").shape == (2, PAIRS["train"])


def test_planted_mismatches_agree_least(made):
    workspace, wrong = made
    agreement = workspace.artifact("proxy").array("agreement")
    assert wrong[np.argsort(agreement)[: wrong.sum()]].mean() > 0.75
    assert agreement.mean() == pytest.approx(0, abs=1e-5) and agreement.std() == pytest.approx(1, abs=1e-5)


def test_prepared_features_are_in_the_order_of_the_table(made):
    workspace, _ = made
    pairs = prepared_pairs(workspace, SMALL["proxy"], "cpu")
    table = workspace.artifact("pairs").table("pairs")
    assert np.array_equal(pairs.train, training_rows(table)) and len(pairs.image) == len(table)
    # Cosines of the prepared features are those of the stored ones, centred on the training pairs.
    raw = np.asarray(workspace.artifact("features").array("image"), np.float64)
    centred = raw - raw[pairs.train].mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(pairs.image @ pairs.image.T, centred @ centred.T, atol=1e-4)


def test_proxies_that_start_from_the_encoder_start_from_its_cosine(tmp_path_factory):
    workspace, wrong = shared_workspace(tmp_path_factory, aligned=True)
    pairs = prepared_pairs(workspace, SMALL["proxy"], "cpu")
    cosine = joint_cosine(pairs.similarity, pairs, pairs.train)
    assert wrong[np.argsort(cosine)[: wrong.sum()]].mean() > 0.75
    assert (stored_fit(workspace, "cpu")[0].priors > 0).all()
