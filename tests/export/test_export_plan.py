"""The exported plan rebuilds the exported subset exactly, and only from the pairs that it was made for."""

import json

import export_cases as cases
import pandas as pd
import pytest

from influencespace.errors import ExportError
from influencespace.export.batches import Batch, Subset
from influencespace.export.jsonl import write_jsonl
from influencespace.export.options import ExportOptions
from influencespace.export.plan import rebuild
from influencespace.export.rows import outside_names, shortest
from influencespace.export.subset import export_subset, planned_subset


@pytest.fixture
def workspace(tmp_path):
    return cases.workspace(tmp_path / "data")


@pytest.fixture
def plan(tmp_path):
    return cases.plan_json(tmp_path)


def test_the_rebuilt_subset_equals_the_exported_one_byte_for_byte(workspace, tmp_path):
    subset = export_subset(workspace, ExportOptions("jsonl", str(tmp_path / "subset.jsonl")))
    document = export_subset(workspace, ExportOptions("plan", str(tmp_path / "plan.json")))
    rows = rebuild(json.loads(document.read_text(encoding="utf-8")), workspace.artifact("pairs").table("pairs"))
    pd.testing.assert_frame_equal(rows, planned_subset(workspace))
    write_jsonl([Batch(rows, rows)], Subset(workspace).schema, tmp_path / "rebuilt.jsonl")
    assert (tmp_path / "rebuilt.jsonl").read_bytes() == subset.read_bytes()


def test_the_document_is_that_of_the_plan(workspace, tmp_path):
    document = export_subset(workspace, ExportOptions("plan", str(tmp_path / "plan.json")))
    assert json.loads(document.read_text(encoding="utf-8")) == workspace.artifact("plan").json("plan")


def test_the_order_is_that_of_the_plan_whatever_the_order_of_the_table(tmp_path, plan):
    shuffled = cases.pairs(tmp_path).iloc[::-1].reset_index(drop=True)
    assert rebuild(plan, shuffled)["caption"].tolist() == rebuild(plan, cases.pairs(tmp_path))["caption"].tolist()


@pytest.mark.parametrize("change, message", [
    ({"format": 2}, "newer version"),
    ({"format": None}, "no plan"),
    ({"pairs": 9}, "made for 9 training pairs, but there are 8"),
    ({"ids": ["p0", "p1", "p2", "p4", "p5", "p9"]}, "keeps the pair 'p9'"),
    ({"ids": [[]] * 6}, "damaged: its parts do not go together"),
    ({"weights": [[1.0, 5]]}, "damaged: it has weights for 5 of 6"),
])
def test_a_plan_that_does_not_fit_is_refused(tmp_path, plan, change, message):
    with pytest.raises(ExportError, match=message):
        rebuild(plan | change, cases.pairs(tmp_path))


def test_a_plan_that_lacks_a_part_says_which(tmp_path, plan):
    del plan["members"], plan["topics"]
    with pytest.raises(ExportError, match="lacks topics, members"):
        rebuild(plan, cases.pairs(tmp_path))


def test_names_of_groups_and_columns_give_way_to_ours_and_to_each_other():
    columns = ["id", "group.age", "group.weight", "meta.age", "meta.weight", "meta.id", "meta.meta.id", "meta.url"]
    assert outside_names(columns) == {
        "group.age": "age", "group.weight": "group.weight", "meta.age": "meta.age", "meta.weight": "meta.weight",
        "meta.id": "meta.id", "meta.meta.id": "meta.meta.id", "meta.url": "url",
    }


def test_shortest_keeps_the_float32_and_drops_the_digits():
    assert shortest([1.3, 0.1, 4.0, 1 / 3]).tolist() == [1.3, 0.1, 4.0, 0.33333334]
