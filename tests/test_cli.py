"""The commands of the shell at work: each stage gets its flags, JSON is for scripts, and what is current is not made again."""

import dataclasses
import json

import pandas as pd
import pytest
from shell_cases import QUICK, accepted, fingerprint, groups, refused, shell, write_embeddings

from influencespace import stages
from influencespace.pairs.demo import write_demo
from influencespace.pairs.options import ImportOptions
from influencespace.shell.commands import ASKED_FOR
from influencespace.workspace import Workspace

TRAINING = ("--arms", "influence", "--arms", "full", "--seeds", "2")


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """A workspace taken the whole road, with what the command printed and its JSON."""
    folder = tmp_path_factory.mktemp("road")
    source = write_embeddings(folder / "pairs", 100, gender=groups(100))
    arguments = (
        "run", source, "--workspace", folder / "w", "--groups", "gender", *QUICK, *TRAINING, "--reduction", "0.25",
        "--cap", "3", "--seed", "5",
    )
    result = accepted(shell(*arguments, "--json", folder / "results.json"))
    return folder, result, json.loads((folder / "results.json").read_text()), arguments


def test_run_gives_each_stage_its_flags(road):
    _, _, results, _ = road
    options = {entry["stage"]: entry["options"] for entry in results["stages"] if entry["ran"]}
    assert options["import"]["groups"] == ["gender"]
    assert [options[stage]["seed"] for stage in ("import", "proxy", "cluster", "train")] == [5] * 4
    assert (options["plan"]["reduction"], options["plan"]["cap"]) == (0.25, 3.0)
    assert options["train"]["arms"] == ["influence", "full"]


def test_run_prints_the_table_of_arms_and_writes_the_results(road):
    folder, result, results, _ = road
    workspace = Workspace(folder / "w")
    stored = workspace.artifact("training").json("results")
    assert {key: results[key] for key in stored} == stored
    assert results["plan"]["pairs"] == 80
    assert results["plan"]["removed"] == 20
    assert results["plan"]["reduction"] == 25
    assert sum(results["plan"]["clusters"].values()) == len(workspace.artifact("plan").table("clusters"))
    # Checking by retraining and varying the settings are asked for, not part of the road.
    assert results["ran"] == [name for name in stages.STAGES if name not in ASKED_FOR]
    assert [entry["stage"] for entry in results["stages"] if entry["state"] == "missing"] == list(ASKED_FOR)
    for entry in (entry for entry in results["stages"] if entry["stage"] not in ASKED_FOR):
        assert entry["digest"] == workspace.artifact(entry["artifact"]).digest
        assert (entry["state"], entry["ran"]) == ("current", True)
        assert entry["seconds"] > 0
    lines = result.stdout.splitlines()
    for arm in ("influence", "full"):
        [line] = [line for line in lines if line.startswith(arm) and "%" in line]
        figures = next(entry for entry in results["arms"] if entry["arm"] == arm)
        assert f"{figures['recall']['R@10']['both']['mean']:.1f} [" in line
        assert f"{figures['pairs']}" in line
    assert "fitting proxies" in result.stderr.splitlines()
    [head] = [line for line in lines if line.startswith("reduction ")]
    assert head.split()[1::2] == ["10", "20", "25", "30", "40", "50"]  # the plan's own ratio is among them
    for name in workspace.artifact("effects").facts["targets"]:
        [line] = [line for line in lines if line.startswith(f"{name} ") and line[len(name):].lstrip()[0] in "+-"]
        assert len(line.split()) == 7


def test_the_check_prints_a_verdict_for_every_target_and_effects_say_what_is_not_checked(road):
    folder, _, _, _ = road
    said = accepted(shell("effects", "--workspace", folder / "w")).stdout
    assert "overall unverified" in said.splitlines()[-1]
    workspace = Workspace(folder / "w")
    lines = accepted(shell("verify", "--clusters", "5", "--workspace", folder / "w")).stdout.splitlines()
    for name, verdict in workspace.artifact("verification").facts["verdicts"].items():
        assert any(line.startswith(name) and f" {verdict} (always" in line for line in lines)
    assert lines[-1].startswith("Gain of whole plans") and lines[-1].count("retrained") == 4


def test_a_second_run_only_reads_the_source_again(road):
    folder, first, results, arguments = road
    before = fingerprint(folder / "w")
    second = accepted(shell(*arguments, "--json", "-"))
    again = json.loads(second.stdout)
    assert again["ran"] == ["import"]
    assert again["arms"] == results["arms"]
    after = fingerprint(folder / "w")
    assert {name for name in after if after[name] != before[name]} <= {"pairs/artifact.json"}
    assert first.stdout.splitlines() == [line for line in second.stderr.splitlines() if line in first.stdout.splitlines()]


def test_a_command_without_options_keeps_those_it_was_made_with(road):
    folder, _, results, _ = road
    result = accepted(shell("train", "--workspace", folder / "w", "--json", "-"))
    assert json.loads(result.stdout)["ran"] == []
    assert json.loads(result.stdout)["arms"] == results["arms"]
    assert "influence" in result.stderr
    result = accepted(shell("plan", "--workspace", folder / "w"))
    assert result.stdout.startswith("plan: current, so nothing was done\n60 of 80 pairs kept, 20 removed (25.0 %)")


def test_the_workspace_can_come_from_the_environment_and_status_says_what_is_stale(tmp_path, monkeypatch):
    source = write_embeddings(tmp_path / "pairs", 60)
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(tmp_path / "w"))
    accepted(shell("import", source))
    accepted(shell("proxy", *QUICK[:4]))
    result = accepted(shell("status", "--json", "-"))
    states = {entry["stage"]: entry["state"] for entry in json.loads(result.stdout)["stages"]}
    assert states == {"import": "current", "embed": "current", "proxy": "current", **dict.fromkeys(
        ("cluster", "score", "plan", "effects", "verify", "train", "ablate"), "missing")}
    assert "48 train (48 photos)" in result.stderr
    assert result.stderr.endswith("Next: python -m influencespace cluster\n")
    accepted(shell("import", source, "--seed", "1"))
    lines = accepted(shell("status")).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["import", "current"], ["embed", "stale"], ["proxy", "stale"], ["cluster", "missing"],
    ]
    assert lines[-1] == "Next: python -m influencespace embed"


def test_a_plan_makes_all_that_it_needs(tmp_path):
    accepted(shell("import", write_embeddings(tmp_path / "pairs", 60), "--workspace", tmp_path / "w"))
    result = accepted(shell("plan", "--workspace", tmp_path / "w", "--reduction", "0.5", "--json", "-"))
    document = json.loads(result.stdout)
    assert document["ran"] == ["embed", "proxy", "cluster", "score", "plan"]
    assert document["plan"]["removed"] == 24


@pytest.mark.parametrize("inside", [True, False])
def test_export_tells_of_photos_that_it_leaves_inside_of_larger_files(road, tmp_path, monkeypatch, inside):
    monkeypatch.setattr("influencespace.export.photos.is_stretch", lambda path: inside)
    told = accepted(shell("export", "--workspace", road[0] / "w", "--format", "csv", "--output", tmp_path / "subset.csv")).stdout
    assert told.splitlines()[-1].startswith("These photos are no files: they lie inside") == inside


def test_export_writes_the_planned_rows(road, tmp_path):
    folder, _, results, _ = road
    file = tmp_path / "subset.jsonl"
    result = accepted(shell("export", "--workspace", folder / "w", "--format", "jsonl", "--output", file, "--json", "-"))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == results["plan"]["kept"]
    assert {"image", "caption", "weight", "topic", "cluster", "disposition", "reason"} <= set(rows[0])
    assert json.loads(result.stdout) == {
        "workspace": str(folder / "w"), "output": str(file), "format": "jsonl", "plan": results["plan"],
    }
    refused(shell("export", "--workspace", folder / "w", "--output", file), str(file), "--overwrite")


def test_report_is_written_as_html_and_csv_and_replaces_nothing_unasked(road, tmp_path):
    folder, _, results, _ = road
    html, csv = tmp_path / "report.html", tmp_path / "figures.csv"
    call = ("report", "--workspace", folder / "w", "--output", html, "--csv", csv)
    result = accepted(shell(*call, "--json", "-"))
    assert json.loads(result.stdout) == {"workspace": str(folder / "w"), "files": [str(html), str(csv)]}
    assert "<script" not in html.read_text(encoding="utf-8")
    recall = pd.read_csv(csv).query("section == 'recall' and direction == 'both' and metric == 'R@10'").set_index("arm")["mean"]
    assert recall.to_dict() == pytest.approx({arm["arm"]: arm["recall"]["R@10"]["both"]["mean"] for arm in results["arms"]})
    refused(shell(*call), str(html), "--overwrite")


def test_json_never_replaces_what_the_pairs_come_from(tmp_path, road):
    table = tmp_path / "pairs.csv"
    table.write_text("image,caption\n")
    refused(shell("import", table, "--workspace", tmp_path / "w", "--json", table), str(table), "would replace")
    assert table.read_text() == "image,caption\n"
    refused(shell("status", "--workspace", road[0] / "w", "--json", tmp_path / "no" / "a.json"), "cannot be written")
    workspace = tmp_path / "w"
    table.write_text("image,caption\n" + "".join(f"{i}.png,c\n" for i in range(3)))
    with Workspace(workspace, create=True).write("pairs", ImportOptions(source=str(table))):
        pass
    refused(shell("status", "--workspace", workspace, "--json", table), "would replace")


def test_ctrl_c_ends_with_130_and_keeps_what_was_done(road, monkeypatch):
    folder, *_ = road
    before = fingerprint(folder / "w")

    def interrupted(workspace, options, progress):
        with workspace.write("plan", options):
            raise KeyboardInterrupt

    monkeypatch.setitem(stages.STAGES, "plan", dataclasses.replace(stages.STAGES["plan"], run=interrupted))
    result = shell("plan", "--workspace", folder / "w", "--reduction", "0.4")
    assert result.exit_code == 130
    assert result.stderr.endswith("Cancelled; what was done so far is kept.\n")
    assert "Traceback" not in result.output
    assert fingerprint(folder / "w") == before


def test_the_demo_says_what_curation_found(tmp_path, monkeypatch):
    def smaller(folder, **arguments):
        return write_demo(folder, pairs=160, heldout=60, **arguments)

    monkeypatch.setattr(stages, "write_demo", smaller)
    monkeypatch.setattr("influencespace.shell.bodies.TrainOptions", lambda seed: stages.TrainOptions(arms=("full",), seeds=1))
    result = accepted(shell("demo", tmp_path / "demo", "--json", "-"))
    document = json.loads(result.stdout)
    workspace = Workspace(tmp_path / "demo")
    # By hand: the truth lies beside the pairs, row by row.
    truth = [json.loads(line) for line in (workspace.path / "cache" / "demo" / "truth.jsonl").read_text().splitlines()]
    pairs, plan = workspace.artifact("pairs").table("pairs"), workspace.artifact("plan").table("pairs")
    weight = dict(zip(pairs["image"][pairs["split"] == "train"], plan["weight"], strict=True))
    kinds = {kind: [row for row in truth if row["damage"] == kind] for kind in {row["damage"] for row in truth}}
    kinds["rare group"] = [row for row in truth if row["rare"]]
    assert document["found"] == {
        kind: {"planted": len(rows), "pruned": sum(weight[row["image"]] == 0 for row in rows)}
        for kind, rows in kinds.items()
    }
    mismatch = document["found"]["mismatch"]
    [line] = [line for line in result.stderr.splitlines() if line.startswith("  mismatch ")]
    assert line.split()[1:4] == [str(mismatch["pruned"]), "of", str(mismatch["planted"])]
