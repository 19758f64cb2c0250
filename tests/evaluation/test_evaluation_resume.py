"""A training that is cancelled, or killed in the middle, goes on where it stopped and comes out the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
from engine_cases import copied_workspace

from influencespace.curation.options import PlanOptions
from influencespace.evaluation import runner
from influencespace.evaluation.stage import train_arms
from influencespace.options import restore
from influencespace.progress import Cancelled
from influencespace.training import loop
from influencespace.training.journal import Course
from influencespace.training.kept import Kept
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions

GRID = [Settings(1e-3, 3, 64, dimensions=16), Settings(1e-2, 10, 64, dimensions=16)]
OPTIONS = TrainOptions(arms=("influence", "random", "agreement", "full"), seeds=3)
RUNS = 12
TIMES = re.compile(r"seconds|efficiency|convergence|energy|joules")


@pytest.fixture(scope="module", autouse=True)
def few_settings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("influencespace.training.heads.HeadsTrainer.grid", lambda trainer: GRID)
        yield


@pytest.fixture(scope="module")
def whole(few_settings, tmp_path_factory):
    """A workspace that was trained without interruption."""
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path_factory.mktemp("whole") / "w")
    train_arms(workspace, OPTIONS)
    return workspace


@pytest.fixture
def untrained(tmp_path_factory, tmp_path):
    return copied_workspace(tmp_path_factory, tmp_path / "w")[0]


def kept_of(workspace, options=OPTIONS):
    plan = restore(PlanOptions, workspace.artifact("plan").record["options"])
    return Kept.of(workspace, options, plan, workspace.decisions())


def without_times(value):
    """A document with null for whatever is a measured time."""
    if isinstance(value, dict):
        return {key: None if TIMES.search(key) else without_times(entry) for key, entry in value.items()}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


def same(workspace, other):
    """Everything that training has made is the same to the byte, times aside."""
    ours, theirs = workspace.artifact("training"), other.artifact("training")
    assert json.dumps(without_times(ours.json("results"))) == json.dumps(without_times(theirs.json("results")))
    for table in ("ranks", "matches", "curves", "photos", "runs"):
        untimed = [column for column in ours.table(table) if not TIMES.search(column)]
        assert ours.table(table)[untimed].equals(theirs.table(table)[untimed]), table
    return True


def killed_when(workspace, now):
    """Train in a process of its own that is killed when ``now(done)`` holds after so many finished runs."""
    def train():
        def report(done, total, what):
            if what.startswith("training") and now(done):
                os.kill(os.getpid(), signal.SIGKILL)

        train_arms(workspace, OPTIONS, report)

    process = multiprocessing.get_context("fork").Process(target=train)
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL


def killed_at(workspace, done, epoch):
    """Train in a process that is killed in the middle of a run, after so many finished ones."""
    seen = []

    def now(finished):
        seen.extend([finished] if finished == done else [])
        return len(seen) > epoch

    killed_when(workspace, now)


def counted(workspace, options=OPTIONS):
    """Train to the end; the numbers of runs that had been finished at each report of progress."""
    told = []
    train_arms(workspace, options, lambda done, total, what: told.append((done, total, what)))
    return [done for done, _, what in told if what.startswith("training")]


@pytest.mark.parametrize(("done", "epoch"), [(0, 1), (5, 2), (11, 3)])
def test_killed_training_goes_on_and_equals_one_that_was_never_interrupted(untrained, whole, done, epoch):
    killed_at(untrained, done, epoch)
    assert untrained.find("training") is None
    assert len(kept_of(untrained).finished()) == done
    assert counted(untrained)[0] == done
    assert untrained.artifact("training").facts["taken_over"] == done
    assert same(untrained, whole)


def test_killed_training_loses_at_most_one_epoch(untrained, monkeypatch):
    """Killed when a run has trained two epochs: they are not trained again, and its weights are not found again."""
    kept, trained, one = kept_of(untrained), [], loop._epoch

    def two_epochs(done):
        course = Course()
        course.follow(kept.journal)
        return any(len(steps) == 2 for steps in course.curves.values())

    killed_when(untrained, two_epochs)

    def counting(task, *rest):
        trained.append(len(trained))
        return one(task, *rest)

    (begun,) = kept.folder.glob("checkpoint=*.safetensors")
    arm, seed = begun.stem.removeprefix("checkpoint=").rsplit("=", 1)
    course = Course()
    course.follow(kept.journal)
    assert len(course.curves[arm, int(seed)]) == 2
    drawn = kept.drawn(arm, int(seed)).weights
    monkeypatch.setattr(loop, "_epoch", counting)
    train_arms(untrained, replace(OPTIONS, arms=(arm,), seeds=1))
    curves = untrained.artifact("training").table("curves")
    assert len(trained) == len(curves) - 2
    assert np.count_nonzero(drawn) == untrained.artifact("training").table("runs")["pairs"][0]
    assert not list(kept.folder.glob("checkpoint=*")) and not list(kept.folder.glob("drawn=*"))


def test_training_killed_twice_and_in_the_middle_of_a_line_goes_on(untrained, whole):
    killed_at(untrained, 2, 2)
    with kept_of(untrained).journal.open("a") as file:
        file.write('{"arm": "full", "se')
    killed_at(untrained, 7, 1)
    counted(untrained)
    assert same(untrained, whole)
    course = Course()
    course.follow(kept_of(untrained).journal)
    curves = untrained.artifact("training").table("curves")
    told = [(arm, seed, step["epoch"], step["loss"]) for (arm, seed), steps in course.curves.items() for step in steps]
    assert sorted(told) == sorted(curves[["arm", "seed", "epoch", "loss"]].itertuples(index=False, name=None))
    assert len(course.seconds) == RUNS


def test_cancelled_training_keeps_the_settings_that_were_tried(untrained, monkeypatch):
    def cancel(done, total, what):
        if done == 1 and what.startswith("choosing"):
            raise Cancelled

    with pytest.raises(Cancelled):
        train_arms(untrained, OPTIONS, cancel)
    tried, scores = [], runner.trial_scores

    def watched(data, settings, *rest):
        tried.append(settings)
        return scores(data, settings, *rest)

    monkeypatch.setattr(runner, "trial_scores", watched)
    counted(untrained)
    assert tried == GRID[1:]


def test_settings_that_are_being_tried_go_on_after_their_last_epoch(untrained, whole, monkeypatch):
    trained, one = [], loop._epoch
    monkeypatch.setattr(loop, "_epoch", lambda *given: (trained.append(None), one(*given))[1])

    def until(epochs):
        def cancel(done, total, what):
            if len(trained) >= epochs or what.startswith("training"):
                raise Cancelled

        with pytest.raises(Cancelled):
            train_arms(untrained, OPTIONS, cancel)
        return len(trained)

    # Two seeds each of three and of ten epochs.
    assert [until(epochs) for epochs in (2, 4, 20, np.inf)] == [2, 4, 20, 26]
    ours, theirs = kept_of(untrained), kept_of(whole)
    assert not list(ours.folder.glob("trying=*"))
    assert all(np.array_equal(ours.tried(settings), theirs.tried(settings)) for settings in GRID)


def test_a_further_arm_and_seed_add_to_what_is_there(whole, tmp_path):
    workspace = type(whole)(shutil.copytree(whole.path, tmp_path / "more"))
    done = counted(workspace, TrainOptions(arms=OPTIONS.arms, seeds=4))
    assert (min(done), max(done)) == (RUNS, RUNS + 3)


def test_what_was_finished_under_other_circumstances_is_not_taken_over(untrained):
    found = kept_of(untrained)
    plan = restore(PlanOptions, untrained.artifact("plan").record["options"])
    others = [
        kept_of(untrained, TrainOptions(seed=1)),
        Kept.of(untrained, OPTIONS, PlanOptions(reduction=0.4), {}),
        Kept.of(untrained, OPTIONS, plan, {"topics": {"1": "prune"}}),
    ]
    assert len({found.folder, *(other.folder for other in others)}) == 4
    assert kept_of(untrained, TrainOptions(arms=("full",), seeds=9)).folder == found.folder


def test_what_curating_anew_took_outlives_the_training(untrained, monkeypatch):
    """A training that is killed after it has curated anew goes on behind that, and its time still counts."""
    options = TrainOptions(arms=("dynamic",), seeds=1, schedule=(1,), learning_rate=1e-3, epochs=3)
    began = []
    load = Kept.drawn

    def killed(kept, arm, seed):
        began.append(load(kept, arm, seed))
        return began[-1]

    monkeypatch.setattr(Kept, "drawn", killed)
    real = loop.checkpoints.save

    def save(*given):
        real(*given)
        raise Cancelled

    monkeypatch.setattr(loop.checkpoints, "save", save)
    with pytest.raises(Cancelled):
        train_arms(untrained, options)
    monkeypatch.setattr(loop.checkpoints, "save", real)
    train_arms(untrained, options)
    first, again = began
    assert first is None
    runs = untrained.artifact("training").table("runs")
    assert runs["scoring_seconds"].tolist() == [pytest.approx(again.seconds)]


def test_a_named_model_that_was_exchanged_is_another_recipe(untrained, tmp_path):
    folders = set()
    for weights in (b"one", b"other"):
        (tmp_path / "model.safetensors").write_bytes(weights)
        folders.add(kept_of(untrained, TrainOptions(trainer="clip", model=str(tmp_path))).folder)
    assert len(folders) == 2
    assert kept_of(untrained, TrainOptions(trainer="clip", model=str(tmp_path))).folder in folders


def test_only_the_latest_recipes_are_kept(untrained, monkeypatch):
    monkeypatch.setattr("influencespace.training.kept.RECIPES", 2)
    folders = []
    for seed in range(3):
        kept = kept_of(untrained, TrainOptions(seed=seed))
        kept.open()
        os.utime(kept.folder, (seed, seed))
        folders.append(kept.folder)
    assert [folder.exists() for folder in folders] == [False, True, True]
