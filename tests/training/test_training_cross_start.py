"""What models that read photo and caption together start from: the encoder's words and layers, a seed, or a saved model."""

import json
import math

import numpy as np
import pytest
import torch
from cross_cases import CPU, KINDS, SETTINGS, WIDTH, planted
from encoder_cases import make_encoder

from influencespace.errors import TrainingError
from influencespace.features.encoder import load_encoder
from influencespace.training.lxmert import Lxmert
from influencespace.training.matcher import start
from influencespace.training.visualbert import VisualBert


@pytest.mark.parametrize("kind", KINDS)
def test_layers_and_words_are_the_encoders_where_shapes_allow(kind, encoder):
    begun = start(kind, None, encoder, WIDTH, 0)
    theirs, own = encoder.model.text_model.state_dict(), begun.matcher.base.state_dict()
    for name in ("embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.query.weight",
                 "embeddings.position_embeddings.weight"):
        assert torch.equal(own[name], theirs[name])
    second = theirs["encoder.layer.1.attention.self.key.weight"]
    if kind is Lxmert:  # the layers of cells and those in which both meet start as layers of words
        assert torch.equal(own["encoder.r_layers.0.output.dense.weight"], theirs["encoder.layer.0.output.dense.weight"])
        assert torch.equal(own["encoder.x_layers.0.visual_attention.att.key.weight"], second)
    else:
        assert torch.equal(own["encoder.layer.1.attention.self.key.weight"], second)
    assert begun.strange and "word embeddings and 2 text layers of the encoder" in begun.taken
    tied = begun.matcher.model.cls.predictions.decoder.weight
    assert tied is begun.matcher.base.get_input_embeddings().weight


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tower", ["clip", "siglip"])
def test_of_a_tower_that_is_no_bert_the_words_are_taken(kind, tower, tmp_path):
    encoder = load_encoder(str(make_encoder(tower, tmp_path / tower)), CPU)
    begun = start(kind, None, encoder, WIDTH, 0)
    words = begun.matcher.base.get_input_embeddings().weight
    assert torch.equal(words, encoder.model.text_model.get_input_embeddings().weight)
    assert begun.taken.startswith("word embeddings of the encoder")
    task = planted(encoder, kind).task(SETTINGS, 0)
    assert math.isfinite(task.loss(np.arange(8), torch.ones(8)).item())


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_start_again_and_leaves_other_draws_alone(kind, encoder):
    torch.manual_seed(5)
    first, after = start(kind, None, encoder, WIDTH, 1), torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)
    same, other = (start(kind, None, encoder, WIDTH, seed).matcher.projection.weight for seed in (1, 2))
    assert torch.equal(first.matcher.projection.weight, same) and not torch.equal(same, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_its_own_is_read_from_its_folder(kind, encoder, tmp_path):
    saved = start(kind, None, encoder, WIDTH, 3).matcher.model
    saved.save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    begun = start(kind, str(tmp_path), encoder, WIDTH, 0)
    for name, tensor in saved.state_dict().items():
        assert torch.equal(begun.matcher.model.state_dict()[name], tensor), name
    assert not begun.strange and begun.taken == f"all weights of {tmp_path}"
    wider = start(kind, str(tmp_path), encoder, WIDTH + 8, 0)
    assert wider.strange and "drawn at random" in wider.taken and wider.matcher.projection.in_features == WIDTH + 8


def test_a_model_that_cannot_be_used_is_refused_with_what_to_do(encoder, tmp_path):
    with pytest.raises(TrainingError, match=r"no weights in safetensors.*--model"):
        start(VisualBert, str(tmp_path), encoder, WIDTH, 0)
    start(Lxmert, None, encoder, WIDTH, 0).matcher.model.save_pretrained(tmp_path / "lxmert")
    with pytest.raises(TrainingError, match=r"model type is lxmert, not visual_bert.*--model"):
        start(VisualBert, str(tmp_path / "lxmert"), encoder, WIDTH, 0)
    (tmp_path / "lxmert" / "config.json").write_text(json.dumps({}))
    with pytest.raises(TrainingError, match="does not load"):
        start(Lxmert, str(tmp_path / "lxmert"), encoder, WIDTH, 0)
