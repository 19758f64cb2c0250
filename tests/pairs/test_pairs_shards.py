import gc
import io
import json
import tarfile
import warnings

import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st
from shard_cases import details, png, sample

from influencespace.errors import PairsError
from influencespace.pairs import samples as samples_module
from influencespace.pairs import tar as tar_module
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records
from influencespace.pairs.stretch import open_image


def test_every_sample_of_every_shard_is_a_row_and_its_image_stays_in_the_tar(shards):
    folder = shards([sample(i, similarity=i / 8) for i in range(7)], 3)
    # What img2dataset puts beside the shards repeats them.
    (folder / "00000.parquet").write_bytes(b"not looked at")
    (folder / "00000_stats.json").write_text("{}")
    problems = Problems()
    records = read_records(folder, problems)
    assert problems.table().empty
    assert records.format == "shards"
    assert records.rows.tolist() == list(range(1, 8))
    assert records.columns["key"].to_pylist() == [f"{i:09d}" for i in range(7)]
    assert records.columns["caption"].to_pylist() == [f"caption {i}" for i in range(7)]
    assert records.columns["similarity"].to_pylist() == [i / 8 for i in range(7)]
    assert records.columns["image"].to_pylist()[3] == "00001.tar/000000003.png"
    for i, path in enumerate(records.inside.to_pylist()):
        with open_image(path) as image:
            assert image.read() == png(i)


def test_what_webdataset_reads_is_what_comes_in(shards):
    folder = shards([sample(i) for i in range(5)], 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves its files open
        theirs = list(webdataset.WebDataset([str(file) for file in sorted(folder.iterdir())], shardshuffle=False))
        gc.collect()
    records = read_records(folder, Problems())
    assert records.columns["key"].to_pylist() == [one["__key__"] for one in theirs]
    assert records.columns["caption"].to_pylist() == [one["txt"].decode() for one in theirs]
    for path, one in zip(records.inside.to_pylist(), theirs, strict=True):
        with open_image(path) as image:
            assert image.read() == one["png"]


@pytest.mark.parametrize("source", ["shards/00000.tar", "shards/*.tar", "shards"])
def test_one_tar_a_pattern_and_a_folder_are_sources(shards, tmp_path, source):
    shards([sample(i) for i in range(3)])
    assert len(read_records(str(tmp_path / source), Problems())) == 3


def test_pairs_with_groups_and_splits_from_the_json(shards, read):
    parts = ["train"] * 6 + ["val"] * 4 + ["test"] * 2
    folder = shards([sample(i, part=part, place="ab"[i % 2]) for i, part in enumerate(parts)], 5)
    pairs = read(folder, holdout_column="part", groups=("place",))
    assert pairs.facts["format"] == "shards"
    assert pairs.facts["counts"] == {"train": 6, "validation": 4, "test": 2}
    assert pairs.facts["groups"] == {"place": ["a", "b"]}
    assert pairs.table["id"].tolist() == [f"{i:09d}" for i in range(12)]
    assert pairs.table["meta.width"].tolist() == [4] * 12
    assert pairs.table["photo"].nunique() == 12
    assert pairs.table["image_path"].str.startswith("bytes:").all()


def test_a_damaged_photo_of_a_shard_is_a_problem_with_its_key(shards, read):
    samples = [sample(i) for i in range(12)]
    samples[2]["png"], samples[4]["txt"], samples[5]["png"] = b"<html>404</html>", " ", png(5)[:40]
    pairs = read(shards(samples), holdout=0.6)
    assert pairs.problems[["row", "id", "problem"]].sort_values("row").to_numpy().tolist() == [
        [3, "000000002", "unreadable image"], [5, "000000004", "empty caption"], [6, "000000005", "unreadable image"],
    ]


def test_a_caption_may_be_in_the_json_alone_and_be_a_list(tar):
    captions = tar(
        ("a.jpg", b"1"), ("a.json", b'{"caption": "of json"}'), ("b.JPG", b"2"), ("b.json", b'{"caption": ["x", "y"]}'),
        ("c.caption", b"of text"), ("c.json", b'{"caption": "of json"}'), ("c.webp", b"3"),
    )
    records = read_records(captions, Problems())
    assert records.columns["caption"].to_pylist() == [["of json"], ["x", "y"], ["of text"]]
    assert [open_image(path).read() for path in records.inside.to_pylist()] == [b"1", b"2", b"3"]


def test_keys_that_several_shards_have_are_told_apart_by_the_shard(tar, tmp_path):
    for shard in range(2):
        tar(("a.jpg", b"1"), ("a.txt", b"x"), ("b.jpg", b"2"), ("b.txt", b"y"), name=f"{shard:05d}.tar")
    assert read_records(tmp_path, Problems()).columns["key"].to_pylist() == ["00000/a", "00000/b", "00001/a", "00001/b"]


@pytest.mark.parametrize("source", ["set", "set/*/*.tar", "set/{val,train}/{00000..00000}.tar"])
def test_shards_of_several_folders_are_told_apart_and_say_what_is_held_out(shards, tmp_path, read, source):
    shards([sample(i) for i in range(6)], folder=tmp_path / "set/train")
    shards([sample(i + 10) | {"__key__": f"{i:09d}"} for i in range(4)], folder=tmp_path / "set/val")
    pairs = read(tmp_path / source)
    assert pairs.problems.empty
    assert pairs.facts["counts"] == {"train": 6, "validation": 2, "test": 2}
    ids = pairs.table.set_index("id")
    assert set(ids.index) == {f"train/00000/{i:09d}" for i in range(6)} | {f"val/00000/{i:09d}" for i in range(4)}
    assert ids.loc["train/00000/000000001", ["image", "split", "meta.split"]].tolist() == [
        "train/00000.tar/000000001.png", "train", "train",
    ]
    assert set(ids["split"][ids["meta.split"] == "val"]) == {"validation", "test"}


def test_shards_that_are_named_by_split_beside_a_split_of_their_own(shards, tmp_path, read):
    folder = shards([sample(i, split="mine") for i in range(8)], 4)
    (folder / "00000.tar").rename(folder / "train-0000.tar")
    (folder / "00001.tar").rename(folder / "test-0000.tar")
    pairs = read(folder)
    assert pairs.facts["counts"] == {"train": 4, "validation": 2, "test": 2}
    assert set(pairs.table["meta.split"]) == {"mine"}
    assert set(pairs.table["meta.split of the source"]) == {"train", "test"}


def test_a_shard_that_is_a_link_out_of_its_folder_is_refused(shards, tar, tmp_path):
    folder = shards([sample(0)])
    (folder / "00001.tar").symlink_to(tar(("secret.jpg", b"1"), ("secret.txt", b"x")))
    problems = Problems()
    assert read_records(folder, problems).columns["key"].to_pylist() == ["000000000"]
    assert problems.table()["problem"].tolist() == ["outside the source"]


def test_pickles_and_arrays_are_passed_over(tar):
    path = tar(("a.pyd", b"cos\nsystem\n(S'false'\ntR."), ("a.jpg", b"1"), ("a.npy", b"\x93NUMPY"), ("a.txt", b"x"),
               ("README", b"..."), ("a.seg.png", b"mask"), ("folder.b/c.txt", b"y"), ("folder.b/c.png", b"2"))
    records = read_records(path, Problems())
    assert records.columns["image"].to_pylist() == ["00000.tar/a.jpg", "00000.tar/folder.b/c.png"]
    assert records.columns["key"].to_pylist() == ["a", "folder.b/c"]


@pytest.mark.parametrize("text", [b"{", b"[1]", b"\xff", b"[" * 100_000, b'"' + b"x" * 2**20 + b'"'])
def test_json_that_cannot_be_used_leaves_its_sample_out(tar, text):
    problems = Problems()
    records = read_records(tar(("a.jpg", b"1"), ("a.json", text), ("b.jpg", b"2"), ("b.txt", b"x")), problems)
    assert records.rows.tolist() == [2]
    assert problems.table()[["row", "id", "problem"]].to_numpy().tolist() == [[1, "a", "malformed row"]]


def test_values_of_mixed_types_become_text_also_between_shards(shards, monkeypatch):
    monkeypatch.setattr(samples_module, "TOGETHER", 2)
    values = [1, 2, "three", None, 4.5, None]
    records = read_records(shards([sample(i, value=value) for i, value in enumerate(values)], 4), Problems())
    assert records.columns["value"].to_pylist() == ["1", "2", "three", None, "4.5", None]


def test_an_image_or_a_number_of_members_beyond_the_limits(tar, monkeypatch):
    path = tar(("a.jpg", b"large"), ("a.txt", b"x"), ("b.jpg", b"1"), ("b.txt", b"y"), ("c.jpg", b"1"), ("c.txt", b"z"))
    monkeypatch.setattr(samples_module, "LARGEST", 4)
    monkeypatch.setattr(tar_module, "MOST_MEMBERS", 4)
    problems = Problems()
    assert read_records(path, problems).columns["key"].to_pylist() == ["b"]
    assert details(problems) == [
        ["damaged shard", "it has more than 4 members; split it into shards; what came before was read"],
        ["oversized image", "a.jpg has 5 bytes"],
    ]


def test_a_compressed_shard_is_refused_with_what_to_do(tmp_path):
    with tarfile.open(tmp_path / "00000.tar.gz", "w:gz"):
        pass
    for source in (tmp_path, tmp_path / "00000.tar.gz"):
        with pytest.raises(PairsError, match=r"00000.tar.gz is compressed.*decompress it first"):
            read_records(source, Problems())


@pytest.mark.parametrize("address", ["pipe:touch {0}/pwned", "pipe:touch {0}/pwned.tar", "{0}/*.csv", "http://x/{{000..001}}.tar"])
def test_commands_and_addresses_are_no_sources(tmp_path, address):
    (tmp_path / "a.csv").touch()
    with pytest.raises(PairsError, match=r"does not exist|matches .*/a\.csv\. By|no file|is an address"):
        read_records(address.format(tmp_path), Problems())
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


@given(keys=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["jpg", "txt", "json"])), min_size=1, max_size=9))
def test_samples_are_runs_of_one_key(tmp_path_factory, keys):
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    with tarfile.open(path, "w") as archive:
        for key, kind in keys:
            info = tarfile.TarInfo(f"{key}.{kind}")
            info.size = 2
            archive.addfile(info, io.BytesIO(b"{}"))
    runs = [key for i, (key, _) in enumerate(keys) if i == 0 or keys[i - 1][0] != key]
    assert read_records(path, Problems()).columns["key"].to_pylist() == runs


def test_a_sidecar_is_not_read_twice(shards, read):
    folder = shards([sample(i) for i in range(10)])
    (folder / "00000.parquet").write_bytes(b"")
    (folder / "sums.json").write_text(json.dumps({"count": 10}))
    assert sum(read(folder, holdout=0.5).facts["counts"].values()) == 10
