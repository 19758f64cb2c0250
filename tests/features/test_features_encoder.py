import json
import shutil
import time

import numpy as np
import pytest
import torch
from encoder_cases import LENGTH, make_encoder, make_photos
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from influencespace.errors import FeaturesError
from influencespace.features import hub
from influencespace.features.device import pick_device
from influencespace.features.encoder import load_encoder

KINDS = ("clip", "siglip", "siglip2", "vision-text-dual-encoder")
CPU = torch.device("cpu")
CAPTIONS = ["a red dog runs", "the cat", "a blue ball", "the dog sleeps a the red cat runs", "unheard words"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return {kind: make_encoder(kind, tmp_path_factory.mktemp("encoder") / kind) for kind in KINDS}


@pytest.fixture
def broken(encoders, tmp_path):
    """A copy of an encoder to break."""
    return shutil.copytree(encoders["clip"], tmp_path / "broken")


def refused(folder, *words):
    with pytest.raises(FeaturesError) as caught:
        load_encoder(str(folder), CPU)
    message = str(caught.value)
    for part in (*words, "--encoder DIR", "python -m influencespace demo DIR"):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", KINDS)
def test_equals_transformers_called_on_one_after_the_other(kind, encoders, tmp_path):
    folder = encoders[kind]
    encoder = load_encoder(str(folder), CPU)
    photos = [Image.open(path).convert("RGB") for path in make_photos(tmp_path, 19)]
    model = AutoModel.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if kind.startswith("siglip") else False
    with torch.inference_mode():
        image = [model.get_image_features(**processor(photo, return_tensors="pt")).pooler_output for photo in photos]
        text = [
            model.get_text_features(
                **tokenizer(caption, padding=padding, max_length=LENGTH, truncation=True, return_tensors="pt")
            ).pooler_output
            for caption in CAPTIONS
        ]
    for got, expected in (
        (encoder.embed_photos([encoder.prepare(photo) for photo in photos]), torch.cat(image)),
        (encoder.embed_captions(CAPTIONS), torch.cat(text)),
    ):
        assert got.dtype == np.float32
        assert got.shape == (len(expected), encoder.width)
        np.testing.assert_allclose(got, torch.nn.functional.normalize(expected).numpy(), atol=2e-6)
    assert encoder.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_of_any_length_is_cut(kind, encoders):
    encoder = load_encoder(str(encoders[kind]), CPU)
    long = "the dog " * 12_500
    assert len(long) == 100_000
    np.testing.assert_allclose(encoder.embed_captions([long]), encoder.embed_captions(["the dog " * LENGTH]), atol=2e-6)


def test_the_digest_follows_the_content_not_the_place(encoders, broken):
    original = load_encoder(str(encoders["clip"]), CPU)
    assert load_encoder(str(broken), CPU).digest == original.digest
    weights = load_file(broken / "model.safetensors")
    weights["logit_scale"] += 0.5
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    assert load_encoder(str(broken), CPU).digest != original.digest


def test_a_missing_directory(tmp_path):
    refused(tmp_path / "nowhere", "there is no such directory")


def test_an_empty_directory(tmp_path):
    refused(tmp_path, "no config.json")


def test_pickled_weights_are_refused_and_named(broken):
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    refused(broken, "no model.safetensors", "pytorch_model.bin", "pickled")


def test_no_image_processor(broken):
    (broken / "preprocessor_config.json").unlink()
    refused(broken, "preprocessor_config.json")


def test_a_lost_shard(broken):
    (broken / "model.safetensors").unlink()
    index = {"weight_map": {"logit_scale": "model-00001-of-00002.safetensors"}}
    (broken / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(broken, "model-00001-of-00002.safetensors")


def test_a_model_that_is_no_dual_encoder(broken):
    (broken / "config.json").write_text('{"model_type": "bert"}')
    refused(broken, "no dual encoder", "bert")


def test_a_configuration_that_is_no_json(broken):
    (broken / "config.json").write_text("{")
    refused(broken, "config.json cannot be read")


def test_truncated_weights(broken):
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused(broken, "does not load")


def test_weights_of_another_shape(broken):
    weights = load_file(broken / "model.safetensors")
    weights["text_projection.weight"] = torch.zeros(5, 16)
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    refused(broken, "does not load")


def test_absent_weights_are_not_drawn_at_random(broken):
    weights = load_file(broken / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    refused(broken, "lack 1 tensors", "text_projection.weight")


def test_weights_that_are_not_finite(broken):
    weights = load_file(broken / "model.safetensors")
    weights["visual_projection.weight"][:] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    refused(broken, "not finite")


def test_a_tokenizer_with_more_words_than_the_model(broken):
    tokenizer = json.loads((broken / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["photo"] = 999
    (broken / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(broken, "does not go with")


def test_the_hub_out_of_reach_is_said_soon(monkeypatch, tmp_path):
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "HfApi", _Unreachable)
    began = time.monotonic()
    refused("someone/some-encoder", "the hub cannot be reached", "ConnectionError")
    assert time.monotonic() - began < hub.PATIENCE_SECONDS


class _Unreachable:
    def model_info(self, *_, **__):
        raise ConnectionError("no route to host")


def test_a_complete_copy_in_the_hubs_cache_needs_no_network(monkeypatch, tmp_path, encoders):
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "HfApi", _Unreachable)
    snapshot = tmp_path / "models--someone--some-encoder" / "snapshots" / "0123"
    shutil.copytree(encoders["clip"], snapshot)
    assert load_encoder("someone/some-encoder", CPU).name == "someone/some-encoder"
    (snapshot / "model.safetensors").unlink()
    refused("someone/some-encoder", "the hub cannot be reached")


def test_pickled_weights_on_the_hub_give_way_to_the_bots_conversion(monkeypatch, tmp_path, encoders):
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "HfApi", _Hub)
    asked = []
    monkeypatch.setattr(
        hub, "snapshot_download", lambda name, **options: asked.append((name, options)) or str(encoders["clip"])
    )
    assert hub.locate("someone/some-encoder") == encoders["clip"]
    assert asked == [("someone/some-encoder", {"revision": "sha of refs/pr/7", "allow_patterns": [
        "config.json", "preprocessor_config.json", "merges.txt", "model.safetensors"]})]


class _File:
    def __init__(self, name):
        self.rfilename = name


class _Hub:
    """A model from before safetensors, with two pull requests: a stranger's and the converter's."""

    def model_info(self, name, revision, timeout):
        files = ["config.json", "preprocessor_config.json", "merges.txt", "README.md", "onnx/config.json"]
        files += ["pytorch_model.bin"] + ["model.safetensors"] * (revision == "refs/pr/7")
        return type("Info", (), {"sha": f"sha of {revision}", "siblings": [_File(file) for file in files]})

    def get_repo_discussions(self, name, author, discussion_type):
        bots = type("Pull", (), {"title": hub.CONVERTED, "status": "open", "git_reference": "refs/pr/7"})
        strangers = type("Pull", (), {"title": hub.CONVERTED, "status": "open", "git_reference": "refs/pr/6"})
        return [bots] if author == "SFconvertbot" else [strangers, bots]


def test_pick_device_says_when_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == CPU
    with pytest.raises(FeaturesError, match="--device cuda was asked for"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")
