import json

import pandas as pd
import pytest
from PIL import Image
from shard_cases import png

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records


@pytest.fixture
def folder(tmp_path):
    """Two folders of six samples as img2dataset writes them as files, with its tables beside."""
    for shard in range(2):
        below = tmp_path / "files" / f"{shard:05d}"
        below.mkdir(parents=True)
        for i in range(6):
            key = f"{shard * 10000 + i:09d}"
            (below / f"{key}.png").write_bytes(png(shard * 10 + i))
            (below / f"{key}.txt").write_text(f"caption {i}", encoding="utf-8")
            (below / f"{key}.json").write_text(json.dumps({"caption": "other", "key": key, "width": 4, "exif": {}}))
        pd.DataFrame({"url": ["http://x"], "key": ["0"], "caption": ["c"]}).to_parquet(below.with_suffix(".parquet"))
        below.with_name(f"{below.name}_stats.json").write_text("{}")
    return tmp_path / "files"


def test_samples_that_img2dataset_wrote_as_files(folder, read):
    pairs = read(folder, holdout=0.5)
    assert pairs.facts["format"] == "files"
    assert pairs.problems.empty
    assert pairs.table["id"].tolist() == [f"{shard * 10000 + i:09d}" for shard in range(2) for i in range(6)]
    assert pairs.table["image"].tolist()[:7:6] == ["00000/000000000.png", "00001/000010000.png"]
    assert pairs.table["image_path"].tolist()[0] == str(folder / "00000/000000000.png")
    assert pairs.table["caption"].tolist() == [f"caption {i}" for i in range(6)] * 2
    assert pairs.table["meta.width"].tolist() == [4] * 12
    below = read_records(folder / "00001", Problems())
    assert below.columns["image"].to_pylist() == [f"00001000{i}.png" for i in range(6)]


def test_one_key_in_several_folders(folder):
    for file in list((folder / "00001").iterdir()):
        file.rename(file.with_name(file.name.replace("00001", "00000", 1)))
    keys = read_records(folder, Problems()).columns["key"].to_pylist()
    assert keys == [f"0000{shard}/00000000{i}" for shard in range(2) for i in range(6)]


def test_what_is_wrong_with_one_sample_leaves_the_others(folder, tmp_path, read):
    (folder / "00000/000000001.json").write_text("{")
    (folder / "00000/000000002.png").unlink()
    (folder / "00000/000000003.png").write_bytes(b"<html>")
    (folder / "00000/000000004.txt").write_bytes(b"\xff")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "00001/000010000.txt").unlink()
    (folder / "00001/000010000.txt").symlink_to(tmp_path / "secret.txt")
    pairs = read(folder, holdout=0.6)
    assert pairs.problems[["row", "id", "problem"]].sort_values("row").to_numpy().tolist() == [
        [-1, "", "outside the source"], [2, "000000001", "malformed row"], [3, "000000002", "no image named"],
        [4, "000000003", "unreadable image"], [5, "000000004", "malformed row"],
    ]
    assert "other" in pairs.table["caption"].tolist()  # of the JSON, where the text may not be read


def test_a_readme_makes_no_folder_of_samples(tmp_path):
    (tmp_path / "README.txt").write_text("photos")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(PairsError, match="of no known kind"):
        read_records(tmp_path, Problems())
