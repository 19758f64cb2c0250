"""One command reruns the configuration of the proposal: on the demo's drawn pairs, and on photos of the lab."""

import json
from pathlib import Path

import pytest
from shell_cases import ENCODER, accepted, refused, shell

from influencespace.pairs.demo import write_demo
from influencespace.shell.proposal import ARMS, ProposalOptions
from influencespace.workspace import Workspace


def write_coco(file: Path, rows: list[tuple[str, list[str]]], **fields: list) -> Path:
    """A COCO captions file of photos and their captions; ``fields`` are further fields of the photos."""
    images = [{"id": i, "file_name": Path(image).name} | {name: values[i] for name, values in fields.items()}
              for i, (image, _) in enumerate(rows)]
    captions = [(i, caption) for i, (_, own) in enumerate(rows) for caption in own]
    annotations = [{"id": n, "image_id": i, "caption": caption} for n, (i, caption) in enumerate(captions)]
    file.write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The demo's pairs as COCO captions files, and what the command made of them."""
    folder = tmp_path_factory.mktemp("proposal")
    demo = write_demo(folder / "demo", pairs=120, heldout=60)
    files = []
    for table in (demo.train, demo.heldout):
        rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
        pairs = [(row["image"], [row["caption"]]) for row in rows]
        files.append(write_coco(folder / f"{table.stem}.json", pairs, person=[row["person"] for row in rows]))
    arguments = (
        "proposal", folder / "w", files[0], "--images", folder / "demo" / "images", "--validation", files[1],
        "--encoder", ENCODER, "--groups", "person:woman,man", "--seeds", "1", "--device", "cpu",
    )
    return folder, arguments, accepted(shell(*arguments, "--json", folder / "results.json"))


def test_the_configuration_is_that_of_the_proposal(drawn):
    workspace, results = Workspace(drawn[0] / "w"), json.loads((drawn[0] / "results.json").read_text())
    chosen = results["settings"]["chosen"]
    assert (chosen["epochs"], chosen["batch_size"], chosen["dimensions"]) == (2, 32, 256)
    assert workspace.artifact("clusters").facts["topics"] <= 5
    assert workspace.artifact("clusters").record["options"]["topics"] == 5
    by_arm = {arm["arm"]: arm for arm in results["arms"]}
    assert tuple(by_arm) == ARMS
    assert {arm: found["pairs"] for arm, found in by_arm.items()} == dict.fromkeys(ARMS, 96) | {"full": 120}


def test_its_table_is_printed(drawn):
    lines = drawn[2].stdout.splitlines()
    head = next(line for line in lines if "method" in line)
    for column in ("Recall@1", "Recall@5", "Recall@10", "data reduction", "relative training time", "gap in R@10, person"):
        assert column in head
    start = lines.index(head)
    assert [line.split()[1] for line in lines[start + 2 : start + 7]] == list(ARMS)


def test_what_is_there_is_not_made_again(drawn):
    again = accepted(shell(*drawn[1], "--json", drawn[0] / "again.json"))
    assert json.loads((drawn[0] / "again.json").read_text())["ran"] == ["import"]
    assert again.stdout == drawn[2].stdout


def test_json_of_no_known_kind_is_refused_with_a_word_why(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    refused(shell("proposal", tmp_path / "w", tmp_path / "x.json"), "is JSON of no known kind")


def test_the_encoder_is_the_proposals_own_unless_another_is_named():
    assert ProposalOptions(source="captions.json").stages()["embed"].encoder == "openai/clip-vit-base-patch32"


@pytest.mark.slow
def test_photos_of_the_lab(lab, tmp_path):
    flickr = lab / "flickr8k"
    with (flickr / "captions.jsonl").open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "train" and not row["seen_by_encoder"]][:120]
    coco = write_coco(tmp_path / "captions.json", [(row["image"], row["captions"]) for row in rows])
    result = accepted(shell(
        "proposal", tmp_path / "w", coco, "--images", flickr / "images", "--encoder", lab / "models" / "mini-clip",
        "--seeds", "2", "--device", "cpu", "--json", tmp_path / "results.json",
    ))
    found = json.loads((tmp_path / "results.json").read_text())
    arms = {arm["arm"]: arm for arm in found["arms"]}
    assert tuple(arms) == ARMS
    # Five captions a photo: 96 photos to train on, half of the others to test.
    assert (arms["full"]["pairs"], arms["influence"]["pairs"]) == (480, 384)
    assert (found["photos"], found["captions"]) == (12, 60)
    for arm in arms.values():
        # Twelve photos say little, but every arm is above the 40 % or so that chance gives.
        assert arm["recall"]["R@5"]["both"]["mean"] > 50
    assert "gap in R@10, gender_words" in result.stdout
