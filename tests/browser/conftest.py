"""A Chromium for the browser tests of a module, which are skipped where there is none."""

from __future__ import annotations

import pytest
import visiting


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
