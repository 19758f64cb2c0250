"""A path typed into a page stays below the folders that the app was started with, and the page tells nothing of others."""

from __future__ import annotations

import pytest
from fabricated import fabricate

from influencespace.jobs import roots
from influencespace.jobs.local import submit


@pytest.mark.parametrize("page", ["data", "export"])
def test_a_path_outside_is_refused_in_a_sentence(app, tmp_path, monkeypatch, page):
    workspaces, outside = tmp_path / "workspaces", tmp_path / "outside.jsonl"
    fabricate(workspaces / "demo")
    outside.write_text("of others")
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(workspaces))
    monkeypatch.setenv(roots.VARIABLE, str(workspaces))
    monkeypatch.setattr("influencespace.jobs.submit", submit)
    opened = app(page)
    if page == "data":
        opened.text_input(key="bring_in_source").input(str(outside))
        next(button for button in opened.button if button.label == "Bring them in").click()
    else:
        opened.text_input(key="export_to_jsonl").input(str(outside))
        next(button for button in opened.button if button.label == "Write the file").click()
    opened.run()
    assert not opened.exception
    [error] = opened.error
    assert "must be in a folder that this app was started with" in error.value
    assert outside.read_text() == "of others"
    assert not app.submitted
