"""The influence page in a browser: a click on any chart chooses a cluster, and the address, the photos and other pages follow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import visiting
from fabricated import TOPICS
from playwright.sync_api import Error as PlaywrightError
from visiting import settled

pytestmark = visiting.IN_A_BROWSER
NAMES = [f"{TOPICS[topic]} · fit {fit}" for topic in range(3) for fit in ("badly", "well")]
LABELS = [f"{topic}.{stratum}" for topic in range(3) for stratum in (0, 1)]


@pytest.fixture
def page(page, address):
    watch = visiting.Watch(page)
    page.goto(f"{address}/influence?cluster=0.1&target=gender:%20woman")
    heading(page, NAMES[1]).wait_for()
    settled(page)
    yield page
    watch.check()


def heading(page, name: str):
    return page.get_by_role("heading", name=name, exact=True)


def points(page):
    return page.locator(".js-plotly-plot .points path.point")


def rectangle(place) -> dict[str, float]:
    """Where something is now; empty, instead of an error, if Plotly draws it anew at this moment."""
    return place.evaluate("element => element.getBoundingClientRect().toJSON()")


def click_on(page, place: Callable[[], tuple[float, float]], chosen: Callable[[int], None]) -> None:
    """Click where a chart has a point, once it has said which one the pointer is on, until it is ``chosen``.

    A chart that is drawn anew between the pointer's coming and the click, as happens on a busy machine, takes no click; a person
    would click once more. ``chosen`` waits for so many milliseconds.
    """
    said = page.locator(".js-plotly-plot .hoverlayer .hovertext").first
    for attempt in range(20):
        with contextlib.suppress(PlaywrightError):  # of two charts, too, while one follows the other
            x, y = place()
            page.mouse.move(x + attempt % 2, y)
            said.wait_for(timeout=2_000)
            page.mouse.click(x, y)
            return chosen(8_000)
        page.wait_for_timeout(500)
    raise AssertionError("no click on the chart chose anything")


def click_point(page, which: int, chosen: Callable[[int], None]) -> None:
    points(page).nth(which).wait_for()

    def middle() -> tuple[float, float]:
        box = rectangle(points(page).nth(which))
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    click_on(page, middle, chosen)


def parameters(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def view(page, name: str) -> None:
    page.get_by_role("radio", name=name).click()
    settled(page)


def test_a_click_on_a_dot_chooses_its_cluster_for_photos_address_and_other_pages(page):
    # Clusters that harm come last, in the order of their labels.
    click_point(page, 5, lambda wait: heading(page, NAMES[4]).wait_for(timeout=wait))
    page.wait_for_url("**cluster=2.0**")
    assert parameters(page)["target"] == ["gender: woman"]
    page.get_by_role("link", name="On the map").click()
    page.wait_for_url("**/clusters*")
    page.get_by_text(f"10 pairs of the cluster “{NAMES[4]}”").first.wait_for()


@pytest.mark.parametrize("chart", ["Data and benefit", "Removal effect"])
def test_a_click_on_a_point_of_any_chart_chooses_its_cluster(page, chart):
    view(page, chart)
    click_point(page, 0, lambda wait: heading(page, NAMES[1]).wait_for(state="detached", timeout=wait))
    assert parameters(page)["cluster"][0] in set(LABELS) - {"0.1"}


def test_a_click_on_a_cell_of_the_heat_map_chooses_its_row(page):
    view(page, "Groups and gaps")
    rows = page.locator(".js-plotly-plot .ytick text")
    rows.first.wait_for()

    def first_of_the_last() -> tuple[float, float]:
        inside, last = rectangle(page.locator(".js-plotly-plot .nsewdrag")), rectangle(rows.last)
        return inside["x"] + inside["width"] / 8, last["y"] + last["height"] / 2

    click_on(page, first_of_the_last, lambda wait: heading(page, NAMES[4]).wait_for(timeout=wait))


def test_names_beside_points_do_not_cover_each_other_at_any_width(page):
    view(page, "Data and benefit")
    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 1080})
        # All of one moment: the chart may be drawn anew at any other.
        boxes = page.wait_for_function("""least => {
          const chart = document.querySelector(".js-plotly-plot .main-svg")
          const names = [...document.querySelectorAll(".js-plotly-plot .annotation-text-g")]
          if (!(chart?.getBoundingClientRect().width > least) || names.length < 2) return false
          return names.map(name => name.getBoundingClientRect().toJSON())
        }""", arg=0.4 * width).json_value()
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart_across = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                assert apart_across or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
