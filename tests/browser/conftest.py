"""A Chromium for the browser tests of a module, and the small fabricated workspace that most of them visit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import visiting

sys.path.append(str(Path(__file__).parents[1] / "ui"))  # the fabricated workspace is that of the page tests

from fabricated import fabricate


@pytest.fixture(scope="module")
def playwright():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(playwright):
    opened = playwright.chromium.launch(executable_path=visiting.CHROMIUM, args=visiting.FLAGS)
    yield opened
    opened.close()


@pytest.fixture
def page(browser):
    opened = browser.new_page(viewport={"width": 1280, "height": 720})
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return fabricate(tmp_path_factory.mktemp("workspaces") / "small")


@pytest.fixture(scope="module")
def address(workspace):
    with visiting.served(workspace.path.parent, workspace.path.parent / "server.log") as at:
        yield at
