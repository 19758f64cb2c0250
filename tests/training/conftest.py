"""Small dual encoders, and a table of photos that they can learn from."""

import numpy as np
import pandas as pd
import pytest
import torch
from clip_cases import CPU, SIZES, data_of
from encoder_cases import SIDE, WORDS, make_encoder
from PIL import Image

from influencespace.features.encoder import load_encoder
from influencespace.training.clip import ClipTrainer


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """One of each kind, loaded when it is first asked for."""
    loaded = {}

    def encoder(kind):
        if kind not in loaded:
            loaded[kind] = load_encoder(str(make_encoder(kind, tmp_path_factory.mktemp("encoder"))), CPU)
        return loaded[kind]

    return encoder


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Pairs whose caption is a set of words and whose photo has a bright square for each of them; the last three training
    pairs are other captions of the first three photos."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    words = np.array(WORDS[4:])
    sets = np.unique(rng.random((1000, len(words))) < 0.4, axis=0)
    sets = rng.permutation(sets[sets.any(axis=1)])[: sum(SIZES.values())]
    rows = []
    for i, (shown, split) in enumerate(zip(sets, np.repeat(list(SIZES), list(SIZES.values())), strict=True)):
        squares = np.zeros((4, 4, 3), dtype=np.uint8)
        squares.reshape(16, 3)[: len(words)][shown] = 255
        path = folder / f"{i}.png"
        Image.fromarray(squares.repeat(SIDE // 4, 0).repeat(SIDE // 4, 1)).save(path)
        rows.append({"image_path": str(path), "photo": path.stem, "split": split, "caption": " ".join(words[shown])})
    for twin, i in enumerate(range(SIZES["train"] - 3, SIZES["train"])):
        rows[i] |= {"image_path": rows[twin]["image_path"], "photo": rows[twin]["photo"]}
    return pd.DataFrame(rows).assign(row=range(1, len(rows) + 1), id=[str(i) for i in range(len(rows))])


@pytest.fixture
def make(encoders, table, tmp_path):
    def make(kind="clip", adapter="none", table=table, device=CPU):
        return ClipTrainer(encoders(kind), data_of(table, device), table, adapter, tmp_path)

    return make


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A small dual encoder with BERT's text tower, whose tokenizer has a sign for a masked word."""
    found = load_encoder(str(make_encoder("vision-text-dual-encoder", tmp_path_factory.mktemp("encoder") / "e")), CPU)
    found.tokenizer.mask_token = "[UNK]"
    with torch.no_grad():  # layers that were trained turn their input more than new ones do
        for parameter in found.model.text_model.parameters():
            parameter.mul_(8 if parameter.dim() > 1 else 1)
    return found
