"""How the workbench feels at 100,000 and a million pairs, in a real browser: what one waits for, and what goes over the line.

Chromium draws in software; server and browser share the machine. Workspaces are drawn into ``--workspaces`` unless they are
there. Run it on an idle machine: times of a busy one say nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import checkout  # noqa: F401  (puts the project on the path)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

import visiting
from drawn import draw_workspace
from playwright.sync_api import Browser, Page, sync_playwright
from visiting import DRAG, MAP, Runs, Traffic, go_to, served, settled

SIZES = {"100k": 100_000, "1m": 1_000_000}
PAGES = ("Data", "Influence", "Curate", "Train", "Results", "Export", "Clusters")
DRAWN = f"{MAP}[data-frames]"
PATIENCE = 120_000  # milliseconds
_runs: dict[Page, Runs] = {}
# All in sight have come; what lies below the window's edge is fetched when it is scrolled to.
PHOTOS = """() => { const photos = [...document.querySelectorAll('*')]
  .flatMap(node => [...(node.shadowRoot?.querySelectorAll('.gallery img') ?? [])])
  const seen = photos.filter(photo => photo.getBoundingClientRect().top < innerHeight)
  return photos.length >= 60 && seen.every(photo => photo.complete && photo.naturalWidth) }"""


def main() -> None:
    """Measure both sizes and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspaces", type=Path, help="Where the drawn workspaces lie or go; a temporary folder without it.")
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3, help="Visits whose median is told.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.workspaces or Path(temporary)
        columns = [of_size(folder, name, asked.repeats) for name in asked.sizes]
    print("| what | " + " | ".join(f"{SIZES[name]:,} pairs" for name in asked.sizes) + " |")
    print("|---|" + "---:|" * len(columns))
    for what in columns[0]:
        print(f"| {what} | " + " | ".join(column[what] for column in columns) + " |")


def of_size(folder: Path, name: str, repeats: int) -> dict[str, str]:
    """All that is measured at one size, by what it is."""
    if not (folder / name).exists():
        draw_workspace(folder / name, SIZES[name])
    found: dict[str, str] = {}
    with served(folder, folder / f"{name}.log") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=visiting.CHROMIUM, args=visiting.FLAGS)
        url = f"{address}/clusters?workspace={name}"
        page, _ = visit(browser)
        found["first map, server just started"] = seconds([timed(lambda: opened(page, url))])
        page.context.close()
        times = []
        for _ in range(repeats):
            page, traffic = visit(browser)
            times.append(timed(lambda page=page: opened(page, url)))
            still(page)
            first = (sum(traffic.columns.values()) + traffic.down) / SIZES[name]
            page.context.close()
        found["first map"] = seconds(times)
        found["sent for it, all messages counted"] = f"{first:.1f} B a pair"
        page, traffic = visit(browser)
        opened(page, url)
        still(page)
        found["a further colouring"] = seconds(
            [timed(lambda by=by: recoloured(page, by)) for by in ("Influence", "Fit", "Group")]
        )
        found["60 thumbnails"] = seconds([timed(lambda: next_photos(page)) for _ in range(repeats)])
        found["lasso of a third, count, figures and photos shown"] = seconds([lassoed(page)])
        go_to(page, "Curate")
        still(page)
        canvas = page.locator(MAP).element_handle()
        page.evaluate(DRAG, canvas)
        drag = page.evaluate(DRAG, canvas)
        found["a frame of a drag, median and slowest"] = f"{drag['median']:.0f} and {drag['slowest']:.0f} ms"
        found["ratio let go, page done"] = moves(page, "reduction", repeats)
        found["fairness let go, page done"] = moves(page, "fairness", repeats)
        for change in PAGES:
            go_to(page, change)
            still(page)
        for change in PAGES:
            link = page.get_by_role("link", name=change, exact=True)
            found[f"to the page {change}"] = seconds([timed(lambda link=link: ran(page, link.click))])
            still(page)
        browser.close()
    return found


def visit(browser: Browser) -> tuple[Page, Traffic]:
    """A browser that has seen nothing yet."""
    context, traffic = browser.new_context(viewport={"width": 1280, "height": 720}), Traffic()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    _runs[page] = Runs(page)
    traffic.watch(page)
    return page, traffic


def opened(page: Page, url: str) -> None:
    """Open the page and wait for the first frame of the map."""
    page.goto(url)
    page.locator(DRAWN).wait_for()


def still(page: Page) -> None:
    """Wait until the script has run and nothing is on its way."""
    settled(page)
    page.wait_for_load_state("networkidle")


def ran(page: Page, act: Callable[[], object]) -> None:
    """Do something, and wait until the page has run for it."""
    runs, end = _runs[page], time.monotonic() + PATIENCE / 1000
    before = runs.begun
    act()
    while runs.begun == before or runs.running:
        if time.monotonic() > end:
            raise TimeoutError(f"The page did not run: {runs.begun - before} runs have begun.")
        page.wait_for_timeout(5)
    settled(page)


def recoloured(page: Page, by: str) -> None:
    """Colour the map otherwise, and wait for the frame."""
    canvas, frames = page.locator(MAP), page.locator(MAP).get_attribute("data-frames")
    page.get_by_role("radio", name=by, exact=True).click()
    page.wait_for_function("([c, frames]) => c.dataset.frames !== frames", arg=[canvas.element_handle(), frames])


def next_photos(page: Page) -> None:
    """Turn the gallery to its next page, and wait for all photos."""
    ran(page, page.get_by_test_id("stPagination").first.get_by_role("button").last.click)
    page.wait_for_function(PHOTOS)


def lassoed(page: Page) -> float:
    """Draw a lasso around the middle; the seconds from letting go to the words on it and its photos."""
    box = page.locator(MAP).bounding_box()
    page.locator(MAP).press("l")
    x, y, wide, high = (box[key] for key in ("x", "y", "width", "height"))
    corners = [(0.28, 0.3), (0.5, 0.22), (0.72, 0.3), (0.75, 0.7), (0.5, 0.78), (0.25, 0.7), (0.28, 0.3)]
    page.mouse.move(x + 0.28 * wide, y + 0.3 * high)
    page.mouse.down()
    for right, down in corners:
        page.mouse.move(x + right * wide, y + down * high, steps=8)
    still(page)

    took = timed(lambda: ran(page, page.mouse.up))
    page.get_by_text("pairs inside the area").first.wait_for()
    return took


def moves(page: Page, slider: str, repeats: int) -> str:
    """The time from a step of a slider of the plan until the page has run for it."""
    times = []
    for _ in range(repeats):
        page.locator(f"#plan-{slider}").focus()
        times.append(timed(lambda: ran(page, lambda: page.keyboard.press("ArrowRight"))))
        still(page)
    return seconds(times)


def timed(work: Callable[[], object]) -> float:
    """The seconds that it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def seconds(times: list[float]) -> str:
    """The median, ready to print."""
    return f"{statistics.median(times):.2f} s"


if __name__ == "__main__":
    main()
