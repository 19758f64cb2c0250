"""The stage ``verify``: what was predicted beside what retraining finds, for clusters and for whole plans."""

import numpy as np
from engine_cases import shared_workspace

from influencespace.curation.effects import REFERENCES
from influencespace.curation.verify import CAP, RATIOS
from influencespace.influence.setting import stored_setting


def test_what_it_calls_actual_is_a_proxy_fitted_without_the_cluster(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    setting = stored_setting(workspace, "cpu")
    table = workspace.artifact("verification").table("clusters")
    overall = table[table["target"] == "overall"].iloc[0]
    gone = setting.labels[setting.member[setting.rows]] == overall["cluster"]
    risen = setting.losses.at(setting.optimum.retrained((~gone).astype(float))) - setting.losses.at(setting.optimum.model)
    np.testing.assert_allclose(overall["actual"], risen[0], rtol=1e-5)


def test_it_says_how_many_clusters_were_left_out_and_judges_every_target(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    found = workspace.artifact("verification").json("verification")
    assert (found["clusters"], found["of"]) == (6, len(workspace.artifact("effects").table("clusters")))
    assert set(found["targets"]) == set(workspace.artifact("effects").facts["targets"])
    assert all(one["clusters"] == 6 for one in found["targets"].values())


def test_plans_are_predicted_nearly_as_retraining_finds_them(tmp_path_factory):
    workspace, _ = shared_workspace(tmp_path_factory)
    plans = workspace.artifact("verification").table("plans")
    overall = plans[plans["target"] == "overall"]
    assert overall["reduction"].tolist() == list(RATIOS)
    assert (overall["actual"] > 0).all()
    np.testing.assert_allclose(overall["predicted"], overall["actual"], atol=0.25 * overall["actual"].max())


def test_no_plan_is_checked_that_the_preview_has_learnt_from():
    assert not {(ratio, CAP) for ratio in RATIOS} & set(REFERENCES)
