"""The page Ablations: nothing there, on the way, varied, out of date; what it starts, draws and gives to take along."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from fabricated import AnyOptions, fabricate, write_clusters, write_plan, write_scores
from filelock import FileLock
from page_cases import fine, words

from influencespace import jobs
from influencespace.curation.options import PlanOptions
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.jobs.store import Store
from influencespace.ui import ablation_charts, ablation_panels, colours

DEFAULTS = {
    "knobs": ("topics", "rank", "cap", "fairness", "damping", "folds"), "seeds": 3, "seed": 0, "topics": (5, 10, 20, 40, 80),
    "rank": (1, 8, 32, 128), "cap": (1.0, 2.0, 4.0, 8.0), "fairness": (0.0, 0.5, 1.0, 2.0), "damping": (1.0, 10.0, 100.0, 1000.0),
    "folds": (2, 3, 5), "device": "auto",
}
RUNS = 3 * (1 + 4 + 3 + 3 + 3 + 3 + 2)


@pytest.fixture
def planned(tmp_path):
    return fabricate(tmp_path / "demo", upto="effects")


@pytest.fixture
def varied(tmp_path):
    return fabricate(tmp_path / "demo", upto="ablations")


def charts(page):
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def button(page, label):
    return next(button for button in page.button if button.label == label)


def figures(workspace):
    return workspace.artifact("ablations").table("figures")


def test_before_there_is_a_plan_it_says_what_to_do(app, tmp_path):
    fabricate(tmp_path / "demo", upto="scores")
    opened = fine(app("ablations"))
    assert "The plan is not there yet" in words(opened) and len(opened.button) == 1


def test_nothing_varied_yet_says_what_it_is_good_for(app, planned):
    opened = fine(app("ablations"))
    assert "No setting has been varied here yet" in words(opened)
    assert f"{RUNS} runs: heads trained on each plan with each seed." in words(opened)
    assert not charts(opened) and not opened.get("download_button")


def test_it_is_submitted_with_the_settings_and_values_of_the_page(app, planned):
    opened = app("ablations")
    opened.session_state["ablate_knobs"] = ["folds", "cap"]
    opened.run()
    opened.text_input(key="ablate_cap").set_value("1, 2.5 4")
    opened.number_input(key="ablate_seeds").set_value(2).run()
    assert f"{2 * (1 + 2 + 2)} runs" in words(fine(opened))
    button(opened, "Start").click().run()
    chosen = DEFAULTS | {"knobs": ("cap", "folds"), "cap": (1.0, 2.5, 4.0), "seeds": 2}
    assert fine(opened) and app.submitted == [("demo", [("ablate", chosen)])]


@pytest.mark.parametrize(("knob", "typed", "said"), [
    ("cap", "1, many", "Up-weight cap: '1, many' is not a list of numbers"),
    ("rank", "1.5", "Rank of the curvature: '1.5' is not a list of whole numbers"),
    ("folds", "1", "--folds must be at least 2, not 1."),
])
def test_a_value_that_cannot_be_is_a_sentence_and_no_button(app, planned, knob, typed, said):
    opened = app("ablations")
    opened.text_input(key=f"ablate_{knob}").set_value(typed).run()
    assert said in opened.error[0].value and not opened.exception
    assert "Start" not in [button.label for button in opened.button]


def test_no_setting_at_all_is_a_sentence(app, planned):
    opened = app("ablations")
    opened.session_state["ablate_knobs"] = []
    opened.run()
    assert "--knobs names nothing to vary" in opened.error[0].value


def test_fairness_without_groups_says_why_it_is_left_out(app, planned):
    file = planned.path / "pairs" / "artifact.json"
    record = json.loads(file.read_text())
    record["facts"]["groups"] = {}
    file.write_text(json.dumps(record))
    opened = fine(app("ablations"))
    assert "Fairness weight is left out: no groups are compared" in words(opened)
    assert f"{RUNS - 9} runs" in words(opened)


def test_while_it_runs_it_says_so_and_is_not_started_twice(app, planned):
    store = Store(planned)
    store.insert("Varying the settings", [("ablate", DEFAULTS)], jobs.decided(planned))
    with FileLock(store.life(1)):  # as the process of a job holds it while it lives
        store.update(1, pid=1, status="running", started=time.time(), what="training with cap=1, seed 0", done=3, total=57)
        opened = fine(app("ablations"))
    assert "The settings are being varied; what comes out will show here." in words(opened)
    assert "training with cap=1, seed 0 (3 of 57)" in opened.get("progress")[0].text
    assert "Just this is being computed" in words(opened) and button(opened, "Add to the queue").disabled


def test_what_came_out_is_drawn_for_each_setting(app, varied):
    opened = fine(app("ablations"))
    drawn = charts(opened)
    assert len(drawn) == 4
    assert "On 12 test photos with 12 captions; 2 seeds; 8 runs" in words(opened)
    assert "Fairness weight was left out: no groups are compared." in words(opened)
    assert drawn[0]["layout"]["xaxis"]["categoryarray"] == ["1", "4", "8"]
    assert drawn[1]["layout"]["yaxis"]["title"]["text"] == "gap man − woman, points"
    assert not opened.warning


def test_other_metrics_and_differences_are_a_choice_away(app, varied):
    opened = app("ablations")
    opened.session_state["ablations_metric"] = "R@1"
    opened.session_state["ablations_view"] = ablation_panels.DIFFERENCES
    first = charts(fine(opened.run()))[0]
    assert first["layout"]["yaxis"]["title"]["text"] == "R@1: points from own"
    assert [trace["y"] for trace in first["data"][1:]] == [[-3.0], [0.0], [1.0]]


def test_a_value_has_its_interval_and_the_colour_of_its_verdict_and_the_own_one_a_mark(varied):
    table = figures(varied)
    cap = table[table["knob"] == "cap"]
    for metric, tints in (
        ("R@10", [colours.HARMS, colours.CHOSEN, colours.CATEGORIES[4]]), ("gap", [colours.HARMS, colours.CHOSEN, colours.GREY])
    ):
        line, *points = ablation_charts.over_values(cap[cap["metric"] == metric], differences=False).data
        rows = cap[cap["metric"] == metric]
        assert list(line.y) == list(rows["mean"])
        assert [point.marker.color for point in points] == tints
        assert [point.marker.symbol for point in points] == [None, "diamond", None]
        for point, row in zip(points, rows.itertuples(), strict=True):
            ends = point.y[0] - point.error_y.arrayminus[0], point.y[0] + point.error_y.array[0]
            assert np.allclose(ends, (row.low, row.high))
    own = ablation_charts.over_values(cap[cap["metric"] == "R@10"], differences=True).data[2]
    assert own.y[0] == 0 and own.error_y.array is None


def test_the_table_has_a_row_a_value_with_both_figures(varied):
    table = ablation_panels.table(figures(varied), "R@10", "gender")
    assert list(table["Value"]) == ["1", "4 (own)", "8", "2 (own)", "5"]
    first = table.iloc[0]
    assert first["R@10"] == "52.0  [49.5, 54.5]" and first["R@10, difference"] == "−3.0  [−4.5, −1.5]"
    assert first["Gap"] == "7.0  [4.5, 9.5]" and table.iloc[1]["R@10, difference"] == "–"
    assert list(table["Choosing"]) == [20.0, 20.0, 20.0, 20.0, 30.0]


def test_figures_can_be_taken_along_all_or_those_of_one_setting(app, varied):
    opened = fine(app("ablations"))
    keys = [item.proto.id.rpartition("-")[2] for item in opened.get("download_button")]
    assert keys == ["ablations_csv_", "ablations_csv_cap", "ablations_csv_folds"]


def test_ablations_of_what_was_before_say_so_and_stay(app, varied):
    with varied.write("clusters", AnyOptions(seed=1)) as draft:
        write_clusters(draft, varied)
    with varied.write("scores", AnyOptions()) as draft:
        write_scores(draft, varied)
    with varied.write("plan", PlanOptions()) as draft:
        write_plan(draft, varied)
    opened = fine(app("ablations"))
    assert "Something has changed since" in opened.warning[0].value and len(charts(opened)) == 4


def test_gaps_without_comparable_groups_are_a_sentence(app, varied):
    made = varied.artifact("ablations")
    without = figures(varied)
    with varied.write("ablations", AnyOptions()) as draft:
        draft.table("figures", pd.DataFrame(without[without["metric"] != "gap"]))
        draft.facts = made.facts
    opened = fine(app("ablations"))
    assert "There is no gap to show" in words(opened) and len(charts(opened)) == 2


def test_what_was_asked_for_last_is_asked_again(app, planned):
    asked = DEFAULTS | {"knobs": ["rank"], "rank": [2, 64], "seeds": 7}
    Store(planned).insert("Varying the settings", [("ablate", asked)], jobs.decided(planned))
    Store(planned).finish(1, "cancelled")
    opened = fine(app("ablations"))
    assert opened.text_input(key="ablate_rank").value == "2, 64" and opened.number_input(key="ablate_seeds").value == 7
    assert AblationOptions(knobs=("rank",)).knobs == tuple(opened.session_state["ablate_knobs"])
