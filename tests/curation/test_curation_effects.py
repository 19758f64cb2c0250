"""The stage ``effects``: what it leaves, and that it can be taken up again."""

import numpy as np
import pytest
import torch
from engine_cases import copied_workspace, shared_workspace

from influencespace.curation.effects import find_effects
from influencespace.influence.options import EffectOptions
from influencespace.influence.setting import stored_setting
from influencespace.influence.verification import UNVERIFIED, verdicts


def test_every_cluster_has_an_effect_on_every_target(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    table = workspace.artifact("effects").table("clusters")
    names = workspace.artifact("effects").facts["targets"]
    assert names == [target["name"] for target in workspace.artifact("scores").json("targets")]
    assert table["cluster"].tolist() == sorted(workspace.artifact("clusters").table("members")["cluster"].unique())
    assert np.isfinite(table[names + [f"{name}.first order" for name in names]].to_numpy()).all()


def test_clusters_of_wrong_pairs_are_better_gone(tmp_path_factory):
    workspace, wrong = shared_workspace(tmp_path_factory)
    members = workspace.artifact("clusters").table("members")
    share = members.assign(wrong=wrong).groupby("cluster")["wrong"].mean()
    effects = workspace.artifact("effects").table("clusters").set_index("cluster")["overall"]
    assert effects[share[share > 0.9].index].mean() < 0 < effects[share[share < 0.1].index].mean()


def test_the_setting_is_taken_up_as_it_was(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    setting, facts = stored_setting(workspace, "cpu"), workspace.artifact("effects").facts
    np.testing.assert_allclose(setting.losses.at(setting.optimum.model), list(facts["losses"].values()), atol=1e-6)
    slope = setting.optimum.gradient(setting.optimum.model, setting.optimum.batches)
    at_start = setting.optimum.gradient(torch.zeros_like(slope), setting.optimum.batches)
    assert slope.norm() < 1e-4 * at_start.norm()


def test_another_number_of_steps_makes_what_was_verified_unverified(tmp_path_factory, tmp_path):
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path / "w")
    assert UNVERIFIED not in verdicts(workspace).values()
    find_effects(workspace, EffectOptions(steps=3, removal_dimensions=16))
    assert set(verdicts(workspace).values()) == {UNVERIFIED}


@pytest.mark.parametrize("level", ["predicted", "first_order"])
def test_what_retraining_is_compared_with_is_what_was_predicted(tmp_path_factory, level):
    workspace, _ = shared_workspace(tmp_path_factory)
    table = workspace.artifact("verification").table("clusters")
    effects = workspace.artifact("effects").table("clusters").set_index("cluster")
    for target, own in table.groupby("target"):
        column = target if level == "predicted" else f"{target}.first order"
        np.testing.assert_array_equal(own[level], effects.loc[own["cluster"], column])
