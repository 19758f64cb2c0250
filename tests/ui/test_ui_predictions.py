"""What the panel of the plan shows of predictions, their check by retraining, and what arms have measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fabricated import LOSSES, TARGETS, fabricate
from hypothesis import given
from hypothesis import strategies as st
from page_cases import fine, sent_to

import influencespace
from influencespace.curation.history import History
from influencespace.curation.preview import CAPS, RATIOS
from influencespace.ui import prediction, served

FLOATS = st.floats(-5, 5, allow_nan=False, width=32)


def _told(page) -> dict:
    return sent_to(fine(page), "curate_panel")["prediction"]


def _gains(told: dict) -> np.ndarray:
    """(ratios, caps, targets), as the browser fetches them."""
    grid = told["grid"]
    content = served._columns.get(grid["url"].rsplit("/", 1)[1]).read()
    return np.frombuffer(content, "<f4").reshape(len(grid["ratios"]), len(grid["caps"]), grid["targets"])


def test_grid_holds_the_gains_of_every_ratio_and_cap(app, workspace):
    told = _told(app("curate"))
    assert (told["grid"]["ratios"], told["grid"]["caps"]) == (RATIOS.tolist(), CAPS.tolist())
    assert told["losses"] == list(LOSSES)
    # At weight 1, with r of 60 pairs gone from the 30 that harm, helpful clusters have r pairs more of 60 - r.
    at = dict(zip(RATIOS.tolist(), _gains(told)[:, 0], strict=True))
    assert at[0.0] == pytest.approx([0, 0, 0], abs=1e-6)
    assert at[0.2] == pytest.approx(np.array([0.5, 0.6, 0.4]) * 12 / 48, rel=1e-5)
    assert at[0.5] == pytest.approx([0.5, 0.6, 0.4], rel=1e-5)


def test_address_of_the_grid_changes_with_the_order_and_not_with_ratio_and_cap(app, workspace):
    history, opened = History(workspace), app("curate")
    options, first = history.head().options, _told(opened)["grid"]["url"]
    history.record("ratio and cap", type(options)(**options.recipe() | {"reduction": 0.4, "cap": 2.0}), {})
    assert _told(opened.run())["grid"]["url"] == first
    history.record("decision", options, {"clusters": {"0.1": "prune"}})
    pruned = _told(opened.run())
    assert pruned["grid"]["url"] != first
    assert _gains(pruned)[RATIOS == 0.2, 0, 0] == pytest.approx(0.5 * (20 - 28) / 48, rel=1e-5)


def test_targets_come_first_and_then_the_gaps_with_the_lesser_verdict(app, workspace):
    listed = _told(app("curate"))["effects"]
    assert [(effect["label"], effect["verdict"]) for effect in listed] == [
        ("overall", "verified"), ("woman", "verified"), ("man", "doubtful"), ("gap: gender", "doubtful"),
    ]
    assert listed[3]["groups"] == [1, 2]
    assert listed[3]["now"] == pytest.approx(0.6)
    assert listed[3]["of"] == 2.0


def test_values_of_the_same_name_are_told_apart_by_their_attribute():
    names = ["overall", "age=other", "gender=other", "gender=woman"]
    listed = prediction.effects(names, dict.fromkeys(names, 1.0), {})
    assert [effect["label"] for effect in listed] == ["overall", "age: other", "gender: other", "woman", "gap: gender"]


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=2, max_size=5))
def test_gap_narrows_by_what_the_highest_and_the_lowest_loss_come_nearer(groups):
    losses, gains = (np.array(column, dtype=np.float64) for column in zip(*groups, strict=True))
    after = [loss - gain for loss, gain in groups]
    assert prediction.narrowing(losses, gains) == pytest.approx(
        max(losses) - min(losses) - (max(after) - min(after)), abs=1e-9
    )


def test_retrained_plans_are_checks_of_every_target_and_gap():
    plans = pd.DataFrame([
        {"reduction": 0.3, "cap": 2.0, "target": name, "predicted": 9.0, "actual": actual}
        for name, actual in zip(TARGETS, (0.1, 0.4, 0.1), strict=True)
    ])
    listed = prediction.effects(TARGETS, dict(zip(TARGETS, LOSSES, strict=True)), {})
    found = prediction.retrained(plans, listed, TARGETS)
    assert [(check["effect"], check["ratio"], check["cap"]) for check in found] == [(i, 0.3, 2.0) for i in range(4)]
    # Women 2.5 -> 2.1 and men 1.9 -> 1.8: the gap of 0.6 comes down to 0.3.
    assert [check["fall"] for check in found] == pytest.approx([0.1, 0.4, 0.1, 0.3])


def test_measured_arm_stands_at_its_reduction_with_its_interval(app, workspace):
    measured = _told(app("curate"))["measured"]
    assert measured["metric"] == "R@10"
    [point] = measured["points"]
    assert (point["ratio"], point["mean"], point["low"], point["high"]) == (pytest.approx(0.2), 2.0, 1.0, 3.0)
    assert point["title"] == "R@10 of influence less full at 20 % with cap 4 ×: +2.0 [+1.0, +3.0] points"


def test_without_effects_and_training_there_is_nothing_to_show(tmp_path):
    found = prediction.predict(fabricate(tmp_path / "demo", upto="plan"), "key", lambda response: None)
    assert found == prediction.Prediction()


def test_pages_predict_without_torch():
    code = "import sys; import influencespace.ui.curate_panels; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(influencespace.__file__).parents[1], check=False).returncode == 0
