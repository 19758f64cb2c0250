"""Work beside a page: begun once, waited for a little, told of, and tried again after a failure."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from influencespace.ui import background


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(background, "_kept", type(background._kept)())


def test_what_is_quick_is_there_at_once_and_is_done_once():
    done = []

    def work(progress):
        done.append(1)
        return 42

    assert [background.result("a", work, "") for _ in range(3)] == [42, 42, 42]
    assert len(done) == 1


def test_a_failure_is_raised_and_tried_again():
    answers = iter([ValueError("no"), 7])

    def work(progress):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="no"):
        background.result("a", work, "")
    assert background.result("a", work, "") == 7


def test_only_the_latest_are_kept(monkeypatch):
    monkeypatch.setattr(background, "KEPT", 2)
    done = []
    for key in ("a", "b", "a", "c", "a", "b"):
        background.result(key, lambda progress, key=key: done.append(key) or key, "")
    assert done == ["a", "b", "c", "b"]


def test_no_more_is_kept_than_fits(monkeypatch):
    monkeypatch.setattr(background, "LARGEST", 100)
    done = []
    for key in ("a", "b", "a", "c", "a", "b"):
        background.result(key, lambda progress, key=key: done.append(key) or np.zeros(60, np.uint8), "")
    assert done == ["a", "b", "c", "b"]


def test_slow_work_shows_how_far_it_is_and_then_what_it_gave():
    go = threading.Event()

    def work(progress):
        progress(1, 4, "halfway to half")
        assert go.wait(30)
        return "done"

    # AppTest runs the script in this process, so that it shares the work with this test.
    work_at = background.start("slow", work)
    page = AppTest.from_function(_page).run()
    assert page.get("progress")[0].value == 25
    assert page.get("progress")[0].text == "Counting · halfway to half"
    assert not page.markdown
    go.set()
    assert work_at.future.result(30) == "done"
    page.run()
    assert page.markdown[0].value == "done"
    assert not page.get("progress")


def _page():
    import streamlit as st

    from influencespace.ui import background

    found = background.result("slow", lambda progress: "never begun twice", "Counting", patience=0.01)
    if found is not None:
        st.markdown(found)
