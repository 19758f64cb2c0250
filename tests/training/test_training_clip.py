"""Fine-tuning a dual encoder: the loss by hand, what is trained, and that it learns, goes on after a kill, and starts anew."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from clip_cases import CPU, SETTINGS, SIZES, data_of, task_of
from engine_cases import plain_losses

from influencespace.features.encoder import load_encoder
from influencespace.features.photos import load_photo
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.pairs.views import heldout
from influencespace.training import clip
from influencespace.training.clip import ClipTrainer
from influencespace.training.loop import Settings, fit

KINDS = ("clip", "siglip", "siglip2", "vision-text-dual-encoder", "convolutional")
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA device here")


def gradients(task, rows, weights):
    task.module.zero_grad()
    loss = task.loss(np.asarray(rows), torch.as_tensor(weights, dtype=torch.float32, device=task.trainer.device))
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in task.module.named_parameters() if p.grad is not None}


def trained_names(module):
    return {name for name, p in module.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("adapter", ["none", "lora"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_weighted_contrastive_one(kind, adapter, make):
    trainer = make(kind, adapter)
    task = task_of(trainer, dropout=False)
    # A batch of two parts, in which photos 0 to 2 have two captions each.
    rows = np.concatenate([np.arange(20), [93, 94, 95]])
    weights = np.random.default_rng(1).uniform(0.2, 3, len(rows))
    loss, _ = gradients(task, rows, weights)
    shown, pairs = trainer.photo_of, trainer.data.train[rows]
    embedded = task.embed(trainer.photos, shown[pairs], trainer.captions[pairs], np.arange(len(pairs)))
    image, text = torch.from_numpy(embedded.image).double(), torch.from_numpy(embedded.text).double()
    expected = plain_losses(trainer.encoder.logit_scale * image @ text.T, weights, shown[pairs])
    assert loss == pytest.approx(float((torch.from_numpy(weights) * expected).mean()), rel=1e-5)


@pytest.mark.parametrize("kind", ["clip", "convolutional"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(kind, make, monkeypatch):
    task = task_of(make(kind), dropout=False)
    rows, weights = np.arange(40), np.linspace(0.5, 2, 40)
    loss, parts = gradients(task, rows, weights)
    monkeypatch.setattr(clip, "CPU_PHOTOS", len(rows))
    whole_loss, whole = gradients(task, rows, weights)
    assert loss == pytest.approx(whole_loss, rel=1e-6) and parts.keys() == whole.keys()
    for name, gradient in parts.items():
        assert (gradient - whole[name]).norm() <= 1e-3 * whole[name].norm() + 1e-6, name


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.cuda, NO_CUDA])])
def test_what_is_computed_again_drops_out_the_same(device, make, monkeypatch):
    task = task_of(make("vision-text-dual-encoder", device=torch.device(device)))
    rows, weights = np.arange(80), np.linspace(0.5, 2, 80)
    monkeypatch.setattr(clip, "PART", 16)
    torch.manual_seed(0)
    loss, again = gradients(task, rows, weights)
    monkeypatch.setattr(clip, "checkpoint", lambda features, part, use_reentrant: features(part))
    torch.manual_seed(0)
    kept_loss, kept = gradients(task, rows, weights)
    assert loss == kept_loss != gradients(task, rows, weights)[0]
    for name, gradient in again.items():
        torch.testing.assert_close(gradient, kept[name])


def test_a_pair_of_weight_nothing_is_a_pair_less(make):
    task = task_of(make())
    rows, weights = np.arange(12), np.linspace(0.5, 2, 12)
    weights[[3, 7]] = 0
    loss, with_them = gradients(task, rows, weights)
    kept = np.flatnonzero(weights)
    less, without = gradients(task, rows[kept], weights[kept])
    # Both are means, of twelve pairs and of ten.
    assert 12 * loss == pytest.approx(10 * less, rel=1e-5)
    for name, gradient in with_them.items():
        torch.testing.assert_close(12 * gradient, 10 * without[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_without_training_it_is_the_encoder(kind, make, table):
    for adapter in ("none", "lora"):
        trainer = make(kind, adapter)
        judged = trainer.judge(task_of(trainer), trainer.data.test)
        rows = trainer.data.test.rows
        encoder = trainer.encoder
        prepared = [encoder.prepare(load_photo(path)) for path in table["image_path"].iloc[trainer.data.test.image_rows]]
        np.testing.assert_allclose(judged.image, encoder.embed_photos(prepared), atol=2e-3)
        np.testing.assert_allclose(judged.text, encoder.embed_captions(table["caption"].iloc[rows].tolist()), atol=1e-5)
        assert np.array_equal(judged.photo, trainer.data.test.photo)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_training_trains_every_weight(kind, make):
    task = task_of(make(kind))
    assert trained_names(task.module) == {name for name, _ in task.module.named_parameters()}
    groups = task.parameters()
    assert sum(len(group["params"]) for group in groups) == len(trained_names(task.module))
    assert [group["weight_decay"] for group in groups] == [SETTINGS.weight_decay, 0.0]
    assert any(p is task.module.logit_scale for p in groups[1]["params"])


@pytest.mark.parametrize(
    ("kind", "towers", "projections"),
    [
        ("clip", {"vision_model": 8, "text_model": 8}, {"visual_projection", "text_projection"}),
        ("siglip", {"vision_model": 8, "text_model": 8}, {"vision_model.head", "text_model.head"}),
        ("siglip2", {"vision_model": 8, "text_model": 8}, {"vision_model.head", "text_model.head"}),
        ("vision-text-dual-encoder", {"vision_model": 8, "text_model": 8}, {"visual_projection", "text_projection"}),
        ("convolutional", {"text_model": 8}, {"visual_projection", "text_projection"}),
    ],
)
def test_lora_trains_adapters_and_projections_alone(kind, towers, projections, make):
    """Two layers a tower, of which query, key, value and output get an adapter each."""
    task = task_of(make(kind, "lora"))
    names = trained_names(task.module)
    adapted = {name.rpartition(".lora_")[0] for name in names if ".lora_" in name}
    assert {tower: sum(name.startswith(tower) for name in adapted) for tower in towers} == towers
    assert len(adapted) == sum(towers.values())
    others = {name for name in names if ".lora_" not in name}
    assert all(name.startswith((*projections, "logit_scale")) for name in others)
    assert all(any(name.startswith(projection) for name in others) for projection in projections)
    before = {name: p.clone() for name, p in task.module.named_parameters()}
    fit(task, np.ones(SIZES["train"]), SETTINGS, 0, device=CPU)
    for name, p in task.module.named_parameters():
        assert torch.equal(p, before[name]) or name in names
    assert any(not torch.equal(p, before[name]) for name, p in task.module.named_parameters() if ".lora_" in name)


def test_adapters_are_drawn_by_the_seed(make):
    trainer = make("clip", "lora")
    state = torch.get_rng_state()
    one, same, other = (dict(trainer.task(SETTINGS, seed).module.named_parameters()) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    drawn = [name for name in one if "lora_A" in name]
    assert all(torch.equal(one[name], same[name]) and not torch.equal(one[name], other[name]) for name in drawn)


def test_statistics_of_batch_norms_stay(make):
    task = task_of(make("convolutional"))
    buffers = {name: b.clone() for name, b in task.module.named_buffers()}
    assert any("running_mean" in name for name in buffers)
    fit(task, np.ones(SIZES["train"]), SETTINGS, 0, device=CPU)
    assert all(torch.equal(b, buffers[name]) for name, b in task.module.named_buffers())
    task.loss(np.arange(8), torch.ones(8))
    norms, others = [], []
    for module in task.module.modules():
        (norms if isinstance(module, torch.nn.BatchNorm2d) else others).append(module.training)
    assert norms and not any(norms) and all(others)


def test_a_tower_in_which_nothing_is_trained_sees_every_photo_once(make, monkeypatch):
    trainer = make("convolutional", "lora")
    seen = []
    forward = type(trainer._tower).forward
    monkeypatch.setattr(type(trainer._tower), "forward", lambda self, *a, **k: seen.append(1) or forward(self, *a, **k))
    task = task_of(trainer)
    fit(task, np.ones(SIZES["train"]), SETTINGS, 0, device=CPU)
    assert not seen
    assert not torch.equal(task.module.visual_projection.weight, trainer.encoder.model.visual_projection.weight)


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_training_learns_what_captions_say(adapter, make):
    task = task_of(make("clip", adapter))
    before = task.recall()
    fitted = fit(task, np.ones(SIZES["train"]), Settings(1e-2, 20, 32), 0, device=CPU)
    assert fitted.curve[-1]["loss"] < 0.7 * fitted.curve[0]["loss"]
    assert fitted.curve[-1]["recall"] == task.recall() > before + 20


def test_the_scale_is_bounded(make):
    task = task_of(make())
    with torch.no_grad():
        task.module.logit_scale.fill_(10.0)
    task.loss(np.arange(8), torch.ones(8))
    assert task.module.logit_scale.exp().item() == pytest.approx(100)


@pytest.mark.parametrize(("kind", "adapter"), [("vision-text-dual-encoder", "none"), ("convolutional", "lora")])
def test_a_training_that_was_killed_comes_out_as_if_it_had_not_been(kind, adapter, make, tmp_path):
    trainer, weights = make(kind, adapter), np.linspace(0, 2, SIZES["train"])
    whole = task_of(trainer)
    fitted = fit(whole, weights, SETTINGS, 5, device=CPU)

    def killed(step):
        if step["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(task_of(trainer), weights, SETTINGS, 5, device=CPU, watch=killed, checkpoint=tmp_path / "c.safetensors")
    resumed = task_of(trainer)
    again = fit(resumed, weights, SETTINGS, 5, device=CPU, checkpoint=tmp_path / "c.safetensors")
    assert [(e["loss"], e["recall"]) for e in again.curve] == [(e["loss"], e["recall"]) for e in fitted.curve]
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(tensor, resumed.module.state_dict()[name]), name


def test_every_task_starts_at_the_encoder(make):
    trainer = make()
    untouched = copy.deepcopy(trainer.encoder.model.state_dict())
    fit(task_of(trainer), np.ones(SIZES["train"]), SETTINGS, 0, device=CPU)
    for name, tensor in trainer.task(SETTINGS, 1).module.state_dict().items():
        assert torch.equal(tensor, untouched[name])


@pytest.mark.lab
@pytest.mark.slow
def test_a_real_encoder_learns_photos_that_it_has_not_seen(lab, tmp_path):
    rows = pd.read_json(lab / "flickr8k" / "captions.jsonl", lines=True)
    unseen = rows[(rows["split"] == "train") & ~rows["seen_by_encoder"].astype(bool)]
    drawn = {"train": unseen.sample(200, random_state=0), "validation": rows[rows["split"] == "dev"].sample(100, random_state=0)}
    table = pd.concat([some.assign(split=split) for split, some in drawn.items()], ignore_index=True)
    paths = (str(lab / "flickr8k") + "/" + table["image"]).tolist()
    table = table.assign(image_path=paths, photo=paths, caption=table["captions"].str[0], row=range(1, len(table) + 1))
    encoder, data = load_encoder(str(lab / "models" / "mini-clip"), CPU), data_of(table)
    trainer = ClipTrainer(encoder, data, table, "lora", tmp_path)
    task = task_of(trainer, settings=clip.SETTINGS["lora"])

    def recall():
        judged = trainer.judge(task, heldout(table, "train"))
        return 100 * photo_scores(*judged.ranks(), judged.photo, 1)[BOTH].mean()

    before, held_out = recall(), task.recall()
    assert 20 < before < 60 and held_out > 70  # as the encoder came, among 200 and among 100 photos
    fitted = fit(task, np.ones(200), clip.SETTINGS["lora"], 0, device=CPU)
    assert fitted.curve[-1]["loss"] < fitted.curve[0]["loss"]
    assert recall() > before + 5 and fitted.curve[-1]["recall"] > held_out - 5
