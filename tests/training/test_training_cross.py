"""Models that read photo and caption together: their losses by hand, what they are asked, and that they learn."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cross_cases import CPU, HELD, KINDS, SETTINGS, TRAIN, planted
from encoder_cases import make_photos, make_table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from influencespace.errors import TrainingError
from influencespace.features.grid import see
from influencespace.features.options import EmbedOptions
from influencespace.features.stage import embed
from influencespace.metrics.fairness import match
from influencespace.metrics.recall import BOTH, photo_scores, retrieval_ranks
from influencespace.options import Options
from influencespace.pairs.views import heldout
from influencespace.training import cross_task, loop
from influencespace.training.captions import Captions
from influencespace.training.cross import CrossTrainer
from influencespace.training.cross_task import KNOWN, MASKED, draw_mismatches
from influencespace.training.data import TrainingData
from influencespace.training.loop import Settings, fit
from influencespace.training.options import TrainOptions
from influencespace.training.probes import Photos
from influencespace.workspace import Workspace


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def trainer(request, encoder):
    return planted(encoder, request.param)


def still(trainer, seed=0):
    """A task in double precision that drops nothing out."""
    task = trainer.task(SETTINGS, seed)
    task.module.double().eval()
    return task


def batch(trainer, pairs, masked=((0, 2), (1, 1), (1, 3))):
    """What :meth:`CrossTask.losses` is given for some pairs: mismatches one and two further on, and some masked words."""
    pairs = np.asarray(pairs)
    words, there = trainer.captions.of(pairs)
    hidden = torch.full_like(words, -100)
    for row, place in masked:
        hidden[row, place], words[row, place] = words[row, place].item(), 1
    turn = torch.arange(len(pairs))
    return pairs, words, there, hidden, turn.roll(-1), turn.roll(-2), torch.ones(len(pairs), dtype=torch.bool)


def log_odds(task, words, there, cells):
    """Of one pair, read alone and without padding, from the model itself."""
    keep = there.bool()
    with torch.no_grad():
        logit, states = task.module(words[keep][None], there[keep][None], torch.from_numpy(cells)[None])
    return float(logit), task.module.predictions(states)[0].detach()


def test_the_loss_of_a_pair_is_its_definition_by_a_plain_loop(trainer):
    task, given_ = still(trainer), batch(trainer, [3, 8, 20, 31])
    given_[6][2] = False  # a pair without a mismatch
    pairs, words, there, hidden, caption, photo, drawn = given_
    cells = trainer.cells.of(pairs)
    for i, got in enumerate(task.losses(*given_).detach()):
        right, predictions = log_odds(task, words[i], there[i], cells[i])
        expected = math.log1p(math.exp(-right))
        if drawn[i]:
            for j, k in ((caption[i], i), (i, photo[i])):
                expected += 0.5 * math.log1p(math.exp(log_odds(task, words[j], there[j], cells[k])[0]))
        at = [place for place in range(words.shape[1]) if hidden[i, place] != -100]
        if at:
            picked = [-predictions[place].log_softmax(0)[hidden[i, place]] for place in at]
            expected += MASKED * float(sum(picked)) / len(at)
        assert float(got) == pytest.approx(expected, rel=1e-6)


def test_a_pair_of_weight_two_is_the_pair_twice(trainer):
    """The loss is a sum over pairs where the mismatches are the same: value and gradient."""
    task = still(trainer)
    once = batch(trainer, [3, 8, 20, 31])
    twice = [torch.cat([part, part[1:2]]) if torch.is_tensor(part) else np.append(part, part[1]) for part in once]
    weights, found = torch.tensor([1.0, 2, 1, 1], dtype=torch.float64), []
    for loss in ((weights * task.losses(*once)).sum(), task.losses(*twice).sum()):
        task.module.zero_grad()
        loss.backward()
        found.append([loss.detach(), *(p.grad.clone() for p in task.module.parameters() if p.grad is not None)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def test_weights_multiply_the_losses_of_a_batch(trainer):
    task, rows = trainer.task(SETTINGS, 0), np.arange(8)
    losses = []
    for weights in (torch.eye(8)[2] * 8, torch.ones(8), torch.zeros(8)):
        torch.manual_seed(0)
        losses.append(task.loss(rows, weights).item())
    assert losses[2] == 0 and losses[0] != losses[1]
    each = []
    for k in range(8):
        torch.manual_seed(0)
        each.append(task.loss(rows, torch.eye(8)[k]).item())
    assert sum(each) == pytest.approx(losses[1], rel=1e-5)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 1000))
def test_a_mismatch_is_never_of_the_same_photo(photo, seed):
    torch.manual_seed(seed)
    photo = torch.tensor(photo)
    other, drawn = draw_mismatches(photo)
    assert (photo[other] != photo)[drawn].all()
    assert bool(drawn.all()) == (len(photo.unique()) > 1) == bool(drawn.any())
    assert torch.equal(other[~drawn], torch.arange(len(photo))[~drawn])


def test_mismatches_are_drawn_evenly():
    torch.manual_seed(0)
    seen = torch.stack([draw_mismatches(torch.tensor([0, 1, 2, 0]))[0][0] for _ in range(2000)])
    np.testing.assert_allclose(torch.bincount(seen, minlength=4) / 2000, [0, 0.5, 0.5, 0], atol=0.04)


def test_what_was_learnt_before_goes_on_slowly_and_everything_learns(trainer):
    task = trainer.task(SETTINGS, 0)
    groups = task.parameters()
    learning = [p for p in task.module.parameters() if p.requires_grad]
    assert {id(p) for group in groups for p in group["params"]} == {id(p) for p in learning}
    slow = {id(p) for group in groups if group["factor"] == KNOWN for p in group["params"]}
    words = task.module.base.get_input_embeddings().weight
    assert id(words) in slow and id(task.module.projection.weight) not in slow
    assert all(group["factor"] in (KNOWN, 1.0) for group in groups)


def test_captions_come_back_as_the_tokenizer_gives_them(encoder):
    texts = ["a red dog", "the cat sleeps a blue ball runs", "a", "dog " * 40]
    words, there = Captions(encoder.tokenizer, texts, 8).of(np.array([3, 0, 2, 0]))
    for row, text in enumerate([texts[3], texts[0], texts[2], texts[0]]):
        expected = encoder.tokenizer(text, truncation=True, max_length=8)["input_ids"]
        assert words[row][there[row].bool()].tolist() == expected and (words[row][~there[row].bool()] == 0).all()
    assert words.shape == there.shape == (4, 8)


@pytest.mark.parametrize("name, aligned, why", [("imported", True, "were imported"), ("encoder", False, "are not aligned")])
def test_features_without_an_encoder_that_finds_candidates_are_refused(name, aligned, why, trainer):
    workspace = SimpleNamespace(artifact=lambda _: SimpleNamespace(facts={"encoder": name}))
    with pytest.raises(TrainingError, match=rf"lxmert.*{why}.*embed --encoder.*--trainer heads"):
        CrossTrainer.load(workspace, replace(trainer.data, aligned=aligned), TrainOptions(trainer="lxmert"))


def test_a_workspace_with_photos_is_trained_on_and_asked_about_others(encoder, tmp_path):
    """Vectors and cells are the encoder's; a question about the test photos as they are has the answers of the test."""
    paths = make_photos(tmp_path / "photos", 24)
    texts = [f"a {('red', 'blue')[i % 2]} {('dog', 'cat', 'ball')[i % 3]}" for i in range(24)]
    table = make_table(paths, texts).assign(split=["train"] * 12 + ["validation"] * 6 + ["test"] * 6)
    workspace = Workspace(tmp_path / "w", create=True)
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", table)
    embed(workspace, EmbedOptions(encoder=encoder.name))
    record = tmp_path / "w" / "features" / "artifact.json"  # an encoder of noise is not aligned, but may be treated as if it were
    record.write_text(record.read_text().replace('"aligned": false', '"aligned": true'))
    features = workspace.artifact("features")
    splits = [heldout(table, split) for split in ("validation", "test")]
    data = TrainingData.load(
        features.array("image"), features.array("text"), np.arange(24), np.arange(12), *splits, True, 10.0, CPU
    )
    trainer = CrossTrainer.load(workspace, data, TrainOptions(trainer="visualbert"))
    alone = see(encoder, [encoder.prepare(Image.open(path).convert("RGB")) for path in paths[18:]])[1]
    np.testing.assert_allclose(trainer.cells.of(np.arange(18, 24)).astype(float), alone.astype(float), atol=4e-3)
    task = trainer.task(Settings(1e-3, 1, 4), 0)
    fit(task, np.ones(12), task.settings, 0, device=CPU)
    test, pairs = trainer.judge(task, data.test), (np.arange(6), np.array([5, 4, 3, 2, 1, 0]))
    same = trainer.probe(task, Photos(paths[18:]), texts[18:], data.test.photo)
    np.testing.assert_allclose(same.similarity(*pairs), test.similarity(*pairs), atol=1e-5)
    assert same.mix == test.mix and [r.tolist() for r in same.ranks()] == [r.tolist() for r in test.ranks()]
    damaged = trainer.probe(task, Photos(paths[18:], "noise"), ["a dog"], np.array([-1]))
    assert damaged.similarity(np.arange(6), np.zeros(6, dtype=int)).shape == (6,)


def test_untrained_it_is_the_dual_encoder(trainer):
    split = trainer.data.test
    judged = trainer.judge(trainer.task(SETTINGS, 0), split)
    image, text = (side[split.rows].numpy() for side in (trainer.data.image, trainer.data.text))
    for got, expected in zip(judged.ranks(), retrieval_ranks(image, text, split.photo), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_the_curve_shows_no_mix_that_was_chosen_for_its_own_photos(trainer, monkeypatch):
    """Of a model that is right about one half of what is watched and wrong about the other, no half has the good of it."""
    task, split = trainer.task(SETTINGS, 0), trainer.data.validation
    right, wrong = np.array_split(np.random.default_rng(0).permutation(split.photos), 2)
    row = split.rows[right]

    def logits(cells, photos, captions, rows):
        return np.where(photos != rows, 0.0, np.where(np.isin(rows, row), 9.0, -9.0))

    monkeypatch.setattr(task, "_logits", logits)
    judged = task.reranked(split)
    assert judged.best_mix(wrong) == 0 < judged.best_mix(right)
    dual = photo_scores(*judged.ranks(), split.photo, 10)[BOTH][right]
    judged.mix = judged.best_mix(right)
    misled = photo_scores(*judged.ranks(), split.photo, 10)[BOTH][wrong]
    assert task.recall() == pytest.approx(100 * np.concatenate([dual, misled]).mean())


def test_cells_start_among_the_words_that_say_what_they_show(trainer):
    """Of photos it has not looked at: the mean cell lies nearer to the words of its own caption than to those of others."""
    module, rows = trainer.task(SETTINGS, 0).module, trainer.data.test.rows
    cells = (torch.from_numpy(trainer.cells.of(rows)) - module.mean) / module.deviation
    seen = module.projection(cells.float()).mean(1)
    words = module.base.get_input_embeddings().weight
    told = torch.stack([words[trainer.captions.of(rows[[i]])[0][0]].mean(0) for i in range(len(rows))])
    seen, told = seen - seen.mean(0), told - told.mean(0)
    cosine = torch.nn.functional.normalize(seen, dim=1) @ torch.nn.functional.normalize(told, dim=1).T
    assert cosine.diagonal().mean() > cosine.mean() + 0.2


def test_planted_pairs_are_learnt_and_re_ranking_finds_more(trainer, monkeypatch):
    monkeypatch.setattr(cross_task, "KNOWN", 1.0)  # this encoder has learnt nothing before
    longer = replace(SETTINGS, epochs=16)
    task = trainer.task(longer, 0)
    before = trainer.judge(task, trainer.data.test).ranks()
    fitted = fit(task, np.ones(TRAIN), longer, 0, device=CPU)
    assert fitted.curve[-1]["loss"] < fitted.curve[0]["loss"] and 0 <= fitted.curve[-1]["recall"] <= 100
    test, validation = (trainer.judge(task, split) for split in (trainer.data.test, trainer.data.validation))
    anyone = np.full(HELD, "")
    assert match(validation, test, anyone, anyone).correct().mean() > 0.65
    assert test.mix == validation.mix > 0
    assert np.mean([(r < 5).mean() for r in test.ranks()]) > np.mean([(r < 5).mean() for r in before])


@pytest.fixture
def mixed(monkeypatch):
    """Mixed precision, which a CPU that has no instructions for it can do too."""
    monkeypatch.setattr(loop, "native_bfloat16", lambda: True)


def test_mixed_precision_changes_little_and_rounds_no_log_odds(trainer, monkeypatch):
    task, split = trainer.task(SETTINGS, 0), trainer.data.test
    task.module.trained.fill_(True)
    asked = np.tile(np.arange(HELD), 3), np.random.default_rng(0).integers(HELD, size=3 * HELD)
    exact = task.reranked(split).similarity(*asked)
    monkeypatch.setattr(loop, "native_bfloat16", lambda: True)
    rounded = task.reranked(split).similarity(*asked)
    assert 0 < np.abs(rounded - exact).max() < 0.1 * exact.std() + 0.02
    # bfloat16 has eight binary digits.
    assert len(np.unique(rounded.astype(np.float32))) > 0.9 * len(np.unique(exact.astype(np.float32)))


def test_a_training_that_goes_on_from_a_checkpoint_ends_the_same(trainer, mixed, tmp_path):
    whole = trainer.task(SETTINGS, 0)
    fit(whole, np.ones(TRAIN), SETTINGS, 0, device=CPU)

    class Killed(Exception):
        pass

    def kill(step):
        raise Killed

    with pytest.raises(Killed):
        fit(trainer.task(SETTINGS, 0), np.ones(TRAIN), SETTINGS, 0, device=CPU, checkpoint=tmp_path / "c", watch=kill)
    again = trainer.task(SETTINGS, 0)
    fit(again, np.ones(TRAIN), SETTINGS, 0, device=CPU, checkpoint=tmp_path / "c")
    for one, other in zip(whole.module.parameters(), again.module.parameters(), strict=True):
        assert torch.equal(one, other)
    assert bool(again.module.trained)
