"""What the server does before the first visitor comes."""

from __future__ import annotations

import gc
import tomllib
from pathlib import Path

import pytest

from influencespace.ui import starting, warming


def test_what_was_imported_is_not_looked_through_after_every_run_of_a_page():
    try:
        warming.warm()
        assert gc.get_freeze_count() > 100_000
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    finally:
        gc.unfreeze()


def test_unreachable_objects_are_looked_for_now_and_then_and_not_after_every_run(monkeypatch):
    now, looks = [0.0], []

    def sleep(seconds):
        now[0] += seconds
        if len(looks) == 3:
            raise KeyboardInterrupt

    def look():
        looks.append(now[0])
        now[0] += 0.25  # as it takes where a great many sessions are open

    monkeypatch.setattr(warming.time, "sleep", sleep)
    monkeypatch.setattr(warming.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(warming.gc, "collect", look)
    with pytest.raises(KeyboardInterrupt):
        warming.tidy()
    assert looks == [5.0, 17.75, 30.5]
    with (Path(__file__).parents[2] / ".streamlit" / "config.toml").open("rb") as file:
        assert tomllib.load(file)["runner"]["postScriptGC"] is False


def test_garbage_is_collected_also_where_nothing_could_be_imported_before(monkeypatch):
    looked = []
    monkeypatch.setattr(warming, "MODULES", ("there_is_none",))
    monkeypatch.setattr(warming, "tidy", lambda: looked.append(True))
    with pytest.raises(ModuleNotFoundError):
        starting._prepare()
    assert looked
