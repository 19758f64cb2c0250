import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from encoder_cases import make_encoder, make_photos, make_table
from PIL import Image

from influencespace.errors import FeaturesError
from influencespace.features.encoder import Encoder, load_encoder
from influencespace.features.options import EmbedOptions
from influencespace.features.stage import embed
from influencespace.features.store import Rows
from influencespace.options import Options
from influencespace.progress import Cancelled, silent
from influencespace.workspace import Workspace

LAB = Path(os.environ.get("INFLUENCESPACE_LAB", Path(__file__).parents[3] / "shared" / "lab"))
PHOTOS = 22
BATCH = 5


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(make_encoder("clip", tmp_path_factory.mktemp("encoder")))


@pytest.fixture
def calls(monkeypatch):
    """How many photos and captions the encoder was given."""
    counted = {"embed_photos": 0, "embed_captions": 0}
    for name in counted:
        original = getattr(Encoder, name)

        def counting(self, batch, name=name, original=original):
            counted[name] += len(batch)
            return original(self, batch)

        monkeypatch.setattr(Encoder, name, counting)
    return counted


def workspace_with(folder, table, **arrays):
    workspace = Workspace(folder, create=True)
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", table)
        for name, array in arrays.items():
            draft.array(name, array)
    return workspace


@pytest.fixture
def workspace(tmp_path):
    paths = make_photos(tmp_path / "photos", PHOTOS)
    colours, doing = ("red", "blue", "cat", "dog"), ("runs", "sleeps", "ball")
    captions = [f"a {colours[i % 4]} {doing[i % 3]}" for i in range(PHOTOS)]
    return workspace_with(tmp_path / "w", make_table(paths + paths[:3], captions + captions[:2] + ["the photo"]))


def test_every_pair_gets_its_photo_and_its_caption_and_nothing_is_embedded_twice(workspace, encoder, calls):
    reports = []
    artifact = embed(workspace, EmbedOptions(encoder=encoder, batch_size=BATCH), lambda *r: reports.append(r))
    table = workspace.artifact("pairs").table("pairs")
    assert calls["embed_photos"] == PHOTOS + 1  # and the one on which a loaded encoder is tried
    assert calls["embed_captions"] == table["caption"].nunique() + 1
    alone = load_encoder(encoder, torch.device("cpu"))
    image, text = artifact.array("image"), artifact.array("text")
    assert image.dtype == text.dtype == np.float16
    for i, pair in enumerate(table.itertuples()):
        photo = alone.embed_photos([alone.prepare(Image.open(pair.image_path).convert("RGB"))])[0]
        np.testing.assert_allclose(image[i], photo, atol=1e-3)
        np.testing.assert_allclose(text[i], alone.embed_captions([pair.caption])[0], atol=1e-3)
    embedded = [(done, total) for done, total, what in reports if what.startswith("embedding")]
    assert embedded[-1] == (PHOTOS + table["caption"].nunique(),) * 2
    facts = artifact.facts
    assert (facts["encoder"], facts["device"]) == (encoder, "cpu")
    assert facts["logit_scale"] == pytest.approx(alone.logit_scale)
    assert facts["aligned"] is False  # its weights were never trained
    assert "above chance" in facts["aligned_why"]
    assert not any(workspace.private("features").iterdir())


def test_a_photo_with_the_same_caption_again_is_a_duplicate(workspace, encoder):
    artifact = embed(workspace, EmbedOptions(encoder=encoder))
    sets = artifact.array("duplicates")
    assert sets.shape == (PHOTOS + 3,) and (sets[[PHOTOS, PHOTOS + 1]] == sets[:2]).all()
    assert artifact.facts["duplicates"] == len(sets) - len(set(sets.tolist()))


@pytest.mark.parametrize("batches", [1, 3, 6])
def test_a_stopped_run_goes_on_where_it_stopped(workspace, encoder, calls, batches):
    options = EmbedOptions(encoder=encoder, batch_size=BATCH, device="cpu")
    captions = workspace.artifact("pairs").table("pairs")["caption"].nunique()

    def stop(done, total, what):
        if "embedding" in what:
            seen.append(done)
            if len(seen) == batches:
                raise Cancelled

    seen = []
    with pytest.raises(Cancelled):
        embed(workspace, options, stop)
    assert workspace.find("features") is None
    resumed = embed(workspace, options, silent)
    assert calls["embed_photos"] - 2 == PHOTOS  # less the trials of two loads
    assert calls["embed_captions"] - 2 == captions
    kept = resumed.array("image").copy(), resumed.array("text").copy()
    fresh = embed(workspace, options, silent)
    for name, rows in zip(("image", "text"), kept, strict=True):
        np.testing.assert_array_equal(fresh.array(name), rows)


def test_what_another_encoder_left_is_not_taken_up(workspace, encoder, calls, tmp_path):
    def stop(done, total, what):
        if "captions" in what:
            raise Cancelled

    with pytest.raises(Cancelled):
        embed(workspace, EmbedOptions(encoder=encoder), stop)
    other = str(make_encoder("clip", tmp_path / "other", seed=1))
    embed(workspace, EmbedOptions(encoder=other), silent)
    assert calls["embed_photos"] - 2 == 2 * PHOTOS


def test_a_torn_vector_at_the_end_is_cut_off(tmp_path):
    file = tmp_path / "rows"
    vectors = np.arange(12, dtype=np.float16).reshape(3, 4)
    Rows(file, 4).append(vectors)
    with file.open("ab") as torn:
        torn.write(b"\x01" * 5)
    rows = Rows(file, 4)
    assert rows.done == 3
    rows.append(vectors[:1])
    np.testing.assert_array_equal(rows.read(), vectors[[0, 1, 2, 0]])


def test_a_photo_that_broke_since_import_is_named_with_its_row(workspace, encoder):
    path = Path(workspace.artifact("pairs").table("pairs")["image_path"][7])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FeaturesError, match=rf"{path} of row 8 can no longer be read"):
        embed(workspace, EmbedOptions(encoder=encoder), silent)
    path.unlink()
    with pytest.raises(FeaturesError, match=rf"{path} of row 8 can no longer be read \(FileNotFoundError"):
        embed(workspace, EmbedOptions(encoder=encoder), silent)
    assert workspace.find("features") is None


def test_imported_embeddings_are_taken_over_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    image, text = rng.normal(0, 40, (30, 6)).astype(np.float32), rng.normal(size=(30, 4)).astype(np.float16)
    image[3, 2] = 1e6
    table = make_table([tmp_path / f"{i}.png" for i in range(30)], ["a dog"] * 30).assign(image_path=None)
    workspace = workspace_with(tmp_path / "w", table, image=image, text=text)
    artifact = embed(workspace, EmbedOptions(), silent)
    image[3, 2] = np.finfo(np.float16).max
    np.testing.assert_array_equal(artifact.array("image"), image.astype(np.float16))
    np.testing.assert_array_equal(artifact.array("text"), text)
    assert artifact.facts["encoder"] == "imported"
    assert artifact.facts["logit_scale"] is None
    assert artifact.facts["aligned"] is False
    assert "6 numbers" in artifact.facts["aligned_why"]


def test_an_encoder_cannot_see_pairs_that_came_without_photos(tmp_path, encoder):
    table = make_table([tmp_path / "0.png"], ["a dog"]).assign(image_path=None)
    workspace = workspace_with(tmp_path / "w", table, image=np.ones((1, 3)), text=np.ones((1, 3)))
    with pytest.raises(FeaturesError, match="row 1 came without its photo"):
        embed(workspace, EmbedOptions(encoder=encoder), silent)


@pytest.mark.lab
def test_equals_the_embeddings_that_came_with_real_photos(tmp_path):
    if not LAB.exists():
        pytest.skip(f"no lab at {LAB}")
    flickr = LAB / "flickr8k"
    with (flickr / "captions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(next(lines)) for _ in range(20)]
    table = make_table([flickr / row["image"] for row in rows], [row["captions"][0] for row in rows])
    workspace = workspace_with(tmp_path / "w", table)
    artifact = embed(workspace, EmbedOptions(encoder=str(LAB / "models" / "mini-clip")), silent)
    for name, folder in (("image", "img_emb"), ("text", "text_emb")):
        expected = np.load(flickr / "embeddings" / folder / f"{folder}_0.npy")[:20].astype(np.float32)
        cosine = (artifact.array(name).astype(np.float32) * expected).sum(axis=1)
        assert cosine.min() > 0.999
    assert artifact.facts["aligned"] is True
    assert pd.notna(artifact.facts["logit_scale"])
