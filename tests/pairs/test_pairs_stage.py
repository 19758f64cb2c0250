from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from influencespace.errors import PairsError
from influencespace.pairs import stage
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.stage import import_pairs
from influencespace.progress import silent
from influencespace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace", create=True)


@pytest.fixture
def source(draw_photos, write_jsonl, tmp_path):
    draw_photos(10, tmp_path / "data")
    (tmp_path / "data/3.png").write_bytes(b"")
    return write_jsonl([{"image": f"{i}.png", "caption": f"caption {i}", "n": i} for i in range(10)], "data/pairs.jsonl")


def state(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_the_artifact_holds_what_was_read_and_the_sources_stay_as_they_are(workspace, source, read, tmp_path):
    before = state(tmp_path / "data")
    artifact = import_pairs(workspace, ImportOptions(source=source, holdout=0.5), silent)
    pairs = read(source, holdout=0.5)
    pd.testing.assert_frame_equal(artifact.table("pairs"), pairs.table)
    pd.testing.assert_frame_equal(artifact.table("problems"), pairs.problems)
    assert artifact.facts == pairs.facts
    assert not artifact.has("image.npy")
    assert state(tmp_path / "data") == before


def test_the_time_of_reading_is_that_of_the_import(workspace, source, monkeypatch):
    monkeypatch.setattr(stage, "time", Mock(monotonic=Mock(side_effect=[0.0, 50.0])))
    assert 50 <= import_pairs(workspace, ImportOptions(source=source, holdout=0.5), silent).record["seconds"] < 100


def test_embeddings_become_arrays_of_the_artifact(workspace, tmp_path):
    image, text = np.random.default_rng(0).normal(size=(2, 10, 3)).astype(np.float16)
    for part in ("img_emb", "text_emb", "metadata"):
        (tmp_path / "e" / part).mkdir(parents=True)
    np.save(tmp_path / "e/img_emb/img_emb_0.npy", image)
    np.save(tmp_path / "e/text_emb/text_emb_0.npy", text)
    pd.DataFrame({"caption": list("abcdefghij")}).to_parquet(tmp_path / "e/metadata/metadata_0.parquet")
    artifact = import_pairs(workspace, ImportOptions(source=str(tmp_path / "e"), holdout=0.5), silent)
    assert np.array_equal(artifact.array("image"), image)
    assert np.array_equal(artifact.array("text"), text)
    assert artifact.table("pairs")["image_path"].isna().all()


def test_importing_unchanged_files_again_changes_no_digest(workspace, source, tmp_path):
    options = ImportOptions(source=source, holdout=0.5)
    first = import_pairs(workspace, options, silent).digest
    assert import_pairs(workspace, options, silent).digest == first
    (tmp_path / "data/5.png").write_bytes((tmp_path / "data/6.png").read_bytes())
    assert import_pairs(workspace, options, silent).digest != first


def test_what_cannot_be_imported_leaves_the_workspace_as_it_was(workspace, source, tmp_path):
    import_pairs(workspace, ImportOptions(source=source, holdout=0.5), silent)
    before = state(workspace.path)
    Path(source).write_text("")
    with pytest.raises(PairsError, match="is empty"):
        import_pairs(workspace, ImportOptions(source=source, holdout=0.5), silent)
    assert state(workspace.path) == before


@pytest.mark.lab
class TestLab:
    @pytest.fixture
    def flickr(self, lab):
        return lab / "flickr8k"

    def test_the_damaged_pairs_with_dev_held_out(self, read, flickr):
        pairs = read(
            flickr / "noisy_train.jsonl", validation=str(flickr / "captions.jsonl"), validation_filter=("split=dev",),
            groups=("gender_words:male,female",),
        )
        assert pairs.facts["counts"] == {"train": 4200, "validation": 2500, "test": 2500}
        assert pairs.facts["photos"] == {"train": 4000, "validation": 500, "test": 500}
        assert pairs.facts["problems"] == {}
        first = pairs.table.drop_duplicates("photo").groupby("split")["group.gender_words"].value_counts()
        for value in ("male", "female"):
            assert abs(first["validation", value] - first["test", value]) <= 1

    def test_the_embeddings(self, read, flickr):
        pairs = read(flickr / "noisy_features", validation=str(flickr / "dev_features"))
        assert pairs.facts["counts"] == {"train": 6300, "validation": 500, "test": 500}
        assert (pairs.image.shape, pairs.text.shape) == ((7300, 1280), (7300, 384))

    def test_the_lexicon_agrees_with_the_labels_of_the_lab(self, read, flickr):
        pairs = read(flickr / "captions.jsonl", lexicon=("gender_words", "age_words"), filter=("split=dev",))
        photos = pairs.table.drop_duplicates("photo")
        for name in ("gender_words", "age_words"):
            assert (photos[f"group.{name}"] == photos[f"meta.{name}"]).mean() > 0.93
