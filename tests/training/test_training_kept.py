"""What a training keeps is compared with its digests before anything goes on from it; what is damaged is made again and said."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from engine_cases import copied_workspace

from influencespace.curation.options import PlanOptions
from influencespace.evaluation.stage import train_arms
from influencespace.options import restore
from influencespace.progress import Cancelled
from influencespace.training import sealed
from influencespace.training.arms import ArmWeights
from influencespace.training.kept import Kept
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions

SETTINGS = Settings(1e-3, 3)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path, at=0.5):
    content = bytearray(path.read_bytes())
    content[int((len(content) - 1) * at)] ^= 255
    path.write_bytes(content)


DAMAGE = {
    "cut": cut, "emptied": lambda path: path.write_bytes(b""), "first": lambda path: flip(path, 0), "middle": flip,
    "last": lambda path: flip(path, 1),
}


def keep(folder):
    """A folder with one of everything that is kept."""
    kept = Kept(folder)
    kept.open()
    with kept.finishing("influence", 0) as draft:
        (draft / "ranks.parquet").write_bytes(bytes(range(200)))
        (draft / "curves.json").write_text("[1, 2, 3]")
    kept.keep_drawn("random", 1, ArmWeights(np.arange(9, dtype=np.float32), 2.5))
    kept.keep_trial(SETTINGS, np.linspace(0, 1, 7))
    with sealed.replacing(kept.checkpoint("random", 1)) as draft:
        draft.write_bytes(b"tensors" * 9)
    return kept


def told_by(kept):
    told = []
    kept.open(lambda done, total, what: told.append(what))
    return told


def files(kept):
    return sorted(str(file.relative_to(kept.folder)) for file in kept.folder.rglob("*") if file.is_file())


def test_what_is_sound_is_taken_over_without_a_word(tmp_path):
    kept = keep(tmp_path / "k")
    before = files(kept)
    assert told_by(kept) == [] and files(kept) == before
    assert kept.finished() == {("influence", 0)}
    assert kept.drawn("random", 1).weights.tolist() == list(range(9)) and kept.drawn("random", 1).seconds == 2.5
    assert kept.tried(SETTINGS).tolist() == np.linspace(0, 1, 7).tolist()


@pytest.mark.parametrize("how", DAMAGE)
def test_every_file_that_is_damaged_is_found_said_and_let_go_of_alone(tmp_path, how):
    names = files(keep(tmp_path / "whole"))
    assert len(names) == 9  # three of the run, and of each of the others with its digest
    for number, name in enumerate(names):
        kept = keep(tmp_path / str(number))
        DAMAGE[how](kept.folder / name)
        (told,) = told_by(kept)
        damaged = name.split("/")[0].removesuffix(".sha256")
        assert str(kept.folder / damaged) in told and told.endswith(("is trained again", "it kept is computed again"))
        assert {other.split("/")[0].removesuffix(".sha256") for other in set(names) - set(files(kept))} == {damaged}
        assert told_by(kept) == []


def killed(step, calls, stop):
    """A step that is the last of its process when so many others have been called."""
    def call(*args, **options):
        if next(calls) == stop:
            raise KeyboardInterrupt
        return step(*args, **options)

    return call


def test_killed_at_any_step_a_file_is_the_old_or_the_new_one_and_sound(tmp_path, monkeypatch):
    file, steps = tmp_path / "c.safetensors", (Path.replace, Path.write_text)

    def write(content):
        with sealed.replacing(file) as draft:
            draft.write_bytes(content)

    for stop in itertools.count():
        write(b"old")
        calls = itertools.count()

        with monkeypatch.context() as patch:
            for step in steps:
                patch.setattr(Path, step.__name__, killed(step, calls, stop))
            try:
                write(b"new")
                break
            except KeyboardInterrupt:
                pass
        assert file.read_bytes() == b"old" and sealed.broken(file) is None
    assert stop == 3 and file.read_bytes() == b"new" and sealed.broken(file) is None


def test_a_journal_with_other_bytes_ends_nothing(tmp_path):
    kept = keep(tmp_path / "k")
    kept.open().tell("influence", 0, began=1.0)
    for at in (0, 0.3, 0.6, 1):
        flip(kept.journal, at)
        journal = kept.open()
        journal.tell("influence", 0, took=1.0)


OPTIONS = TrainOptions(arms=("influence", "random"), seeds=1)


def kept_of(workspace):
    plan = restore(PlanOptions, workspace.artifact("plan").record["options"])
    return Kept.of(workspace, OPTIONS, plan, workspace.decisions())


def test_a_training_whose_kept_files_are_all_damaged_comes_out_the_same(tmp_path_factory, tmp_path, monkeypatch):
    grid = [Settings(1e-3, 2, 64, dimensions=16), Settings(1e-2, 2, 64, dimensions=16)]
    monkeypatch.setattr("influencespace.training.heads.HeadsTrainer.grid", lambda trainer: grid)
    monkeypatch.setattr("influencespace.engines.kept.EVERY", 0)
    workspace, _ = copied_workspace(tmp_path_factory, tmp_path / "w")
    whole, _ = copied_workspace(tmp_path_factory, tmp_path / "v")

    def break_off(done, total, what):
        begun = what.startswith("training") and done == 1
        if begun and any(name.startswith("checkpoint") for name in files(kept_of(workspace))):
            raise Cancelled

    with pytest.raises(Cancelled):
        train_arms(workspace, OPTIONS, break_off)
    kept, told = kept_of(workspace), []
    damaged = [name for name in files(kept) if not name.endswith((".sha256", "journal.jsonl", "kept.json"))]
    assert {name.split("=")[0] for name in damaged} == {"run", "tried", "drawn", "checkpoint", "drawing"}
    for name in damaged:
        flip(kept.folder / name)
    flip(kept.journal, 0.4)
    train_arms(workspace, OPTIONS, lambda done, total, what: told.append(what))
    said = [what for what in told if what.endswith("again")]
    # A damaged piece of a drawing is not said, for it is computed again by itself.
    assert len(said) == len({name.split("/")[0] for name in damaged}) - 1
    train_arms(whole, OPTIONS)
    ours, theirs = workspace.artifact("training"), whole.artifact("training")
    assert ours.table("ranks").equals(theirs.table("ranks"))
    assert ours.facts["taken_over"] == 0
    assert json.dumps(ours.json("results")["settings"]["chosen"]) == json.dumps(theirs.json("results")["settings"]["chosen"])


def test_what_a_seed_draws_is_let_go_with_its_run_its_seed_or_all_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr("influencespace.engines.kept.EVERY", 0)
    kept = Kept(tmp_path / "kept")
    kept.open()

    def draw(*of):
        kept.drawing(*of).once("fits", lambda: {"model": np.ones(3)})
        return {folder.name for folder in kept.folder.glob("drawing=*")}

    draw(1)
    assert draw(1, "cap=2") == {"drawing==1", "drawing=cap=2=1"}
    with kept.finishing("cap=2", 1):
        pass
    assert draw(1, "rank=4") == {"drawing==1", "drawing=rank=4=1"}
    assert draw(2) == {"drawing==2"}
    kept.all_drawn()
    assert not list(kept.folder.glob("drawing=*"))
