"""The page Train in every state: nothing there, on the way, ready, waiting, running, broken off, failed, done and out of date."""

from __future__ import annotations

import dataclasses
import json
import time

import pandas as pd
import pytest
from fabricated import fabricate
from page_cases import fine, words
from train_cases import TRAIN, button, labels

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.curation.stage import plan_subset
from influencespace.jobs.store import Store
from influencespace.training.journal import Course
from influencespace.training.kept import Kept
from influencespace.training.options import TrainOptions
from influencespace.ui import job_panels, live_curves, train_panels, work
from influencespace.ui.training_charts import arm_colour
from influencespace.workspace import Workspace

OPTIONS = TrainOptions(arms=("influence", "random"), seeds=2)
ASKED = dataclasses.replace(OPTIONS, device="cpu")


def trained(workspace: Workspace, done: list[tuple[str, int]], present: tuple[str, int] | None = None) -> Kept:
    """Runs that a training has finished, and one that it is at."""
    kept = Kept.of(workspace, TrainOptions(device="cpu"), PlanOptions(), workspace.decisions())
    journal = kept.open()
    for arm, seed in [*done, *filter(None, [present])]:
        journal.tell(arm, seed, began=time.time())
        for epoch in (1, 2):
            journal.tell(arm, seed, epoch=epoch, loss=4.0 / epoch + seed, recall=20.0 * epoch + seed)
        if (arm, seed) != present:
            kept.run(arm, seed).mkdir()
            journal.tell(arm, seed, took=6.0)
    return kept


def charts(page):
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def test_before_there_is_anything_to_train_on_it_says_what_to_do(app, tmp_path):
    fabricate(tmp_path / "demo", upto="clusters")
    opened = fine(app("train"))
    assert "not there yet" in words(opened)
    assert len(opened.button) == 1


def test_while_pairs_come_in_it_says_so_and_lists_the_work(app, tmp_path, written):
    workspace = Workspace(tmp_path / "mine", create=True)
    commands = [["import", {"source": "x.jsonl"}], ["embed", {}], ["proxy", {}], ["cluster", {}], ["score", {}], ["plan", {}]]
    written(workspace, commands, "Bringing in x.jsonl", status="running", started=time.time(), what="reading photos", total=9)
    opened = fine(app("train"))
    assert "on the way" in words(opened)
    assert opened.get("progress")[0].text.startswith("**Bringing in x.jsonl** · reading photos (0 of 9)")
    assert "Bringing in x.jsonl · runs for" in opened.expander[0].label


def test_nothing_trained_yet_says_what_training_is(app, untrained):
    opened = fine(app("train"))
    assert "Nothing has been trained here yet" in words(opened)
    assert "It trains two linear heads on the encoder's features" in words(opened)
    assert "36 runs: every arm with every seed, after learning rate and epochs were chosen on all pairs." in words(opened)
    assert not charts(opened)
    assert "The work of this workspace" not in [header.value for header in opened.subheader]


def test_training_that_no_work_of_the_list_has_done_is_shown_as_the_last(app, tmp_path):
    fabricate(tmp_path / "demo")
    opened = fine(app("train"))
    assert "The last training" in [header.value for header in opened.subheader]
    assert "runs** are done and measured." in words(opened)
    assert "Nothing has been trained" not in words(opened)


def test_training_is_submitted_with_the_options_of_the_page_and_takes_the_plan_of_its_start(app, untrained):
    opened = app("train")
    opened.session_state["train_arms"] = ["random", "influence"]
    opened.number_input(key="train_seeds").set_value(2)
    opened.selectbox(key="train_device").set_value("cpu").run()
    assert "4 runs" in words(fine(opened))
    button(opened, "Train").click().run()
    assert fine(opened) and app.submitted == [("demo", [("train", dataclasses.asdict(ASKED))])]


def test_no_arm_is_a_sentence_and_no_button(app, untrained):
    opened = app("train")
    opened.session_state["train_arms"] = []
    opened.run()
    assert opened.error[0].value == "Choose at least one arm to train."
    assert "Train" not in labels(opened)


def test_unaligned_features_leave_two_arms_out_and_say_why(app, untrained):
    record = untrained.path / "features" / "artifact.json"
    record.write_text(record.read_text().replace('"aligned": true', '"aligned": false'))
    opened = fine(app("train"))
    assert "clip-score and start need an encoder whose photos and captions can be compared" in words(opened)
    assert "30 runs" in words(opened)


def test_running_training_shows_its_curves_and_what_is_left(app, untrained, written):
    written(untrained, status="running", started=time.time() - 30, what="training random, seed 1", done=3, total=4,
            due=time.time() + 150)
    trained(untrained, [("influence", 0), ("random", 0), ("influence", 1)], present=("random", 1))
    opened = fine(app("train"))
    assert "**3 of 4** runs are done · now random, seed 1, epoch 2 (dotted) · about 2 min left" in words(opened)
    assert "about 2 min left in this step" in opened.get("progress")[0].text
    recall = charts(opened)[0]
    assert [(line["name"], line["line"]["dash"]) for line in recall["data"]] == [
        ("influence", "solid"), ("random", "solid"), ("random", "dot")
    ]
    table = opened.dataframe[0].value.set_index("Arm")
    assert list(table["Runs done"]) == ["2 of 2", "1 of 2"]
    assert list(table["Validation Recall@10"]) == [40.5, 40.0]
    assert list(table["Seconds a run"]) == [6.0, 6.0]
    assert "Just this is being trained" in words(opened)
    assert button(opened, "Add to the queue").disabled


def test_training_that_chooses_its_settings_says_so(app, untrained, written):
    written(untrained, status="running", started=time.time(), what="choosing learning rate and epochs on the full data", done=3,
            total=14)
    opened = fine(app("train"))
    assert "**3 of 14** settings are tried" in words(opened)
    assert not charts(opened)


def test_a_further_training_waits_and_can_be_removed(app, untrained, written, monkeypatch):
    cancelled = []
    written(untrained, status="running", started=time.time(), what="choosing", total=14)
    other = [["train", TRAIN[0][1] | {"seeds": 9}]]
    waiting = written(untrained, other)
    third = written(untrained, [["verify", {"clusters": 5}]], "Checking by retraining")
    monkeypatch.setattr(jobs, "cancel", lambda workspace, job_id: cancelled.append(job_id))
    opened = fine(app("train"))
    assert "2 more waiting" in opened.get("progress")[0].text
    assert "Training · Waits, next · Train: influence, random with 9 seeds each" in words(opened)
    assert "Checking by retraining · Waits, number 2 in the queue · Check predictions by retraining" in words(opened)
    opened.button(key=f"remove_{third}").click().run()
    opened.button(key=f"remove_{waiting}").click().run()
    assert cancelled == [third, waiting]


def test_cancelled_training_is_resumed(app, untrained, written):
    job_id = written(untrained, started=time.time() - 30)
    trained(untrained, [("influence", 0), ("random", 0), ("influence", 1)])
    Store(untrained).finish(job_id, "cancelled")
    opened = fine(app("train"))
    assert "It was cancelled when **3 of 4** runs were done" in words(opened)
    assert "3 of 4 runs are done and kept; 1 are left to train." in words(opened)
    assert len(charts(opened)) == 2
    button(opened, "Resume").click().run()
    assert app.submitted == [("demo", [("train", dataclasses.asdict(ASKED))])]


def test_failed_training_says_why_with_its_log_and_is_tried_again(app, untrained, written):
    job_id = written(untrained, status="running", started=time.time() - 30)
    jobs.log_file(untrained, job_id).write_text("12:00:00  training random, seed 1\nkilled\n")
    Store(untrained).finish(job_id, "failed", "The arm random is left with fewer than 2 pairs.")
    opened = app("train")
    assert not opened.exception
    assert {error.value for error in opened.error} == {"The arm random is left with fewer than 2 pairs."}
    assert opened.expander[-1].label.startswith("Training · did not work · 30 s")
    assert "training random, seed 1\nkilled" in opened.code[0].value
    opened.button(key=f"again_{job_id}").click().run()
    assert app.submitted == [("demo", [tuple(command) for command in TRAIN])]
    assert [error for error in opened.error if error.value] and f"again_{job_id}" not in [b.key for b in opened.button]


def test_finished_training_leads_to_its_results(app, workspace, written):
    job_id = written(workspace, status="running", started=time.time() - 200)
    Store(workspace).finish(job_id, "done")
    opened = fine(app("train"))
    assert "**4 runs** are done and measured, in 3 min." in words(opened)
    assert not opened.warning
    assert opened.expander[-1].label.startswith("Training · done · 3 min")


def test_results_of_an_earlier_plan_say_so(app, workspace, written):
    Store(workspace).finish(written(workspace, status="running", started=time.time()), "done")
    plan_subset(workspace, PlanOptions(reduction=0.5))
    opened = fine(app("train"))
    assert "these runs are of an earlier one" in opened.warning[0].value


def test_training_is_of_the_present_version_only(app, untrained):
    history = History(untrained)
    first = history.head()
    history.record("less", PlanOptions(reduction=0.4), {"topics": {"1": "prune"}})
    opened = fine(app("train"))
    assert "version 2, less" in words(opened)
    opened.query_params["version"] = str(first.id)
    opened.run()
    assert "Version 1 is shown, but the present one is trained, 2." in words(fine(opened))
    assert button(opened, "Train").disabled


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_is_decided_after_a_training_has_begun_can_be_trained_too(app, untrained, written, status):
    first = History(untrained).head()
    written(untrained, status=status, started=time.time())
    opened = fine(app("train"))
    assert button(opened, "Add to the queue").disabled
    History(untrained).record("more", PlanOptions(reduction=0.4), first.decisions)
    # What waits takes the plan as it is when it begins, and so does this already; what runs has taken that of before.
    assert button(fine(opened.run()), "Add to the queue").disabled == (status == "queued")


def test_curves_are_the_mean_of_finished_runs_beside_the_run_at_hand(untrained):
    kept, course = trained(untrained, [("full", 0), ("full", 2)], present=("full", 4)), Course()
    course.follow(kept.journal)
    mean, now, later = (live_curves.figure(course, ["full", "random"], "recall").data[i] for i in (0, 2, 1))
    assert (list(mean.y), list(now.y)) == ([21.0, 41.0], [24.0, 44.0])
    assert mean.line.color == now.line.color == arm_colour("full")
    assert (mean.showlegend, now.showlegend, later.showlegend) == (True, False, True)
    assert list(live_curves.figure(course, ["full"], "loss").data[0].y) == [5.0, 3.0]


def test_arm_without_any_run_has_no_figures():
    table = train_panels.arms(Course(), [("full", 0), ("full", 1)], set()).iloc[0]
    assert table["Runs done"] == "0 of 2"
    assert pd.isna(table[["Validation Recall@10", "Seconds a run"]]).all()


def test_every_command_has_words():
    assert job_panels.told([["demo", {}]]) == "Draw the demo and take it up to a plan"
    assert job_panels.told([["score", {}], ["export", {}]]) == "Compute the influence, then write the pairs to a file"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (42.4, "42 s"), (99, "99 s"), (130, "2 min"), (3570, "1 h 00 min"), (7500, "2 h 05 min")]
)
def test_durations_are_in_the_units_that_say_enough(seconds, told):
    assert work.duration(seconds) == told
