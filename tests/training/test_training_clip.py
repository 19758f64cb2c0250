import copy

import numpy as np
import pandas as pd
import pytest
import torch
from encoder_cases import SIDE, WORDS, make_encoder
from engine_cases import plain_losses
from PIL import Image

from influencespace.errors import TrainingError
from influencespace.features.corruptions import corrupt
from influencespace.features.encoder import load_encoder
from influencespace.features.photos import load_photo
from influencespace.metrics.recall import BOTH, photo_scores
from influencespace.options import Options
from influencespace.pairs.views import heldout, photo_codes, training_rows
from influencespace.training import clip, photos
from influencespace.training.clip import ClipTrainer
from influencespace.training.data import TrainingData
from influencespace.training.loop import Settings, fit
from influencespace.training.options import TrainOptions
from influencespace.training.probes import Photos
from influencespace.workspace import Workspace

KINDS = ("clip", "siglip", "siglip2", "vision-text-dual-encoder", "convolutional")
CPU = torch.device("cpu")
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA device here")
SIZES = {"train": 96, "validation": 40, "test": 30}
SETTINGS = Settings(learning_rate=3e-3, epochs=3, batch_size=24)


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


def data_of(table, device=CPU):
    """What a trainer needs of a workspace's data; it never looks at the features."""
    nothing = torch.zeros(len(table), 1, device=device)
    codes = torch.from_numpy(photo_codes(table, slice(None))).to(device)
    return TrainingData(
        nothing, nothing, codes, training_rows(table), heldout(table, "validation"), heldout(table, "test"), True, 1.0
    )


@pytest.fixture
def make(encoders, table, tmp_path):
    def make(kind="clip", adapter="none", table=table, device=CPU):
        return ClipTrainer(encoders(kind), data_of(table, device), table, adapter, tmp_path)

    return make


def task_of(trainer, seed=0, settings=SETTINGS, dropout=True):
    task = trainer.task(settings, seed)
    if not dropout:
        for module in task.module.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    return task


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
