import gc
import warnings

import datasets
import pandas as pd
import pytest
from shard_cases import png

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


def write(folder, numbers, form="jsonl"):
    folder.mkdir(parents=True)
    names = [f"{number}.png" for number in numbers]
    for number, name in zip(numbers, names, strict=True):
        (folder / name).write_bytes(png(number))
    rows = pd.DataFrame({"file_name": names, "text": [f"caption {number}" for number in numbers], "place": "home"})
    if form == "jsonl":
        rows.to_json(folder / "metadata.jsonl", orient="records", lines=True)
    else:
        rows.to_csv(folder / "metadata.csv", index=False)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_image_folder_is_read_as_datasets_reads_it(tmp_path, read, form):
    write(tmp_path / "set", range(10), form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # datasets leaves the table open
        theirs = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "set"), split="train", cache_dir=str(tmp_path))
        gc.collect()
    pairs = read(tmp_path / "set", holdout=0.5, groups=("place",))
    assert pairs.facts["format"] == "imagefolder"
    assert pairs.problems.empty
    assert sorted(pairs.table["caption"]) == sorted(theirs["text"])
    assert pairs.table["image"].tolist() == [f"{i}.png" for i in range(10)]
    assert pairs.facts["groups"] == {"place": ["home"]}


def test_folders_of_splits_hold_out(tmp_path, read):
    write(tmp_path / "set/train", range(6))
    write(tmp_path / "set/validation", range(6, 10))
    pairs = read(tmp_path / "set")
    assert pairs.facts["counts"] == {"train": 6, "validation": 2, "test": 2}
    assert pairs.table["image_path"].tolist()[0] == str(tmp_path / "set/train/0.png")
    assert set(pairs.table["meta.split"]) == {"train", "validation"}


def test_metadata_that_names_no_images_is_an_error(tmp_path):
    (tmp_path / "metadata.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(PairsError, match=r"metadata.jsonl has no column 'file_name'.*every image folder"):
        read_records(tmp_path, Problems())
