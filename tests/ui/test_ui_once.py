"""What a run of a page looks up is found once, and found anew by the next run and after a step."""

from __future__ import annotations

import itertools

import pytest
from page_cases import fine

from influencespace.ui import once, road


@pytest.fixture
def session(monkeypatch):
    state = {}
    monkeypatch.setattr(once.st, "session_state", state)
    return state


def test_a_run_finds_a_thing_once_and_a_step_has_it_found_anew(session):
    numbers = itertools.count()
    once.begin()
    assert [once.of("a", lambda: next(numbers)) for _ in range(3)] == [0, 0, 0]
    assert once.of("b", lambda: None) is None
    once.again()
    assert [once.of("a", lambda: next(numbers)) for _ in range(2)] == [1, 1]
    once.begin()
    assert once.of("a", lambda: next(numbers)) == 2


def test_what_a_run_holds_on_to_takes_the_place_of_what_it_had_found(session):
    once.begin()
    once.of("a", lambda: 1)
    once.of("other", lambda: 2)
    once.hold("a", 5)
    assert once.of("a", lambda: 6) == 5
    assert once.of("other", lambda: 3) == 2


def test_outside_of_a_run_everything_is_found_each_time(session):
    numbers = itertools.count()
    once.hold("a", 7)
    once.again()
    assert [once.of("a", lambda: next(numbers)) for _ in range(2)] == [0, 1]


def test_every_run_of_a_page_looks_once_for_what_there_is(app, workspace, monkeypatch):
    looked, fitting = [], road._fitting
    monkeypatch.setattr(road, "_fitting", lambda own: looked.append(own.path) or fitting(own))
    opened = fine(app("curate"))
    fine(opened.run())
    assert looked == [workspace.path] * 2
