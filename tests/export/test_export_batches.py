"""Batches of any size hold the same rows and write the same files; the first rows come without the others."""

import export_cases as cases
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from influencespace.export.batches import Subset
from influencespace.export.options import FOLDERS, ExportOptions
from influencespace.export.rows import PlanTables, subset_rows
from influencespace.export.subset import estimated_bytes, export_subset, planned_subset, writers


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return cases.workspace(tmp_path_factory.mktemp("batches") / "data")


@pytest.fixture(scope="module")
def named_by_uids(tmp_path_factory):
    return cases.workspace(tmp_path_factory.mktemp("batches") / "data", id=[f"{i:032x}" for i in range(10)])


@pytest.fixture(scope="module")
def whole(workspace):
    """The rows from the tables read whole."""
    members, clusters, topics, decided, reasons = cases.tables()
    table = workspace.artifact("pairs").table("pairs")
    return subset_rows(PlanTables(table, members, clusters, topics, decided, reasons))


@pytest.mark.parametrize("rows", range(1, 12))
def test_batches_of_any_size_are_the_whole_subset(workspace, whole, rows):
    found = pd.concat(batch.rows for batch in Subset(workspace).batches(rows))
    assert list(found.index) == list(range(6))
    pd.testing.assert_frame_equal(found.reset_index(drop=True), whole, check_dtype=False)


def test_the_same_subset_is_read_twice(workspace):
    subset = Subset(workspace)
    pd.testing.assert_frame_equal(subset.head(4).rows, pd.concat(batch.rows for batch in subset.batches()).head(4))
    assert subset.pairs == 6


@pytest.mark.parametrize("count", [1, 2, 6, 50])
def test_the_first_rows_are_the_first(workspace, count):
    pd.testing.assert_frame_equal(Subset(workspace).head(count).rows, planned_subset(workspace).head(count), check_dtype=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(rows=st.integers(1, 12), form=st.sampled_from(["jsonl", "csv", "coco", "datacomp", "sampler"]))
def test_a_file_is_the_same_byte_for_byte_whatever_the_batches(named_by_uids, tmp_path, rows, form):
    subset = Subset(named_by_uids)
    for name, size in (("one", 100), ("other", rows)):
        writers()[form](subset.batches(size), subset.schema, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_parquet_has_one_schema_whatever_the_batches(workspace, tmp_path, rows):
    subset = Subset(workspace)
    writers()["parquet"](subset.batches(rows), subset.schema, tmp_path / "subset.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "subset.parquet"), planned_subset(workspace))


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_sources_belong_to_the_rows_of_their_batch(workspace, rows):
    for batch in Subset(workspace).batches(rows):
        assert [f"p{row - 1}" for row in batch.sources["row"]] == batch.rows["id"].tolist()
        assert list(batch.sources.index) == list(batch.rows.index)


def size(path):
    files = [path, *path.parent.glob(f"{path.stem}.weights.npy"), *path.rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())


@pytest.mark.parametrize("form", list(writers()))
def test_the_estimate_of_what_the_sample_holds_whole_is_its_size(named_by_uids, tmp_path, form):
    expected = size(export_subset(named_by_uids, ExportOptions(form, str(tmp_path / "file"))))
    subset = Subset(named_by_uids)
    close = {"abs": 10_000} if form in FOLDERS else {"rel": 0.01}
    assert estimated_bytes(subset, subset.head(1000), form, 6) == pytest.approx(expected, **close)
    if form in ("jsonl", "csv", "coco"):
        assert estimated_bytes(subset, subset.head(1000), form, 12) == pytest.approx(2 * expected, rel=0.2)
