"""Curating anew during training: when, from what, with which folds, and what training makes of it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from encoder_cases import SIDE, WORDS, make_encoder
from engine_cases import copied_workspace, shared_workspace
from PIL import Image

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions
from influencespace.evaluation.stage import load, train_arms
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import ScoreOptions
from influencespace.pairs.options import ImportOptions
from influencespace.proxy.options import ProxyOptions
from influencespace.proxy.stage import stored_fit
from influencespace.stages import run_stages
from influencespace.training.arms import Redrawn
from influencespace.training.dynamic import NO_FEATURES, NO_SCHEDULE, Recuration, impossible
from influencespace.training.loop import Settings, fit
from influencespace.training.options import TrainOptions
from influencespace.training.runs import Embedded
from influencespace.training.trainer import make, train_arm
from influencespace.workspace import Workspace

SETTINGS = Settings(1e-2, 4, 64, dimensions=16)
OPTIONS = TrainOptions(device="cpu", arms=("influence", "dynamic", "random"), seeds=1, schedule=(1,))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    workspace, wrong = shared_workspace(tmp_path_factory)
    data, curation, _ = load(workspace, OPTIONS)
    first = Redrawn(curation, 0)
    first.adopt(stored_fit(workspace, "cpu")[0], 0.0)
    return make(workspace, data, OPTIONS), curation, first.influence(), wrong


def stored(trainer):
    """What says of a split what the features say, and notes what it is asked about."""
    asked, data = [], trainer.data

    def judge(split):
        asked.append(split)
        return Embedded(data.image[split.image_rows].numpy(), data.text[split.rows].numpy(), split.photo)

    return judge, asked


def test_without_a_schedule_or_features_it_says_why_it_cannot_be():
    assert impossible(TrainOptions()) == NO_SCHEDULE
    assert impossible(TrainOptions(schedule=(1,), trainer="lxmert")) == NO_FEATURES
    assert impossible(TrainOptions(schedule=(1,))) is None
    assert impossible(TrainOptions(schedule=(3, 8)), 3) == (
        "training ends with epoch 3, and it was to curate anew only after epoch 3: --schedule"
    )
    assert impossible(TrainOptions(schedule=(3, 8)), 4) is None


def test_it_curates_after_the_scheduled_epochs_alone(made):
    judge, asked = stored(made[0])
    again = Recuration(made[1], 0, (2,), judge)
    assert again(1) is None and not asked and again.seconds == 0
    weights = again(2)
    assert weights.shape == (240,) and again.seconds > 0
    assert again(3) is None and len(asked) == 2


def test_it_looks_at_training_pairs_and_validation_photos_and_at_no_test_photo(made):
    trainer, curation, _, _ = made
    judge, asked = stored(trainer)
    Recuration(curation, 0, (1,), judge)(1)
    train, validation = asked
    assert np.array_equal(train.rows, curation.pairs.train) and np.array_equal(train.image_rows, curation.pairs.train)
    assert np.array_equal(validation.rows, curation.validation.rows)


def test_of_the_features_themselves_it_makes_the_fixed_plan_again(made):
    trainer, curation, plan, wrong = made
    weights = Recuration(curation, 0, (1,), stored(trainer)[0])(1)
    # Another ridge is chosen, and the features were prepared twice.
    assert ((weights == 0) == (plan == 0)).mean() > 0.95
    assert np.corrcoef(weights, plan)[0, 1] > 0.95
    assert wrong[weights == 0].mean() > 0.9


def test_reduction_cap_and_decisions_are_those_of_the_plan(made):
    trainer, curation, _, wrong = made
    sound = int(np.flatnonzero(~wrong)[0])
    decided = replace(curation, decisions={"pairs": {str(curation.ids[sound]): "prune"}}, plan=replace(curation.plan, cap=3.0))
    weights = Recuration(decided, 0, (1,), stored(trainer)[0])(1)
    assert weights[sound] == 0 and (weights == 0).sum() == 48
    assert weights[weights > 0].min() == 1 and weights.max() == 3


def test_a_seed_draws_the_folds_of_its_fixed_plan(made):
    trainer, curation, _, _ = made
    judge, _ = stored(trainer)
    first, again, other = (Recuration(curation, seed, (1,), judge)(1) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_model_without_features_is_no_model_to_curate_by(made):
    with pytest.raises(TypeError, match="holds no features"):
        Recuration(made[1], 0, (1,), lambda split: object())(1)


def test_training_goes_on_with_the_new_weights_for_the_same_steps(made):
    trainer, _, plan, _ = made
    task = trainer.task(SETTINGS, 0)
    other = np.roll(plan, 1)
    seen, loss = [], task.loss
    task.loss = lambda rows, weights: (seen.append((rows, weights.numpy())), loss(rows, weights))[1]
    fixed = fit(trainer.task(SETTINGS, 0), plan, SETTINGS, 0, device=trainer.device)
    fitted = fit(task, plan, SETTINGS, 0, device=trainer.device, reweigh=lambda epoch: other if epoch == 2 else None)
    assert fitted.steps == fixed.steps == len(seen) == 12
    for batches, weights in ((seen[:6], plan), (seen[6:], other)):
        rows = np.concatenate([rows for rows, _ in batches])
        assert set(rows) == set(np.flatnonzero(weights))
        factors = np.concatenate([factors for _, factors in batches])
        assert np.allclose(factors, weights[rows] / weights[weights > 0].mean())


def test_a_plan_that_stays_the_same_changes_nothing(made):
    trainer, curation, plan, _ = made

    class Same(Recuration):
        def __call__(self, epoch):
            assert super().__call__(epoch) is not None
            return plan

    fixed = train_arm(trainer, "influence", plan, SETTINGS, 0, 1.0)
    run = train_arm(
        trainer, "dynamic", plan, SETTINGS, 0, 1.0, recurate=lambda judge: Same(curation, 0, (1, 2, 3), judge)
    )
    assert run.test.image.tobytes() == fixed.test.image.tobytes() and run.steps == fixed.steps
    # What curating anew takes is scoring, not training.
    assert fixed.scoring_seconds == 1.0 and run.scoring_seconds > 1.0


def test_what_the_model_has_learnt_is_what_it_curates_by(made):
    trainer, curation, plan, wrong = made
    plans = []

    class Kept(Recuration):
        def __call__(self, epoch):
            plans.append(super().__call__(epoch))
            return plans[-1]

    run = train_arm(trainer, "dynamic", plan, SETTINGS, 0, 0.0, recurate=partial(Kept, curation, 0, (1,)))
    assert [found is None for found in plans] == [False, True, True]
    assert not np.array_equal(plans[0], plan) and (plans[0] == 0).sum() == 48
    assert wrong[plans[0] == 0].mean() > 0.8
    assert np.array_equal(run.weights, plan)


def test_as_an_arm_it_stands_beside_the_fixed_plan(tmp_path_factory, tmp_path, monkeypatch):
    monkeypatch.setattr("influencespace.training.heads.LEARNING_RATES", (1e-2,))
    monkeypatch.setattr("influencespace.training.heads.EPOCHS", (2,))
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path / "w")
    train_arms(workspace, OPTIONS)
    results = workspace.artifact("training").json("results")
    arms = {arm["arm"]: arm for arm in results["arms"]}
    assert set(arms) == {"influence", "dynamic", "random"} and results["missing"] == {}
    assert arms["dynamic"]["pairs"] == arms["influence"]["pairs"] == 192
    assert arms["dynamic"]["seconds"]["scoring"] > arms["influence"]["seconds"]["scoring"]
    for schedule, why in (((), NO_SCHEDULE), ((2,), "training ends with epoch 2")):
        train_arms(workspace, replace(OPTIONS, schedule=schedule))
        results = workspace.artifact("training").json("results")
        assert why in results["missing"]["dynamic"] and {arm["arm"] for arm in results["arms"]} == {"influence", "random"}


def test_an_encoder_that_is_fine_tuned_is_curated_anew_too(tmp_path):
    """Photos with a bright square for each word of their caption, and an encoder that knows nothing of them yet."""
    rng, words = np.random.default_rng(0), np.array(WORDS[4:])
    rows = []
    for i, shown in enumerate(rng.permutation(np.unique(rng.random((400, len(words))) < 0.4, axis=0)[1:])[:100]):
        squares = np.zeros((4, 4, 3), dtype=np.uint8)
        squares.reshape(16, 3)[: len(words)][shown] = 255
        Image.fromarray(squares.repeat(SIDE // 4, 0).repeat(SIDE // 4, 1)).save(tmp_path / f"{i}.png")
        rows.append({"image": f"{i}.png", "caption": " ".join(words[shown])})
    pd.DataFrame(rows).to_json(tmp_path / "pairs.jsonl", orient="records", lines=True)
    workspace = Workspace(tmp_path / "w", create=True)
    encoder = str(make_encoder("clip", tmp_path / "encoder"))
    wanted = {
        "import": ImportOptions(source=str(tmp_path / "pairs.jsonl"), holdout=0.4), "embed": EmbedOptions(encoder=encoder),
        "proxy": ProxyOptions(repeats=1, ridge=1e-3, dimensions=8), "cluster": ClusterOptions(topics=2, strata=2),
        "score": ScoreOptions(rank=4), "plan": PlanOptions(),
    }
    options = TrainOptions(
        arms=("influence", "dynamic"), seeds=1, trainer="clip", epochs=2, learning_rate=1e-3, batch=16, schedule=(1,),
        device="cpu",
    )
    run_stages(workspace, wanted | {"train": options})
    results = workspace.artifact("training").json("results")
    arms = {arm["arm"]: arm for arm in results["arms"]}
    assert results["missing"] == {} and set(arms) == {"influence", "dynamic"}
    assert arms["dynamic"]["pairs"] == arms["influence"]["pairs"] == 48
    assert arms["dynamic"]["seconds"]["scoring"] > arms["influence"]["seconds"]["scoring"]
    curves = workspace.artifact("training").table("curves").set_index(["arm", "epoch"])["loss"]
    # Until it has curated anew it is the fixed plan's training.
    assert curves["dynamic", 1] == curves["influence", 1] and curves["dynamic", 2] != curves["influence", 2]
