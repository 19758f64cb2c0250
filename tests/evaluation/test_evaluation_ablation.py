"""Varying the settings: what plans they give, what is trained once and kept, and what the figures are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from engine_cases import PAIRS, SMALL, copied_workspace, shared_workspace

from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.tree import TopicSpace, find_topics
from influencespace.curation.members import Members
from influencespace.curation.stage import plan_subset
from influencespace.errors import ExportError, OptionError
from influencespace.evaluation import ablation
from influencespace.evaluation.ablation import ablate
from influencespace.evaluation.ablation_figures import CHANGE, ablation_figures, csv_file, plain_rows
from influencespace.evaluation.ablation_options import KNOBS, AblationOptions, grid_of, own_values
from influencespace.evaluation.ablation_plans import SeedPlans, Setup
from influencespace.evaluation.measure import pool
from influencespace.evaluation.stage import load
from influencespace.evaluation.store import load_measures
from influencespace.options import restore
from influencespace.progress import Cancelled
from influencespace.proxy.stage import stored_fit
from influencespace.training.arms import Redrawn
from influencespace.training.options import TrainOptions

FEW = AblationOptions(
    seeds=2, seed=3, topics=(2,), rank=(4,), cap=(1.0, 4.0), fairness=(0.0,), damping=(1000.0,), folds=(3,), device="cpu"
)
OWN = {"topics": 4, "rank": 16, "cap": 4.0, "fairness": 0.5, "damping": 10.0, "folds": 2}
NAMES = ["own", "topics=2", "rank=4", "cap=1", "fairness=0", "damping=1000", "folds=3"]


@pytest.fixture(autouse=True)
def one_setting(monkeypatch):
    """No choice of learning rate and epochs, which is the business of the tests of tuning."""
    monkeypatch.setattr("influencespace.training.heads.LEARNING_RATES", (1e-2,))
    monkeypatch.setattr("influencespace.training.heads.EPOCHS", (2,))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path_factory.mktemp("ablated") / "w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("influencespace.training.heads.LEARNING_RATES", (1e-2,))
        patch.setattr("influencespace.training.heads.EPOCHS", (2,))
        told = []
        ablate(workspace, FEW, lambda *report: told.append(report))
    return workspace, told


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


@pytest.fixture
def trained(monkeypatch):
    """The runs that were trained, as (name, seed)."""
    runs, train = [], ablation.train_arm
    monkeypatch.setattr(ablation, "train_arm", lambda trainer, name, weights, settings, seed, *more, **how: (
        runs.append((name, seed)), train(trainer, name, weights, settings, seed, *more, **how))[1])
    return runs


def setup_of(workspace):
    _, curation, _ = load(workspace, TrainOptions(device="cpu"))
    clusters = workspace.artifact("clusters")
    return Setup(curation, restore(ClusterOptions, clusters.record["options"]), Members.read(clusters))


def plans_of(workspace, setup=None):
    return SeedPlans(setup or setup_of(workspace), 0, (stored_fit(workspace, "cpu")[0], 0.0))


def plan_weights(workspace):
    return workspace.artifact("plan").table("pairs")["weight"].to_numpy()


@pytest.mark.parametrize(("knob", "value", "bound"), [
    ("topics", 0, "at least 1"), ("rank", 2000, "at most 1024"), ("cap", 0.5, "at least 1"), ("fairness", -1.0, "at least 0"),
    ("damping", 0.0, "at least 0.01"), ("folds", 1, "at least 2"),
])
def test_a_value_outside_the_bounds_of_its_own_stage_is_an_error_that_names_it(knob, value, bound):
    with pytest.raises(OptionError, match=f"--{knob} must be {bound}"):
        AblationOptions(**{knob: (value,)})


def test_nothing_to_vary_is_an_error():
    with pytest.raises(OptionError, match="--knobs names nothing to vary; choose from topics, rank"):
        AblationOptions(knobs=())


def test_the_grid_holds_each_value_once_ascending_and_the_workspaces_own():
    grid, missing = grid_of(AblationOptions(knobs=("cap", "folds"), cap=(8.0, 2.0, 8.0), folds=()), OWN, {"place": ["a", "b"]})
    assert grid == {"cap": [2.0, 4.0, 8.0], "folds": [2]} and missing == {}
    assert AblationOptions(seeds=3).runs(grid) == 3 * (1 + 2)


def test_fairness_is_left_out_where_no_groups_are_compared():
    grid, missing = grid_of(AblationOptions(), OWN, {"place": ["only"]})
    assert list(grid) == [knob for knob in KNOBS if knob != "fairness"] and "no groups are compared" in missing["fairness"]
    with pytest.raises(OptionError, match="nothing left to vary: fairness is left out, because no groups"):
        grid_of(AblationOptions(knobs=("fairness",)), OWN, {})


def test_the_own_values_are_those_that_the_artifacts_were_made_with(tmp_path_factory):
    assert own_values(shared_workspace(tmp_path_factory)[0]) == OWN


def test_a_change_of_one_setting_leaves_the_others(tmp_path_factory):
    setup = setup_of(shared_workspace(tmp_path_factory)[0])
    own = setup.curation
    expected = {
        "rank": {"score": replace(own.score, rank=3)}, "damping": {"score": replace(own.score, damping=3.0)},
        "cap": {"plan": replace(own.plan, cap=3.0)}, "fairness": {"plan": replace(own.plan, fairness=3.0)},
        "folds": {"proxy": replace(own.proxy, folds=3)},
    }
    for knob, parts in expected.items():
        changed = setup.changed(knob, 3)
        assert {name: getattr(changed, name) for name in ("proxy", "score", "plan")} == {
            name: getattr(own, name) for name in ("proxy", "score", "plan")
        } | parts
        assert changed.topics is own.topics and changed.decisions is own.decisions


def test_other_topics_are_those_that_clustering_finds(tmp_path_factory):
    workspace = shared_workspace(tmp_path_factory)[0]
    setup = setup_of(workspace)
    pairs = setup.curation.pairs
    space = TopicSpace(pairs.image.numpy(), pairs.text.numpy(), pairs.train)
    assert np.array_equal(setup.changed("topics", 2).topics, find_topics(space, ClusterOptions(topics=2, strata=5)))
    # The same number gives the same topics.
    assert np.array_equal(setup.changed("topics", 4).topics, workspace.artifact("clusters").table("members")["topic"])


def test_what_was_decided_of_topics_and_clusters_holds_for_their_pairs_under_other_topics(workspace):
    members = workspace.artifact("clusters").table("members")
    ids = workspace.artifact("pairs").table("pairs")["id"]
    cluster = members.loc[members["topic"] == 3, "cluster"].iloc[0]
    one = int(np.flatnonzero(members["cluster"] == cluster)[0])
    workspace.decide({"topics": {"3": "prune"}, "clusters": {cluster: 2.5}, "pairs": {ids.iloc[one]: "prune"}})
    plan_subset(workspace, SMALL["plan"])
    weights = plans_of(workspace).weights("topics", 2).weights
    pruned = ((members["topic"] == 3) & (members["cluster"] != cluster)).to_numpy()
    assert (weights[pruned] == 0).all() and weights[one] == 0
    own = (members["cluster"] == cluster).to_numpy(copy=True)
    own[one] = False
    assert (weights[own] == 2.5).all()


def test_the_own_plan_of_the_first_seed_is_the_curators(tmp_path_factory):
    workspace = shared_workspace(tmp_path_factory)[0]
    assert plans_of(workspace).weights().weights.tobytes() == plan_weights(workspace).tobytes()


@pytest.mark.parametrize(("knob", "value"), [("cap", 1.5), ("fairness", 3.0), ("rank", 2), ("damping", 500.0), ("folds", 4)])
def test_a_plan_is_that_of_a_curation_from_scratch(tmp_path_factory, knob, value):
    setup = setup_of(shared_workspace(tmp_path_factory)[0])
    plans = SeedPlans(setup, 1)
    plans.weights()  # what it has found is shared
    weights = plans.weights(knob, value).weights
    assert np.array_equal(weights, Redrawn(setup.changed(knob, value), 1).weights("influence").weights)
    assert (weights == 0).sum() == 48


def test_a_cap_of_one_weighs_all_kept_pairs_alike(tmp_path_factory):
    weights = plans_of(shared_workspace(tmp_path_factory)[0]).weights("cap", 1.0).weights
    assert set(weights.tolist()) == {0.0, 1.0}


def test_every_value_has_every_seed_and_the_own_one_is_trained_once(made):
    runs = made[0].artifact("ablations").table("runs")
    assert list(zip(runs["arm"], runs["seed"], strict=True)) == [(name, seed) for seed in (3, 4) for name in NAMES]
    assert (runs["pairs"] == 0.8 * PAIRS["train"]).all()


def test_progress_counts_the_runs_up_to_all(made):
    counted = [(done, of) for done, of, what in made[1] if what.startswith("training")]
    assert [done for done, _ in counted] == sorted(done for done, _ in counted)
    assert set(counted) == {(done, 14) for done in range(14)}
    assert (14, 14, "comparing the settings") in made[1]


def test_figures_are_those_of_the_ranks(made):
    artifact = made[0].artifact("ablations")
    figures, ranks, photos = (artifact.table(name) for name in ("figures", "ranks", "photos"))
    grid, own = artifact.facts["grid"], artifact.facts["own"]
    assert own == OWN and grid == {knob: sorted({*getattr(FEW, knob), own[knob]}) for knob in KNOBS}

    def recall(arm, k, inside=slice(None)):
        hits = ranks[ranks["arm"] == arm].assign(hit=lambda table: table["rank"] < k)
        return 100 * hits.groupby(["direction", "photo"])["hit"].mean().groupby("photo").mean()[inside].mean()

    for row in figures.to_dict("records"):
        arm = "own" if row["own"] else f"{row['knob']}={row['value']:g}"
        assert row["own"] == (row["value"] == own[row["knob"]])
        if row["metric"] == "gap":
            ahead, behind = (np.flatnonzero(photos["group.place"] == row[side]) for side in ("ahead", "behind"))
            expected, reference = (recall(one, 10, ahead) - recall(one, 10, behind) for one in (arm, "own"))
            assert reference >= 0
        else:
            expected, reference = (recall(one, int(row["metric"][2:])) for one in (arm, "own"))
        assert row["mean"] == pytest.approx(expected) and row["low"] <= row["mean"] <= row["high"]
        if row["own"]:
            assert all(np.isnan(row[name]) for name in CHANGE)
        else:
            assert row["change"] == pytest.approx(expected - reference)
            assert row["change_low"] <= row["change"] + 1e-9 and row["change_high"] >= row["change"] - 1e-9
    assert len(figures) == 4 * sum(map(len, grid.values()))


def test_two_disjoint_tests_are_pooled_into_one_table(made):
    half = load_measures(made[0].artifact("ablations"))
    other = replace(half, photos=np.array([f"other {photo}" for photo in half.photos], dtype=object))
    facts = made[0].artifact("ablations").facts
    once, twice = (ablation_figures(which, facts["grid"], facts["own"], draws=50) for which in (half, pool([half, other])))
    assert np.allclose(once["mean"], twice["mean"]) and len(once) == len(twice)


def test_a_cancelled_ablation_keeps_what_it_has_finished(workspace, trained):
    def cancel(done, total, what):
        if what.startswith("training") and done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        ablate(workspace, FEW, cancel)
    assert trained == [(name, 3) for name in NAMES[:3]] and workspace.find("ablations") is None
    ablate(workspace, FEW)
    assert trained == [(name, seed) for seed in (3, 4) for name in NAMES]


def test_further_values_add_to_what_is_there(made, trained):
    workspace = made[0]
    before = workspace.artifact("ablations").table("figures")
    ablate(workspace, replace(FEW, cap=(1.0, 2.0), knobs=("cap", "rank")))
    assert trained == [("cap=2", 3), ("cap=2", 4)]
    after = workspace.artifact("ablations").table("figures")
    assert set(after["knob"]) == {"cap", "rank"}
    common = before[before["knob"] == "rank"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after[after["knob"] == "rank"].reset_index(drop=True), common)
    ablate(workspace, FEW)
    assert len(trained) == 2


def test_a_changed_plan_makes_the_ablations_stale(made):
    workspace = made[0]
    assert workspace.state("ablations") == "current"
    workspace.decide({"topics": {"1": "keep"}})
    assert workspace.state("ablations") == "stale"
    workspace.decide({})


def test_the_csv_holds_every_figure_and_replaces_nothing_unasked(made, tmp_path):
    figures = made[0].artifact("ablations").table("figures")
    file = csv_file(str(tmp_path / "figures.csv"))(figures)
    read = pd.read_csv(file, keep_default_na=False, na_values={name: [""] for name in CHANGE})
    pd.testing.assert_frame_equal(read, figures, check_dtype=False)
    with pytest.raises(ExportError, match=r"figures.csv exists.*--overwrite"):
        csv_file(str(file))
    csv_file(str(file), overwrite=True)(figures.head(1))
    assert len(pd.read_csv(file)) == 1
    with pytest.raises(ExportError, match="lies in a folder that does not exist"):
        csv_file(str(tmp_path / "nowhere" / "figures.csv"))


def test_rows_of_json_have_null_for_what_is_not_defined(made):
    rows = plain_rows(made[0].artifact("ablations").table("figures"))
    own, other = (next(row for row in rows if row["own"] is is_own) for is_own in (True, False))
    assert own["change"] is None and isinstance(other["change"], float)
