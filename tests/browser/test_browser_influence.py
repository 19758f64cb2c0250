"""The influence page in a browser: a click on any chart chooses a cluster, and the address, the photos and other pages follow."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import visiting
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from visiting import CHROMIUM, served, settled

sys.path.append(str(Path(__file__).parents[1] / "ui"))  # the fabricated workspace is that of the page tests

from fabricated import TOPICS, fabricate

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: browser tests need one (apt-get install chromium)"),
]
NAMES = [f"{TOPICS[topic]} · fit {fit}" for topic in range(3) for fit in ("badly", "well")]
LABELS = [f"{topic}.{stratum}" for topic in range(3) for stratum in (0, 1)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return fabricate(tmp_path_factory.mktemp("workspaces") / "small")


@pytest.fixture(scope="module")
def address(workspace):
    with served(workspace.path.parent, workspace.path.parent / "server.log") as at:
        yield at


@pytest.fixture
def page(address):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=visiting.FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 720})
        watch = visiting.Watch(opened)
        opened.goto(f"{address}/influence?cluster=0.1&target=gender:%20woman")
        heading(opened, NAMES[1]).wait_for()
        settled(opened)
        yield opened
        watch.check()
        browser.close()


def heading(page, name: str):
    return page.get_by_role("heading", name=name, exact=True)


def points(page):
    return page.locator(".js-plotly-plot .points path.point")


def click_on(page, place: Callable[[], tuple[float, float]]) -> None:
    """Click where a chart has a point, once it has said which one the pointer is on; it may still be on its way there."""
    said = page.locator(".js-plotly-plot .hoverlayer .hovertext").first
    for attempt in range(60):
        x, y = place()
        page.mouse.move(x + attempt % 2, y)
        with contextlib.suppress(PlaywrightTimeout):
            said.wait_for(timeout=500)
            break
    page.mouse.click(x, y)


def click_point(page, which: int) -> None:
    points(page).nth(which).wait_for()

    def middle() -> tuple[float, float]:
        box = points(page).nth(which).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    click_on(page, middle)


def parameters(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def view(page, name: str) -> None:
    page.get_by_role("radio", name=name).click()
    settled(page)


def test_a_click_on_a_dot_chooses_its_cluster_for_photos_address_and_other_pages(page):
    # Clusters that harm come last, in the order of their labels.
    click_point(page, 5)
    heading(page, NAMES[4]).wait_for()
    page.wait_for_url("**cluster=2.0**")
    assert parameters(page)["target"] == ["gender: woman"]
    page.get_by_role("link", name="On the map").click()
    page.wait_for_url("**/clusters*")
    page.get_by_text(f"10 pairs of the cluster “{NAMES[4]}”").first.wait_for()


@pytest.mark.parametrize("chart", ["Data and benefit", "Removal effect"])
def test_a_click_on_a_point_of_any_chart_chooses_its_cluster(page, chart):
    view(page, chart)
    click_point(page, 0)
    heading(page, NAMES[1]).wait_for(state="detached")
    assert parameters(page)["cluster"][0] in set(LABELS) - {"0.1"}


def test_a_click_on_a_cell_of_the_heat_map_chooses_its_row(page):
    view(page, "Groups and gaps")
    rows = page.locator(".js-plotly-plot .ytick text")
    rows.first.wait_for()
    inside, last = page.locator(".js-plotly-plot .nsewdrag").bounding_box(), rows.last.bounding_box()
    click_on(page, lambda: (inside["x"] + inside["width"] / 8, last["y"] + last["height"] / 2))
    heading(page, NAMES[4]).wait_for()


def test_names_beside_points_do_not_cover_each_other_at_any_width(page):
    view(page, "Data and benefit")
    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 1080})
        wide = "least => document.querySelector('.js-plotly-plot .main-svg').getBoundingClientRect().width > least"
        page.wait_for_function(wide, arg=0.4 * width)
        names = "[...document.querySelectorAll('.js-plotly-plot .annotation-text-g')]"
        page.wait_for_function(f"() => {names}.length > 1")
        boxes = page.evaluate(f"() => {names}.map(name => name.getBoundingClientRect().toJSON())")  # all of one moment
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart_across = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                assert apart_across or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
