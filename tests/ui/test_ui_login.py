"""Every page asks for the login where there is one, and says it where everyone may come in."""

from __future__ import annotations

import pytest
from page_cases import fine, words

from influencespace.ui import login

PAGES = ("data", "clusters", "influence", "curate", "train", "results", "ablations", "export")


@pytest.fixture
def with_login(monkeypatch):
    monkeypatch.setattr(login, "required", lambda: True)
    monkeypatch.setattr(login, "_providers", lambda: [None, "google"])


@pytest.mark.parametrize("page", PAGES)
def test_without_a_login_a_page_offers_one_and_shows_nothing_else(app, workspace, with_login, page):
    opened = fine(app(page))
    assert [button.label for button in opened.button] == ["Log in", "Log in with google"]
    assert words(opened) == "Log in to see this app."
    assert not opened.get("bidi_component") and not opened.selectbox and not app.submitted


def test_secrets_that_cannot_be_read_let_nobody_in_and_say_so(app, workspace, monkeypatch):
    monkeypatch.setattr(login, "required", lambda: True)
    monkeypatch.setattr(login, "_unreadable", lambda: True)
    opened = app("data")
    assert [error.value for error in opened.error] == [login.UNREADABLE]
    assert not opened.button


@pytest.mark.parametrize("page", ["data", "export"])
@pytest.mark.parametrize("only_here", [True, False])
def test_an_app_that_all_can_reach_says_so_on_its_pages(app, workspace, monkeypatch, page, only_here):
    monkeypatch.setattr(login, "only_here", lambda: only_here)
    assert (login.OPEN in [warning.value for warning in fine(app(page)).warning]) == (not only_here)
