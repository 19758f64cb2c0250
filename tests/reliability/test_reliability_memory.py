"""A device whose memory does not suffice: half as much at once, the same result, and a sentence where nothing helps."""

import numpy as np
import pandas as pd
import pytest
import torch
from encoder_cases import make_encoder, make_photos, make_table
from PIL import Image

from influencespace.errors import FeaturesError, TrainingError
from influencespace.features.encoder import load_encoder
from influencespace.pairs.views import heldout, photo_codes, training_rows
from influencespace.training.clip import ClipTrainer
from influencespace.training.data import TrainingData
from influencespace.training.loop import Settings
from influencespace.training.trainer import train_arm

CPU = torch.device("cpu")
CAPTIONS = [f"{colour} {what} {doing}" for colour in ("red", "blue") for what in ("dog", "cat", "ball")
            for doing in ("runs", "sleeps", "a photo", "the ball")]


def crowded(model, name, most, tried):
    """A tower of the model runs out of memory above so many photos or captions."""
    original = getattr(model, name)

    def features(**inputs):
        tried.append(len(next(iter(inputs.values()))))
        if tried[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 is full.")
        return original(**inputs)

    object.__setattr__(model, name, features)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_encoder("clip", tmp_path_factory.mktemp("encoder") / "clip")


@pytest.fixture
def encoder(folder):
    return load_encoder(str(folder), CPU)


@pytest.fixture
def photos(encoder, tmp_path):
    return [encoder.prepare(Image.open(path).convert("RGB")) for path in make_photos(tmp_path, 12)]


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_the_next_begins_there(encoder, photos, folder):
    spacious = load_encoder(str(folder), CPU)
    seen, read = [], []
    crowded(encoder.model, "get_image_features", 3, seen)
    crowded(encoder.model, "get_text_features", 5, read)
    np.testing.assert_allclose(encoder.embed_photos(photos), spacious.embed_photos(photos), atol=1e-6)
    assert seen == [12, 6, 3, 3, 3, 3]
    np.testing.assert_allclose(encoder.embed_captions(CAPTIONS), spacious.embed_captions(CAPTIONS), atol=1e-6)
    assert read == [24, 12, 6, 3, 3, 3, 3, 3, 3, 3, 3]
    seen.clear()
    encoder.embed_photos(photos)
    assert seen == [3, 3, 3, 3]


def test_where_not_even_one_photo_fits_a_sentence_says_so(encoder, photos):
    crowded(encoder.model, "get_image_features", 0, [])
    with pytest.raises(FeaturesError, match=r"out of memory on cpu with a single photo, so a smaller --batch-size does not help"):
        encoder.embed_photos(photos)


@pytest.fixture
def trainer(encoder, tmp_path):
    paths = make_photos(tmp_path / "photos", 24)
    table = make_table(paths, CAPTIONS)
    table["split"] = ["train"] * 16 + ["validation"] * 4 + ["test"] * 4
    nothing = torch.zeros(len(table), 1)
    data = TrainingData(
        nothing, nothing, torch.from_numpy(photo_codes(table, slice(None))), training_rows(table),
        heldout(table, "validation"), heldout(table, "test"), True, 1.0,
    )
    return ClipTrainer(encoder, data, pd.DataFrame(table), "none", tmp_path)


def trained(trainer, settings, most=None, tried=None):
    if most is not None:
        make = trainer.task

        def task(settings, seed):
            made = make(settings, seed)
            crowded(made.module, "get_image_features", most, tried)
            return made

        trainer.task = task
    return train_arm(trainer, "full", np.ones(16, dtype=np.float32), settings, 0, 0.0)


def test_training_in_smaller_parts_has_the_loss_of_the_whole_batch(trainer):
    settings, tried = Settings(1e-3, 2, 16), []
    whole = trained(trainer, settings)
    parts = trained(trainer, settings, 4, tried)
    assert tried[:3] == [16, 8, 4] and max(tried[3:]) == 4
    for one, other in zip(whole.curve, parts.curve, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
    np.testing.assert_allclose(parts.test.image, whole.test.image, atol=1e-4)


def test_where_not_even_one_pair_fits_training_names_the_options_that_help(trainer):
    with pytest.raises(TrainingError, match=r"ran out of memory while training.*--batch.*--device.*CUDA out of memory\.$"):
        trained(trainer, Settings(1e-3, 1, 16), 0, [])
