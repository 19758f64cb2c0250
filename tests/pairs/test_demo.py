"""The demo's pairs, what is planted in them, and the encoder that comes with them."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize
from transformers import AutoProcessor, CLIPModel

from influencespace.errors import PairsError
from influencespace.pairs.demo import ENCODER, clean_pairs, write_demo
from influencespace.pairs.demo.canvas import SIZE
from influencespace.pairs.demo.captions import COUNTS, NOUNS, PEOPLE
from influencespace.pairs.demo.draw import draw
from influencespace.pairs.demo.faults import Faults, boilerplate_caption, mismatched_caption, plant
from influencespace.pairs.demo.scenes import TOPICS, sample_scenes

PAIRS, HELDOUT = 600, 200


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), pairs=PAIRS, heldout=HELDOUT, seed=3)


@pytest.fixture(scope="module")
def encoder():
    return CLIPModel.from_pretrained(ENCODER).eval(), AutoProcessor.from_pretrained(ENCODER)


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def digest(folder):
    """One digest of all files below a folder, names and bytes."""
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def test_same_seed_same_bytes_whatever_the_hash_seed_and_another_seed_differs(tmp_path):
    script = (
        "import sys; from pathlib import Path; from influencespace.pairs.demo import write_demo;"
        "write_demo(Path(sys.argv[1]), pairs=120, heldout=20, seed=int(sys.argv[2]))"
    )
    digests = []
    for name, seed, hash_seed in (("a", "5", "1"), ("b", "5", "2"), ("c", "6", "1")):
        folder = tmp_path / name
        subprocess.run(
            [sys.executable, "-c", script, str(folder), seed], check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        digests.append(digest(folder))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_tables_hold_every_image_once_and_their_groups(demo):
    train, heldout = rows(demo.train), rows(demo.heldout)
    assert (len(train), len(heldout)) == (PAIRS, HELDOUT)
    images = [row["image"] for row in train + heldout]
    assert len(set(images)) == PAIRS + HELDOUT
    assert all((demo.train.parent / image).is_file() for image in images)
    assert {row["person"] for row in train} == {"woman", "man", "child", "no_person"}
    assert {row["mobility"] for row in train} == {"wheelchair", "no_wheelchair", "no_person"}
    assert all((row["person"] == "no_person") == (row["mobility"] == "no_person") for row in train + heldout)


def test_truth_stands_beside_the_training_table_and_not_in_it(demo):
    train, truth = rows(demo.train), rows(demo.truth)
    assert [row["image"] for row in train] == [row["image"] for row in truth]
    assert set().union(*train) == set().union(*rows(demo.heldout)) == {"image", "caption", "person", "mobility"}
    for damage in {row["damage"] for row in truth} - {"none"}:
        assert not any(damage in row["image"] for row in train)


def test_planted_shares_are_exact(demo):
    faults, truth, train = Faults(), rows(demo.truth), rows(demo.train)
    counts = Counter(row["damage"] for row in truth)
    assert counts["boilerplate"] == round(faults.boilerplate * PAIRS)
    assert counts["near_duplicate"] == round(faults.near_duplicate * PAIRS)
    assert counts["blurred"] == round(faults.blurred * PAIRS)
    assert 0.21 <= (counts["mismatch"] + counts["boilerplate"]) / PAIRS <= 0.27
    scenes = sample_scenes("train", PAIRS, 3)
    for topic, rate in faults.mismatched_topics.items():
        of_topic = [t["damage"] == "mismatch" for t, scene in zip(truth, scenes, strict=True) if scene.topic == topic]
        assert sum(of_topic) == round(rate * len(of_topic))

    def mismatched(person):
        of_group = [t["damage"] == "mismatch" for t, row in zip(truth, train, strict=True) if row["person"] == person]
        return np.mean(of_group)

    assert mismatched("woman") > 3 * max(mismatched("man"), mismatched("child"))


def test_every_kind_of_damage_is_what_it_says(demo):
    planted = plant(sample_scenes("train", PAIRS, 3), 3, Faults())
    train, heldout = rows(demo.train), rows(demo.heldout)
    originals = Counter(original for i, original in enumerate(planted.original) if original != i)
    assert sum(originals.values()) == planted.damage.count("near_duplicate")
    assert max(originals.values()) >= 4
    assert all(planted.damage[i] == "none" for i in originals)

    def pixels(i):
        with Image.open(demo.train.parent / train[i]["image"]) as image:
            return np.asarray(image, dtype=np.float32)

    def detail(i):
        return np.abs(np.diff(pixels(i), axis=1)).mean()

    sharp = [i for i, damage in enumerate(planted.damage) if damage == "none"]
    blurred = [i for i, damage in enumerate(planted.damage) if damage == "blurred"]
    assert max(detail(i) for i in blurred) < np.quantile([detail(i) for i in sharp], 0.05)
    copies = [i for i, original in enumerate(planted.original) if original != i]
    apart = np.mean([np.abs(pixels(i) - pixels(planted.original[i])).mean() for i in copies])
    strangers = np.mean([np.abs(pixels(i) - pixels(j)).mean() for i, j in zip(copies, sharp, strict=False)])
    assert apart < strangers / 2
    worded = {row["caption"] for row in heldout}
    assert not any(train[i]["caption"] in worded for i, d in enumerate(planted.damage) if d == "boilerplate")


def test_no_image_is_in_both_tables_or_twice(demo):
    folder = demo.train.parent
    train, heldout = (
        [hashlib.sha256((folder / row["image"]).read_bytes()).hexdigest() for row in rows(path)]
        for path in (demo.train, demo.heldout)
    )
    assert not set(train) & set(heldout)
    assert len(set(heldout)) == HELDOUT


def test_wheelchairs_are_rare_in_training_and_less_so_where_it_is_judged(demo):
    def share(path):
        people = [row["mobility"] for row in rows(path) if row["person"] != "no_person"]
        return people.count("wheelchair") / len(people)

    assert share(demo.train) == pytest.approx(0.03, abs=0.01)
    assert share(demo.heldout) == pytest.approx(0.10, abs=0.01)
    flagged = [row["rare"] for row in rows(demo.truth)]
    assert flagged == [row["mobility"] == "wheelchair" for row in rows(demo.train)]


def test_captions_say_what_the_scene_holds():
    for scene, text in clean_pairs("train", 400, 0):
        said = text.lower()
        assert any(noun.removesuffix("y") in said for noun in NOUNS[scene.thing]), (scene, text)
        if scene.person is not None:
            look = ("girl" if scene.person.girl else "boy") if scene.person.kind == "child" else scene.person.kind
            assert any(f"a {noun}" in said for noun in PEOPLE[look]), (scene, text)
        if scene.count > 1:
            assert any(number in said for number in COUNTS[scene.count]), (scene, text)


def test_captions_of_a_mismatch_are_of_another_topic():
    rng = np.random.default_rng(0)
    fruit = next(s for s in sample_scenes("train", 40, 0) if s.topic == "fruit")
    texts = [mismatched_caption(fruit, rng).lower() for _ in range(200)]
    assert not any(f" {noun}" in text for text in texts for noun in ("apple", "pear", "lemon"))


def test_captions_of_different_scenes_mostly_differ():
    texts = [text.lower().rstrip(".") for _, text in clean_pairs("heldout", 800, 0)]
    assert len(set(texts)) > 0.97 * len(texts)


def test_topics_come_up_equally_often_and_draw_to_the_same_size():
    scenes = sample_scenes("train", 200, 1)
    assert Counter(scene.topic for scene in scenes) == dict.fromkeys(TOPICS, 10)
    for scene in scenes[:40]:
        image = draw(scene)
        assert (image.size, image.mode) == ((SIZE, SIZE), "RGB")
        assert len(image.getcolors(SIZE * SIZE)) > 20


def test_progress_ends_with_all_done(tmp_path):
    reports = []
    write_demo(tmp_path, pairs=100, heldout=10, progress=lambda *report: reports.append(report))
    assert reports[-1] == (110, 110, "scenes drawn")
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)


def test_too_few_pairs_are_refused(tmp_path):
    with pytest.raises(PairsError, match="at least 100"):
        write_demo(tmp_path, pairs=20)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(PairsError, match="taken"):
        write_demo(tmp_path / "taken", pairs=100, heldout=10)


def test_encoder_is_small_and_loads_in_single_precision(encoder):
    assert (ENCODER / "model.safetensors").stat().st_size <= 4_000_000
    assert {p.dtype for p in encoder[0].parameters()} == {torch.float32}


def test_encoder_tells_matched_from_shuffled_pairs(encoder):
    model, processor = encoder
    pairs = clean_pairs("heldout", 200, 11)
    inputs = processor(
        images=[draw(scene) for scene, _ in pairs], text=[text for _, text in pairs], return_tensors="pt",
        padding=True, truncation=True,
    )
    with torch.no_grad():
        out = model(**inputs)
    similarity = (normalize(out.image_embeds) @ normalize(out.text_embeds).T).numpy()
    matched, shuffled = similarity.diagonal(), similarity[~np.eye(len(pairs), dtype=bool)]
    assert matched.mean() > shuffled.mean() + 0.2
    assert np.mean(matched[:, None] > shuffled[None, :]) > 0.8


@pytest.mark.parametrize("text", [
    "", "IMG_2034.jpg", "Ünïcødé 写真 🚲🚲 مرحبا", "a\n\tb\0c", "word " * 500, "x" * 3000, "<|endoftext|> a dog",
])
def test_every_text_is_tokenised_cut_and_ended(encoder, text):
    model, processor = encoder
    tokenizer = processor.tokenizer
    tokens = processor(text=[text, "a dog"], return_tensors="pt", padding=True, truncation=True)
    assert tokens["input_ids"].shape[1] <= model.config.text_config.max_position_embeddings
    assert (tokens["input_ids"] == model.config.text_config.eos_token_id).any(1).all()
    assert tokenizer.unk_token_id not in tokens["input_ids"]
    with torch.no_grad():
        assert torch.isfinite(model.get_text_features(**tokens).pooler_output).all()


def test_boilerplate_is_tokenised_without_unknowns(encoder):
    rng = np.random.default_rng(0)
    texts = [boilerplate_caption(rng) for _ in range(100)]
    tokens = encoder[1](text=texts, padding=True, truncation=True)["input_ids"]
    assert not any(encoder[1].tokenizer.unk_token_id in row for row in tokens)
    assert encoder[1].tokenizer.decode(tokens[0], skip_special_tokens=True).strip() == texts[0].lower()
