"""The map and the gallery as a browser draws them, on a small fabricated workspace."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import visiting
from visiting import CHROMIUM, colours_on, go_to, served, settled

sys.path.append(str(Path(__file__).parents[1] / "ui"))  # the fabricated workspace is that of the page tests

from fabricated import TOPICS, fabricate

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: browser tests need one (apt-get install chromium)"),
]
MAP = "canvas[role=img]"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspaces")
    fabricate(folder / "small")
    with served(folder, folder / "server.log") as at:
        yield at


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=visiting.FLAGS)
        yield opened
        opened.close()


@pytest.fixture(params=["light", "dark"])
def page(request, browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=request.param)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    watch = visiting.Watch(opened)
    opened.goto(address)
    opened.locator(MAP).wait_for()
    settled(opened)
    yield opened
    context.close()
    watch.check()


def test_map_is_drawn_and_a_click_shows_the_topic(page):
    assert page.get_by_text(TOPICS[0], exact=True).count() >= 1
    assert colours_on(page, MAP) > 20
    box = page.locator(MAP).bounding_box()
    # The pairs of topic 2 lie around (0.75, 0.75); look for one among them.
    for step in range(40):
        x = box["x"] + box["width"] * (0.73 + 0.004 * (step % 8))
        y = box["y"] + box["height"] * (0.30 - 0.01 * (step // 8))
        page.mouse.move(x, y)
        if page.locator(".tip").is_visible():
            break
    assert TOPICS[2] in page.locator(".tip").inner_text()
    page.mouse.click(x, y)
    page.get_by_text(f"Clusters of {TOPICS[2]}").wait_for()
    page.locator(".ring").wait_for(state="visible")
    assert page.locator(".gallery img").count() == 20


def test_captions_are_text_and_never_markup(page):
    captions = page.locator(".gallery figcaption").all_inner_texts()
    assert any("<b>" in caption for caption in captions)
    assert page.locator(".gallery b").count() == 0


def test_map_can_be_looked_around_by_keyboard(page):
    place = page.locator(".over span").filter(has_text=TOPICS[1])
    moved = [place.element_handle(), place.get_attribute("style")]
    page.locator(MAP).press("+")
    page.locator(MAP).press("ArrowLeft")
    page.wait_for_function("([node, style]) => node.getAttribute('style') !== style", arg=moved)
    page.locator(MAP).press("0")
    page.wait_for_function("([node, style]) => node.getAttribute('style') === style", arg=moved)


def test_a_page_can_be_opened_by_its_address_and_keeps_the_workspace(page, address):
    page.goto(f"{address}/influence?workspace=small")
    page.locator(".js-plotly-plot").first.wait_for()
    settled(page)
    assert page.get_by_role("link", name="Influence", exact=True).is_visible()
    go_to(page, "Data")
    page.get_by_text("Pairs for training").wait_for()
    page.get_by_text(re.compile("Rows left out")).wait_for()
