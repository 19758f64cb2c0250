"""The parts of pages that can be judged without one: colours, charts, thumbnails, folders, sentences."""

from __future__ import annotations

import importlib.util
import io
import time

import numpy as np
import pandas as pd
import pytest
from fabricated import results
from PIL import Image

from influencespace.errors import WorkspaceError
from influencespace.ui import colours, results_panels, thumbnails, training_charts, warming, work
from influencespace.ui import workspaces as places
from influencespace.workspace import Workspace


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_diverging_scale_is_centred_on_zero(theme):
    scale = colours.diverging(theme)
    assert len(scale) == colours.STEPS
    assert (scale[0], scale[-1]) == (colours.HARMS, colours.HELPS)
    low, zero, high = colours.steps(np.array([-2.0, 0.0, 2.0]), -2, 2)
    assert (low, high) == (0, 255)
    assert zero in (127, 128)
    assert abs(int(scale[zero][1:3], 16) - int(colours.NEUTRAL[theme][1:3], 16)) <= 2


def test_steps_take_the_ends_for_what_lies_outside_and_nothing_for_nan():
    assert list(colours.steps(np.array([-9, 9, np.nan]), -1, 1)) == [0, 255, 128]
    assert list(colours.steps(np.array([3.0, 3.0]), 3, 3)) == [0, 0]


def test_reach_ignores_the_few_and_is_never_zero():
    assert colours.reach(np.r_[np.full(999, -0.5), 100.0]) == pytest.approx(0.5)
    assert colours.reach(np.zeros(5)) == 1.0
    assert colours.reach(np.array([np.nan])) == 1.0


def test_categories_stay_distinct_for_three_rounds():
    assert len(set(colours.categories(21))) == 21
    assert len(colours.categories(60)) == 60


def test_recall_chart_puts_the_best_on_top_with_its_interval():
    figure = training_charts.recall(results(), "R@10")
    assert [trace.y[0] for trace in figure.data] == ["start", "full", "agreement", "random", "influence"]
    best = figure.data[-1]
    assert (best.x[0], best.error_x.array[0], best.error_x.arrayminus[0]) == (40.0, 1.0, 1.0)


def test_differences_are_coloured_by_what_their_interval_allows():
    given = {"photos": 1, "differences": [
        {"arm": arm, "against": "full", "metric": "R@10", "mean": (low + high) / 2, "low": low, "high": high}
        for arm, low, high in (("a", 0.5, 3), ("b", -3, -1), ("c", -1, 1), ("d", -5, 5))
    ]}
    tints = {trace.y[0]: trace.marker.color for trace in training_charts.differences(given, "R@10", "full").data}
    assert tints == {"a": colours.HELPS, "b": colours.HARMS, "c": "#56b4e9", "d": colours.GREY}


def test_what_is_not_defined_is_a_dash():
    assert results_panels.text({"mean": None, "low": None, "high": None}) == "–"
    assert results_panels.text({"mean": 1.234, "low": None, "high": None}, 2, " ×") == "1.23 ×"
    given = results()
    given["arms"][0]["recall"]["R@10"]["both"] = {"mean": None, "low": None, "high": None}
    assert "influence" not in [trace.y[0] for trace in training_charts.recall(given, "R@10").data]


def test_arm_that_trains_nothing_has_no_pairs_and_no_time():
    start = results_panels.arms_table(results()).set_index("Arm").loc["start"]
    assert start[["Pairs", "Removed", "Training", "With choosing"]].isna().all()
    assert start["R@10"] == "36.0  [35.0, 37.0]"


def test_curves_are_the_mean_of_the_seeds():
    table = pd.DataFrame({"arm": "full", "seed": [0, 1, 0, 1], "epoch": [1, 1, 2, 2], "recall": [1.0, 3.0, 5.0, 7.0]})
    trace = training_charts.curves(table, "recall").data[0]
    assert (list(trace.x), list(trace.y)) == ([1, 2], [2.0, 6.0])


def test_thumbnail_is_small_upright_and_made_once(tmp_path):
    workspace = Workspace(tmp_path / "w", create=True)
    photo = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (800, 400), "red").save(photo, exif=exif)
    content = thumbnails.jpeg(workspace, str(photo), "abc")
    with Image.open(io.BytesIO(content)) as small:
        assert small.size == (thumbnails.SIDE // 2, thumbnails.SIDE)
    photo.unlink()
    assert thumbnails.jpeg(workspace, str(photo), "abc") == content


def test_thumbnail_needs_no_workspace_that_can_be_written(tmp_path):
    workspace = Workspace(tmp_path / "w", create=True)
    (workspace.path / "cache").write_text("in the way")
    photo = tmp_path / "photo.png"
    Image.new("RGB", (20, 20), "red").save(photo)
    assert thumbnails.jpeg(workspace, str(photo), "cannot be kept").startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 truncated", b"no image"])
def test_unreadable_photo_has_no_thumbnail(tmp_path, content):
    workspace = Workspace(tmp_path / "w", create=True)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(content)
    assert thumbnails.jpeg(workspace, str(photo), "x") is None
    assert thumbnails.jpeg(workspace, str(tmp_path / "absent.jpg"), "y") is None
    assert thumbnails.jpeg(workspace, None, "z") is None


def test_environment_names_a_workspace_or_a_folder_of_them(tmp_path, monkeypatch):
    monkeypatch.delenv("INFLUENCESPACE_WORKSPACE", raising=False)
    assert places.folder(tmp_path) == tmp_path / "workspaces"
    for name in ("one", "two"):
        Workspace(tmp_path / "mine" / name, create=True)
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(tmp_path / "mine"))
    assert (places.folder(tmp_path), places.names(tmp_path / "mine")) == (tmp_path / "mine", ["one", "two"])
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(tmp_path / "mine" / "two"))
    assert (places.folder(tmp_path), places.names(tmp_path / "mine")) == (tmp_path / "mine", ["two"])


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_new_workspace_needs_a_name_that_stays_in_its_folder(name):
    with pytest.raises(WorkspaceError, match="cannot name a workspace"):
        places.make(name)


def test_job_is_told_in_a_sentence(monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    values = {
        "id": 1, "title": "Training", "commands": [], "done": 1200, "total": 2400, "message": "", "pid": 1,
        "submitted": now, "cancelled": None, "finished": None,
    }
    queued = work.Job(**values, status="queued", what="", started=None, heartbeat=None)
    assert work.sentence(queued) == "**Training** · waits for its turn"
    running = work.Job(**values, status="running", what="embedding photos", started=now - 75, heartbeat=now - 90)
    assert work.sentence(running, waiting=2) == (
        "**Training** · embedding photos (1,200 of 2,400) · 75 s · 2 more waiting · no sign of life for 90 s"
    )
    hangs = work.Job(**values, status="running", what="embedding photos", started=now - 75, heartbeat=now, reported=now - 720)
    assert work.sentence(hangs).endswith(" · no progress for 12 min: if it hangs, cancel it")


def test_what_the_server_imports_ahead_is_there():
    for name in warming.MODULES:
        assert importlib.util.find_spec(f"influencespace.ui.{name}") is not None, name
