"""Planted code in what people bring in is never run: pickles in arrays and weights, code beside a model."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from encoder_cases import make_encoder
from fabricated import fabricate

from influencespace.errors import InfluenceSpaceError
from influencespace.features.encoder import load_encoder
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.stage import import_pairs
from influencespace.progress import silent
from influencespace.workspace import Workspace

CODE = "import pathlib; pathlib.Path({mark!r}).touch()\nclass Planted:\n    pass\n"


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self):
        return os.mknod, (self.mark,)


@pytest.fixture
def mark(tmp_path):
    """Where a payload would leave its mark; the test fails if it does, and knows that the payload works."""
    mark = tmp_path / "ran"
    pickle.loads(pickle.dumps(Payload(mark)))
    mark.unlink()
    yield mark
    assert not mark.exists()


def objects(file: Path, mark: Path) -> Path:
    np.save(file, np.array([Payload(mark)] * 4, dtype=object), allow_pickle=True)
    return file


def test_an_array_of_objects_is_no_embeddings(tmp_path, mark):
    folder = tmp_path / "embeddings"
    for part in ("img_emb", "text_emb", "metadata"):
        (folder / part).mkdir(parents=True)
    pd.DataFrame({"caption": ["a dog"] * 4}).to_parquet(folder / "metadata" / "metadata_0.parquet")
    np.save(folder / "text_emb" / "text_emb_0.npy", np.ones((4, 8), dtype=np.float16))
    objects(folder / "img_emb" / "img_emb_0.npy", mark)
    with pytest.raises(InfluenceSpaceError):
        import_pairs(Workspace(tmp_path / "workspace", create=True), ImportOptions(source=str(folder)), silent)


def test_an_array_of_objects_is_no_features_of_a_workspace(tmp_path, mark):
    workspace = fabricate(tmp_path / "demo", upto="features")
    found = workspace.artifact("features")
    objects(found.folder / "image.npy", mark)
    with pytest.raises((InfluenceSpaceError, ValueError)):
        workspace.artifact("features").array("image")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_weights_that_are_pickled_are_refused(tmp_path, mark, name):
    folder = make_encoder("clip", tmp_path / "encoder")
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Payload(mark)}, folder / name)
    with pytest.raises(InfluenceSpaceError, match="pickled"):
        load_encoder(str(folder), torch.device("cpu"))


def test_pickled_weights_beside_safetensors_are_not_looked_at(tmp_path, mark):
    folder = make_encoder("clip", tmp_path / "encoder")
    torch.save({"weights": Payload(mark)}, folder / "pytorch_model.bin")
    load_encoder(str(folder), torch.device("cpu"))


@pytest.mark.parametrize("config", ["config.json", "tokenizer_config.json", "preprocessor_config.json"])
def test_code_that_a_model_comes_with_is_not_run(tmp_path, mark, config):
    folder = make_encoder("clip", tmp_path / "encoder")
    (folder / "planted.py").write_text(CODE.format(mark=str(mark)))
    kinds = ("AutoConfig", "AutoModel", "AutoTokenizer", "AutoImageProcessor", "AutoProcessor")
    file = folder / config
    values = json.loads(file.read_text()) if file.exists() else {}
    values["auto_map"] = {kind: "planted.Planted" for kind in kinds} | {"AutoTokenizer": ["planted.Planted", "planted.Planted"]}
    file.write_text(json.dumps(values))
    try:
        load_encoder(str(folder), torch.device("cpu"))
    except InfluenceSpaceError as error:
        assert "cannot be used" in str(error)
