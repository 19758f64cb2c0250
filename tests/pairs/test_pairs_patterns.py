import os
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoder_cases import make_photos
from hypothesis import given
from hypothesis import strategies as st
from shard_cases import sample
from webdataset.shardlists import expand_urls

from influencespace.errors import PairsError
from influencespace.pairs import patterns
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records
from influencespace.pairs.stage import import_pairs
from influencespace.progress import silent
from influencespace.workspace import Workspace

NUMBERS = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 4)).map(
    lambda ends: f"{{{ends[0]:0{ends[2]}d}..{ends[1]}}}"
)
WORDS = st.lists(st.text("ab_-.", max_size=3), min_size=2, max_size=3).map(lambda words: "{" + ",".join(words) + "}")


@given(parts=st.lists(st.text("xy/.", min_size=1, max_size=3) | NUMBERS | WORDS, min_size=1, max_size=2))
def test_braces_are_what_webdataset_takes_them_for(parts):
    pattern = "x" + "".join(parts)
    assert list(map(str, patterns.files(pattern))) == [os.fspath(patterns.Path(name)) for name in expand_urls(pattern)]
    assert patterns.is_pattern(pattern) == ("{" in pattern)


def samples(count):
    return [sample(number) for number in range(count)]


@pytest.mark.parametrize(("source", "numbers"), [
    ("{00000..00002}.tar", [0, 1, 2, 3, 4, 5]), ("{00002,00000,00001}.tar", [4, 5, 0, 1, 2, 3]), ("0000{0..1}.tar", [0, 1, 2, 3]),
])
def test_braces_name_shards_in_their_order(shards, source, numbers):
    folder = shards(samples(6), 2)
    keys = read_records(str(folder / source), Problems()).columns["key"].to_pylist()
    assert keys == [f"{number:09d}" for number in numbers]


def test_braces_and_stars_go_together(shards, tmp_path):
    shards(samples(2), 2, tmp_path / "a")
    shards(samples(2), 2, tmp_path / "b")
    assert len(read_records(str(tmp_path / "{a,b}/*.tar"), Problems())) == 4


@pytest.mark.parametrize("pattern", ["*.parquet", "{test,train}-*.parquet", "../*/t*.parquet"])
def test_tables_are_named_by_a_pattern_and_their_splits_and_photos_found(tmp_path, pattern):
    folder = tmp_path / "data"
    make_photos(folder, 30)
    for name, rows in (("test-0", range(6)), ("train-0", range(6, 18)), ("train-1", range(18, 30))):
        table = {"image": [f"{i}.png" for i in rows], "caption": [f"a red dog {i}" for i in rows]}
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
    workspace = Workspace(tmp_path / "w", create=True)
    # Named from the folder of all of them.
    rename = {"images": str(folder)} if ".." in pattern else {}
    made = import_pairs(workspace, ImportOptions(source=str(folder / pattern), **rename), silent)
    pairs = made.table("pairs")
    assert made.facts["parts"] == [["test", 6], ["train", 12], ["train", 12]]
    assert pairs["caption"].tolist() == [f"a red dog {i}" for i in range(30)]
    assert (pairs["split"] != "train").tolist() == [True] * 6 + [False] * 24


def test_a_pattern_of_several_kinds_is_refused(shards, tmp_path):
    folder = shards(samples(2), 2)
    pq.write_table(pa.table({"caption": ["a"]}), folder / "a.parquet")
    for pattern, found in (("*", "files of several kinds"), ("*.none", "no file"), ("{a,b}.csv", r"a\.csv")):
        with pytest.raises(PairsError, match=rf"matches .*{found}\. By a pattern only shards \(\.tar\) or files"):
            read_records(str(folder / pattern), Problems())


@pytest.mark.parametrize("pattern", ["*.parquet", "*/x.parquet", "a/{x,y}.parquet", "*.tar"])
def test_folders_that_a_pattern_matches_are_refused(tmp_path, pattern):
    for folder in ("a/x.parquet", "b.parquet", "c.tar"):  # as Spark writes tables
        (tmp_path / folder).mkdir(parents=True)
    pq.write_table(pa.table({"caption": ["a"]}), tmp_path / "a" / "y.parquet")
    with pytest.raises(PairsError, match=r"matches .*(x\.parquet|b\.parquet|c\.tar), which is no file\. Name the folder"):
        read_records(str(tmp_path / pattern), Problems())


def test_a_pattern_of_one_table_knows_its_split_and_a_table_named_by_itself_does_not(tmp_path):
    pq.write_table(pa.table({"caption": ["a"]}), tmp_path / "train-0.parquet")
    for source, columns in ((tmp_path / "train-*", ["caption", "split"]), (tmp_path / "train-0.parquet", ["caption"])):
        assert read_records(source, Problems()).columns.column_names == columns
    pq.write_table(pa.table({"caption": ["b"]}), tmp_path / "test-0.pq")
    assert read_records(tmp_path / "t*.p*q*", Problems()).columns["caption"].to_pylist() == ["b", "a"]


def test_shards_that_braces_name_and_that_are_not_there_are_an_error(shards, tmp_path):
    folder = shards(samples(6), 2)
    with pytest.raises(PairsError, match=r"Of the 5 files that .* names 2 are missing, such as .*00003\.tar"):
        read_records(str(folder / "{00000..00004}.tar"), Problems())


def test_what_stands_for_too_much_is_refused_before_it_is_made(tmp_path):
    tracemalloc.start()
    for pattern in ("{0..999999999999}.tar", "{0..999}/{0..999}.tar", "{0..1}" * 40, "{" + "," * 200_000 + "}"):
        with pytest.raises(PairsError, match=r"(?s)stands for .* files, more than 100,000\. Name the folder"):
            read_records(str(tmp_path / pattern), Problems())
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_folder_whose_own_name_has_braces_is_no_pattern(shards, tmp_path):
    shards(samples(2), 2, tmp_path / "{a,b}")
    assert len(read_records(tmp_path / "{a,b}", Problems())) == 2
    assert len(read_records(tmp_path / "{a,b}" / "00000.tar", Problems())) == 2


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + "*", "{" + "x" * 300 + ",y}.tar", "a\0b", "a\0{b,c}.tar"])
def test_a_name_that_no_file_can_have_is_one_that_is_not_there(tmp_path, name):
    with pytest.raises(PairsError, match=r"does not exist|no file|are missing"):
        read_records(str(tmp_path / name), Problems())
