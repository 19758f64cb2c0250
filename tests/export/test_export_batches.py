"""Batches of any size hold the same rows and write the same files; the first rows come without the others."""

import export_cases as cases
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from influencespace.export.batches import Subset
from influencespace.export.options import ExportOptions
from influencespace.export.rows import PlanTables, subset_rows
from influencespace.export.subset import WRITERS, estimated_bytes, export_subset, planned_subset


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return cases.workspace(tmp_path_factory.mktemp("batches") / "data")


@pytest.fixture(scope="module")
def whole(workspace):
    """The rows from the tables read whole."""
    members, clusters, topics, decided, reasons = cases.tables()
    table = workspace.artifact("pairs").table("pairs")
    return subset_rows(PlanTables(table, members, clusters, topics, decided, reasons))


@pytest.mark.parametrize("rows", range(1, 12))
def test_batches_of_any_size_are_the_whole_subset(workspace, whole, rows):
    found = pd.concat(Subset(workspace).batches(rows))
    assert list(found.index) == list(range(6))
    pd.testing.assert_frame_equal(found.reset_index(drop=True), whole, check_dtype=False)


def test_the_same_subset_is_read_twice(workspace):
    subset = Subset(workspace)
    pd.testing.assert_frame_equal(subset.head(4), pd.concat(subset.batches()).head(4))
    assert subset.pairs == 6


@pytest.mark.parametrize("count", [1, 2, 6, 50])
def test_the_first_rows_are_the_first(workspace, count):
    pd.testing.assert_frame_equal(Subset(workspace).head(count), planned_subset(workspace).head(count), check_dtype=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(rows=st.integers(1, 12), form=st.sampled_from(["jsonl", "csv"]))
def test_a_file_is_the_same_byte_for_byte_whatever_the_batches(workspace, tmp_path, rows, form):
    subset = Subset(workspace)
    for name, size in (("one", 100), ("other", rows)):
        WRITERS[form](subset.batches(size), subset.schema, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_parquet_has_one_schema_whatever_the_batches(workspace, tmp_path, rows):
    subset = Subset(workspace)
    WRITERS["parquet"](subset.batches(rows), subset.schema, tmp_path / "subset.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "subset.parquet"), planned_subset(workspace))


@pytest.mark.parametrize("form", list(WRITERS))
def test_the_estimate_of_a_file_that_the_sample_holds_whole_is_its_size(workspace, tmp_path, form):
    path = export_subset(workspace, ExportOptions(form, str(tmp_path / "file")))
    expected = path.stat().st_size
    subset = Subset(workspace)
    assert estimated_bytes(subset, subset.head(1000), form, 6) == pytest.approx(expected, rel=0.01)
    if form != "parquet":
        assert estimated_bytes(subset, subset.head(1000), form, 12) == pytest.approx(2 * expected, rel=0.2)
