"""What the plan was travels with the subset, and lies down on nothing."""

import json

import export_cases as cases
import pytest

from influencespace.errors import ExportError
from influencespace.export.options import ExportOptions
from influencespace.export.subset import export_subset, prepared


@pytest.fixture
def workspace(tmp_path):
    return cases.workspace(tmp_path / "data")


def test_the_sidecar_says_which_plan_it_was(workspace, tmp_path):
    export_subset(workspace, ExportOptions("csv", str(tmp_path / "mine.csv")))
    found = json.loads((tmp_path / "mine.csv.plan.json").read_text(encoding="utf-8"))
    assert found["file"] == {"name": "mine.csv", "format": "csv"}
    assert found["counts"] == {"pairs": 8, "kept": 6, "removed": 2, "up_weighted": 2}
    assert found["clusters"] == {"prune in part": 2, "up-weight": 1}
    assert found["decisions"] == {}
    assert found["stages"]["plan"]["digest"] == workspace.artifact("plan").digest
    assert list(found["stages"]) == ["import", "embed", "proxy", "cluster", "score", "plan"]


def test_a_plan_alone_has_none(workspace, tmp_path):
    export_subset(workspace, ExportOptions("plan", str(tmp_path / "plan.json")))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["plan.json"]


def test_what_lies_in_its_place_stays_unless_told_otherwise(workspace, tmp_path):
    other = tmp_path / "subset.jsonl.plan.json"
    other.write_text("mine", encoding="utf-8")
    options = ExportOptions(output=str(tmp_path / "subset.jsonl"))
    with pytest.raises(ExportError, match=r"plan\.json exists.*--overwrite"):
        export_subset(workspace, options)
    assert other.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "subset.jsonl").exists()
    export_subset(workspace, ExportOptions(output=options.output, overwrite=True))
    assert other.read_text(encoding="utf-8") != "mine"


def test_a_file_for_the_browser_lies_under_its_plan(workspace):
    path = prepared(workspace, "csv")
    assert path.parent.name == workspace.artifact("plan").digest
    assert export_subset(workspace, ExportOptions("csv", str(path), overwrite=True)) == path
    assert len(path.read_text(encoding="utf-8").splitlines()) > 6
