"""Grid features against transformers called by hand, and what is kept of them."""

import numpy as np
import pytest
import torch
from encoder_cases import make_encoder, make_photos, make_table
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, MobileNetV2Config, MobileNetV2Model

from influencespace.errors import FeaturesError
from influencespace.features.corruptions import corrupt
from influencespace.features.encoder import Encoder, load_encoder
from influencespace.features.grid import CELLS, SIDE, boxes, grid_features, see
from influencespace.progress import Cancelled

KINDS = ("clip", "siglip", "siglip2", "vision-text-dual-encoder")
CPU = torch.device("cpu")
PHOTOS = 11


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return {kind: load_encoder(str(make_encoder(kind, tmp_path_factory.mktemp("encoder") / kind)), CPU) for kind in KINDS}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos"), PHOTOS)


@pytest.fixture
def table(paths):
    return make_table(paths + paths[:3], ["a dog"] * (PHOTOS + 3))


@pytest.fixture
def looks(monkeypatch):
    """How many photos an encoder was given."""
    seen, original = [], Encoder.embed_photos

    def counting(self, prepared):
        seen.append(len(prepared))
        return original(self, prepared)

    monkeypatch.setattr(Encoder, "embed_photos", counting)
    return seen


def pooled(patches):
    """(CELLS, width) means of a square (h, w, width) map, cell by cell."""
    step = len(patches) // SIDE
    return np.stack([
        patches[step * (c // SIDE) : step * (c // SIDE + 1), step * (c % SIDE) : step * (c % SIDE + 1)].mean((0, 1))
        for c in range(CELLS)
    ])


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_the_last_patches_and_vectors_the_encoders(kind, encoders, paths):
    encoder = encoders[kind]
    photos = [Image.open(path).convert("RGB") for path in paths]
    prepared = [encoder.prepare(photo) for photo in photos]
    vectors, cells = see(encoder, prepared)
    np.testing.assert_array_equal(vectors, encoder.embed_photos(prepared))
    assert cells.dtype == np.float16 and cells.shape == (PHOTOS, CELLS, 16)
    tower = AutoModel.from_pretrained(encoder.name).eval().vision_model
    processor = AutoImageProcessor.from_pretrained(encoder.name, backend="pil")
    for photo, found in zip(photos, cells, strict=True):
        given = processor(photo, return_tensors="pt")
        shape = given.get("spatial_shapes")
        with torch.inference_mode():
            tokens = tower(**given).last_hidden_state[0].numpy()
        if shape is not None:
            height, width = shape[0].tolist()
            patches = torch.from_numpy(tokens[: height * width]).T.reshape(1, 16, height, width)
            expected = torch.nn.functional.adaptive_avg_pool2d(patches, SIDE)[0].flatten(1).T.numpy()
        else:
            expected = pooled(tokens[-16:].reshape(4, 4, 16))
        np.testing.assert_allclose(found.astype(np.float32), expected, atol=4e-3)


def test_cells_of_a_convolution_are_means_of_its_last_map(encoders, paths):
    torch.manual_seed(0)
    tower = MobileNetV2Model(MobileNetV2Config(image_size=256, depth_multiplier=0.1, finegrained_output=False)).eval()
    prepared = [{"pixel_values": torch.randn(1, 3, 256, 256)} for _ in range(3)]

    class Convolution:
        """An encoder whose tower is a convolutional network."""

        device = CPU

        class model:
            vision_model = tower

        def embed_photos(self, prepared):
            with torch.inference_mode():
                return tower(torch.cat([one["pixel_values"] for one in prepared])).pooler_output.numpy()

    found = see(Convolution(), prepared)[1]
    for one, cells in zip(prepared, found, strict=True):
        with torch.inference_mode():
            last = tower(one["pixel_values"]).last_hidden_state[0]
        assert last.shape[1:] == (8, 8)
        np.testing.assert_allclose(cells.astype(np.float32), pooled(last.permute(1, 2, 0).numpy()), atol=4e-3)


def test_boxes_tile_the_photo_row_by_row():
    left, upper, right, lower = boxes().T
    assert ((right - left) * (lower - upper)).sum() == pytest.approx(1)
    assert (left[:SIDE] == np.arange(SIDE) / SIDE).all() and (upper[:SIDE] == 0).all() and (upper[SIDE : 2 * SIDE] > 0).all()
    assert boxes().min() == 0 and boxes().max() == 1


def test_every_pair_has_the_cells_of_its_photo_and_no_photo_is_seen_twice(encoders, table, paths, tmp_path, looks):
    grid = grid_features(encoders["clip"], table, tmp_path, batch_size=4)
    assert sum(looks) == PHOTOS + 1  # and the one that tells the width
    rows = np.array([12, 0, 5])
    alone = see(encoders["clip"], [encoders["clip"].prepare(Image.open(paths[i]).convert("RGB")) for i in (1, 0, 5)])[1]
    np.testing.assert_allclose(grid.of(rows).astype(np.float32), alone.astype(np.float32), atol=4e-3)
    assert isinstance(grid.cells, np.memmap)


def test_another_table_looks_only_at_what_is_new(encoders, table, tmp_path, looks):
    first = grid_features(encoders["clip"], table.iloc[:6], tmp_path)
    looks.clear()
    second = grid_features(encoders["clip"], table.iloc[::-1], tmp_path)
    assert sum(looks) == PHOTOS - 6 + 1
    np.testing.assert_array_equal(second.of(np.array([len(table) - 1 - 2])), first.of(np.array([2])))


def test_another_encoder_and_a_damage_are_kept_apart(encoders, table, paths, tmp_path):
    plain = grid_features(encoders["clip"], table, tmp_path)
    other = grid_features(encoders["siglip"], table, tmp_path)
    damaged = grid_features(encoders["clip"], table, tmp_path, corruption="blur")
    assert not np.array_equal(plain.of(np.arange(3)), other.of(np.arange(3)))
    blurred = encoders["clip"].prepare(corrupt(Image.open(paths[0]).convert("RGB"), "blur"))
    np.testing.assert_allclose(damaged.of(np.array([0]))[0], see(encoders["clip"], [blurred])[1][0], atol=4e-3)


@pytest.mark.parametrize("torn", ["cells", "names"])
def test_a_kill_costs_the_batch_that_it_hit(torn, encoders, table, tmp_path, looks):
    encoder = encoders["clip"]
    whole = grid_features(encoder, table, tmp_path / "whole", batch_size=4)

    def stop(done, total, what):
        if done == 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        grid_features(encoder, table, tmp_path / "torn", batch_size=4, progress=stop)
    folder = next((tmp_path / "torn").iterdir())
    # Half a vector, or a vector whose photo was not named any more and half a name.
    with (folder / ("cells.f16" if torn == "cells" else "photos")).open("ab") as file:
        file.write(b"abc")
    if torn == "names":
        with (folder / "cells.f16").open("ab") as file:
            file.write(b"\0" * 2 * CELLS * 16)
    looks.clear()
    again = grid_features(encoder, table, tmp_path / "torn", batch_size=4)
    assert sum(looks) == PHOTOS - 8 + 1
    np.testing.assert_array_equal(again.of(np.arange(len(table))), whole.of(np.arange(len(table))))


def test_a_photo_that_is_gone_is_named(encoders, table, tmp_path):
    with pytest.raises(FeaturesError, match=r"gone\.png of row 6"):
        grid_features(encoders["clip"], table.assign(image_path=table["image_path"].str.replace("5.png", "gone.png")), tmp_path)
