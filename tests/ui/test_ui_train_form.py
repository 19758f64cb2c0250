"""The form of the page Train: what it begins with, the settings of each trainer, and what it submits."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
import streamlit as st
from fabricated import rewritten
from page_cases import fine, words
from train_cases import button, labels

from influencespace.jobs.store import Store
from influencespace.options import describe
from influencespace.training.options import ARMS, MEANING, TRAINS, TrainOptions
from influencespace.ui import training_charts


def test_form_begins_with_what_was_asked_for_last(app, untrained, written):
    Store(untrained).finish(written(untrained), "cancelled")
    opened = fine(app("train"))
    assert opened.number_input(key="train_seeds").value == 2
    assert opened.selectbox(key="train_device").value == "cpu"
    assert opened.session_state["train_arms"] == ["influence", "random"]


SETTINGS = ("budget", "weighting", "learning_rate", "epochs", "batch", "patience", "robustness", "seed", "labels")


def widgets(page):
    """The settings that have a widget, by name."""
    kinds = ("selectbox", "number_input", "text_input", "toggle", "multiselect", "button_group")
    keys = [element.key for kind in kinds for element in page.get(kind) if element.key]
    return {key.removeprefix("train_") for key in keys if key.startswith("train_")}


@pytest.mark.parametrize(("trainer", "own"), [
    ("heads", {"joint_dimensions"}), ("clip", {"model", "adapter"}), ("visualbert", {"model"}), ("lxmert", {"model"}),
])
def test_each_trainer_has_its_own_settings_with_the_options_own_help(app, untrained, trainer, own):
    opened = app("train")
    fine(opened.selectbox(key="train_trainer").set_value(trainer).run())
    assert widgets(opened) == {*SETTINGS, *own, "arms", "trainer", "seeds", "device"}
    assert f"It trains {TRAINS[trainer]}." in words(opened)
    chosen = " chosen on all pairs" in words(opened)
    assert chosen == (trainer == "heads")
    helps = {field["name"]: field["help"] for field in describe(TrainOptions)}
    assert opened.number_input(key="train_batch").help == helps["batch"]
    assert opened.selectbox(key="train_labels").help == helps["labels"]
    assert opened.selectbox(key="train_labels").options == ["gender"]
    assert not button(opened, "Train").disabled


def test_all_settings_are_submitted_as_they_were_chosen_and_come_again(app, untrained, written):
    opened = app("train")
    opened.session_state["train_arms"] = ["influence"]
    opened.selectbox(key="train_trainer").set_value("clip").run()
    for kind, name, value in (
        ("selectbox", "budget", "steps"), ("selectbox", "weighting", "sampling"), ("number_input", "learning_rate", 3e-4),
        ("number_input", "epochs", 7), ("number_input", "batch", 32), ("number_input", "patience", 2),
        ("toggle", "robustness", True), ("selectbox", "labels", "group.gender"), ("text_input", "model", "models/mine"),
        ("selectbox", "adapter", "lora"), ("selectbox", "device", "cpu"), ("number_input", "seeds", 1),
    ):
        getattr(opened, kind)(key=f"train_{name}").set_value(value)
    fine(opened.run())
    button(opened, "Train").click().run()
    wanted = TrainOptions(
        arms=("influence",), seeds=1, trainer="clip", budget="steps", weighting="sampling", learning_rate=3e-4, epochs=7,
        batch=32, patience=2, robustness=True, labels="group.gender", model="models/mine", adapter="lora", device="cpu",
    )
    assert app.submitted == [("demo", [("train", dataclasses.asdict(wanted))])]
    Store(untrained).finish(written(untrained, [["train", dataclasses.asdict(wanted)]]), "cancelled")
    again = fine(app("train"))
    assert again.selectbox(key="train_trainer").value == "clip" and again.selectbox(key="train_adapter").value == "lora"
    assert again.number_input(key="train_learning_rate").value == 3e-4
    button(again, "Train").click().run()
    assert app.submitted[1] == app.submitted[0]


def test_heads_that_start_at_random_leave_the_untrained_arm_out(app, untrained):
    opened = app("train")
    assert "36 runs" in words(opened)
    opened.number_input(key="train_joint_dimensions").set_value(64).run()
    assert "35 runs" in words(fine(opened))


def test_what_one_trainer_was_given_is_not_given_to_another(app, untrained):
    opened = app("train")
    opened.number_input(key="train_joint_dimensions").set_value(64).run()
    fine(opened.selectbox(key="train_trainer").set_value("clip").run())
    button(opened, "Train").click().run()
    assert app.submitted[0][1][0][1]["joint_dimensions"] is None


def test_dynamic_curation_asks_for_its_epochs_and_sorts_them(app, untrained):
    opened = app("train")
    opened.session_state["train_arms"] = ["dynamic", "influence"]
    fine(opened.run())
    assert "The arm dynamic needs a schedule" in opened.info[0].value and "Train" not in labels(opened)
    opened.number_input(key="train_epochs").set_value(6).run()
    schedule = opened.multiselect(key="train_schedule")
    assert schedule.options == ["1", "2", "3", "4", "5"]
    fine(schedule.set_value([4, 2]).run())
    button(opened, "Train").click().run()
    submitted = app.submitted[0][1][0][1]
    assert submitted["schedule"] == (2, 4) and submitted["arms"] == ("influence", "dynamic")
    opened.selectbox(key="train_trainer").set_value("lxmert").run()
    assert "The arm dynamic cannot be trained with lxmert" in opened.info[0].value
    assert not [field for field in opened.multiselect if field.key == "train_schedule"]


def test_what_needs_photos_or_an_encoder_says_so_where_there_is_none(app, untrained):
    record = untrained.path / "features" / "artifact.json"
    record.write_text(record.read_text().replace('"encoder": "demo"', '"encoder": "imported"'))
    opened = app("train")
    opened.selectbox(key="train_trainer").set_value("clip").run()
    assert "no encoder to fine-tune: name one" in opened.info[0].value and "Train" not in labels(opened)
    fine(opened.text_input(key="train_model").set_value("models/mine").run())
    assert not opened.info and not button(opened, "Train").disabled
    opened.selectbox(key="train_trainer").set_value("lxmert").run()
    assert "Embed the photos with an encoder" in opened.info[0].value
    table = pd.read_parquet(untrained.path / "pairs" / "pairs.parquet").assign(image_path=None)
    table.to_parquet(untrained.path / "pairs" / "pairs.parquet", index=False)
    rewritten(untrained, "pairs")
    st.cache_data.clear()
    for trainer in ("clip", "visualbert"):
        opened.selectbox(key="train_trainer").set_value(trainer).run()
        assert f"{trainer} reads the photos, and these pairs came without." in opened.info[0].value
    fine(opened.selectbox(key="train_trainer").set_value("heads").run())
    assert not opened.info


def test_arms_and_trainers_are_told_in_one_place_for_all_who_meet_them():
    assert tuple(MEANING) == ARMS and set(training_charts.ARMS) == set(ARMS)
    assert len({training_charts.arm_colour(arm) for arm in ARMS}) == len(ARMS)
