"""What a fine-tuned dual encoder is shown: the workspace's photos, prepared once, others, and the encoder that prepares them."""

import numpy as np
import pytest
import torch
from clip_cases import data_of, task_of

from influencespace.errors import TrainingError
from influencespace.features.corruptions import corrupt
from influencespace.features.photos import load_photo
from influencespace.options import Options
from influencespace.training import clip, photos
from influencespace.training.clip import ClipTrainer
from influencespace.training.options import TrainOptions
from influencespace.training.probes import Photos
from influencespace.workspace import Workspace


@pytest.mark.parametrize("kind", ["siglip2", "convolutional"])
def test_kept_photos_are_those_read_anew(kind, make, monkeypatch):
    kept = make(kind)
    monkeypatch.setattr(photos, "BUDGET", 0)
    read = make(kind)
    which = np.array([5, 0, 5, 40])
    ours, theirs = kept.photos.batch(which), read.photos.batch(which)
    assert ours.keys() == theirs.keys() == kept.photos.example.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]) and tensor.dtype == kept.photos.example[name].dtype


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_photos_are_prepared_once(adapter, make, table, tmp_path, monkeypatch):
    trainer = make("convolutional", adapter)
    batch = trainer.photos.batch(np.arange(70))
    # Killed when the 70th photo was half written.
    file = next(tmp_path.glob("*.f16"))
    with file.open("r+b") as opened:
        opened.truncate(int(69.5 * file.stat().st_size / len(table["photo"].unique())))
    read = []
    monkeypatch.setattr(photos, "open_photo", lambda path, row: read.append(path) or load_photo(path))
    again = make("convolutional", adapter)
    assert len(read) == len(table["photo"].unique()) - 69
    for name, tensor in again.photos.batch(np.arange(70)).items():
        torch.testing.assert_close(tensor, batch[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("kind", "adapter", "rounding"), [("clip", "none", 2e-3), ("convolutional", "lora", 1e-2)])
def test_other_photos_and_captions(kind, adapter, rounding, make, table):
    trainer = make(kind, adapter)
    task = task_of(trainer)
    rows = trainer.data.test.image_rows[:5]
    paths, phrases = table["image_path"].iloc[rows].tolist(), ["a red dog", "the blue cat runs"]
    plain = trainer.probe(task, Photos(paths), phrases, np.array([-1, -1]))
    np.testing.assert_array_equal(plain.image, trainer.judge(task, trainer.data.test).image[:5])
    np.testing.assert_allclose(plain.text, trainer.encoder.embed_captions(phrases), atol=1e-5)
    assert plain.photo.tolist() == [-1, -1]
    blurred = trainer.probe(task, Photos(paths, "blur"), phrases, plain.photo)
    expected = [trainer.encoder.prepare(corrupt(load_photo(path), "blur")) for path in paths]
    np.testing.assert_allclose(blurred.image, trainer.encoder.embed_photos(expected), atol=rounding)
    if kind == "clip":  # the other one, untrained, can hardly tell photos apart
        assert np.abs(blurred.image - plain.image).max() > 10 * rounding


@pytest.mark.parametrize("budget", [photos.BUDGET, 0])
def test_a_photo_that_is_gone_or_broken_is_named(budget, make, table, tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "BUDGET", budget)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no photo")
    for path, words in ((str(broken), "broken.png"), (str(tmp_path / "gone.png"), "gone.png"), (None, "without its photo")):
        other = table.copy()
        other.loc[2, ["image_path", "photo"]] = [path, "other"]
        with pytest.raises(TrainingError, match=f"row 3.*{words}|{words}.*row 3"):
            make(table=other).photos.batch(np.arange(4))


@pytest.fixture
def workspace(table, encoders, tmp_path):
    workspace = Workspace(tmp_path / "workspace", create=True)
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", table)
    return workspace


def features(workspace, name):
    with workspace.write("features", Options()) as draft:
        draft.facts = {"encoder": name}


def test_the_encoder_of_the_features_is_trained_unless_another_is_named(workspace, encoders, table):
    data = data_of(table)
    features(workspace, encoders("clip").name)
    assert ClipTrainer.load(workspace, data, TrainOptions(trainer="clip")).encoder.digest == encoders("clip").digest
    named = TrainOptions(trainer="clip", model=encoders("convolutional").name, adapter="lora")
    trainer = ClipTrainer.load(workspace, data, named)
    assert trainer.encoder.digest == encoders("convolutional").digest and trainer.grid() == [clip.SETTINGS["lora"]]
    # Photos as prepared for another encoder are of no use any more.
    assert [file.name for file in workspace.private("photos").glob("*/*")] == ["pooled.f16"]


def test_imported_features_have_no_encoder_to_train(workspace, table):
    features(workspace, "imported")
    with pytest.raises(TrainingError, match="--model DIR"):
        ClipTrainer.load(workspace, data_of(table), TrainOptions(trainer="clip"))
