"""What a session does, with a page of a real Chromium or without a window: the two kinds are driven alike."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from typing import Protocol

import visiting
from playwright.sync_api import TimeoutError, sync_playwright
from visiting import settled
from workbench import RAN, RUNS, ran

PATIENCE, PRESSES = 120_000, 24
# The buttons that sessions press, and their keys on the keyboard.
KEYS = {"triage_next": "j", "triage_prune": "p", "triage_keep": "k", "history_undo": "z"}


class Visit(Protocol):
    """A page of the app that somebody looks at; every method waits until the page has run."""

    drawn: bool

    def open(self, page: str) -> None:
        """Go to a page by its name in the address."""

    def press(self, key: str) -> None:
        """Press a button."""

    def step(self, slider: str, up: bool) -> None:
        """Move a slider of the plan by a step, and let it go."""

    def choose(self, place: int) -> None:
        """Choose a topic of the list on the page Clusters by its place."""

    def fetch(self) -> None:
        """Wait until all that the page names has been fetched."""

    def close(self) -> None:
        """Leave."""


class Session:
    """A visitor with a mind: where it is, and what it does next, drawn by chance.

    Parameters
    ----------
    visit
        The page.
    draw
        The chance.
    """

    def __init__(self, visit: Visit, draw: random.Random) -> None:
        self.visit, self.draw, self.page = visit, draw, ""

    def turn_to(self, page: str) -> None:
        """Go to a page, unless it is there already."""
        if page != self.page:
            self.visit.open(page)
            self.page = page

    def turn(self) -> None:
        """Go to another page."""
        self.turn_to(self.draw.choice([page for page in ("data", "influence", "curate", "clusters") if page != self.page]))

    def look_around(self) -> None:
        """Choose a few topics on the map's page, and look at their photos."""
        self.turn_to("clusters")
        for place in self.draw.sample(range(20), 3):
            self.visit.choose(place)
            self.visit.fetch()

    def next_row(self) -> None:
        """Choose the next cluster of the table."""
        self.visit.press("triage_next")

    def decide(self) -> None:
        """Prune or keep what is chosen."""
        self.visit.press(self.draw.choice(["triage_prune", "triage_keep"]))

    def undo(self) -> None:
        """Take back the last step, be it this session's or another's."""
        self.visit.press("history_undo")

    def slide(self) -> None:
        """Move the ratio."""
        self.visit.step("reduction", self.draw.random() < 0.5)

    def reorder(self) -> None:
        """Move the fairness weight, after which pairs go in another order."""
        self.visit.step("fairness", self.draw.random() < 0.5)


@contextlib.contextmanager
def chromium() -> Iterator[str]:
    """The address of a Chromium, by which threads reach it: Playwright's own objects belong to the thread that made them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=visiting.CHROMIUM, args=[*visiting.FLAGS, f"--remote-debugging-port={port}"]
        )
        yield f"http://127.0.0.1:{port}"
        opened.close()


class Window:
    """A page of a real Chromium, to be used in the thread that has opened it."""

    drawn = True

    def __init__(self, browser: str, address: str, query: str) -> None:
        self._address, self._query = address, query
        self._playwright = sync_playwright().start()
        self._context = self._playwright.chromium.connect_over_cdp(browser).new_context(viewport={"width": 1280, "height": 720})
        self._context.add_init_script(RUNS)
        self._page = self._context.new_page()
        self._page.set_default_timeout(PATIENCE)

    def open(self, page: str) -> None:
        """Go to a page by its name in the address."""
        if self._page.url.startswith(self._address):
            ran(self._page, self._page.get_by_role("link", name=page.capitalize(), exact=True).click)
        else:
            self._page.goto(f"{self._address}/{page}?{self._query}")
            settled(self._page)

    def press(self, key: str) -> None:
        """Press a button by its key on the keyboard, again where a busy page has missed it."""
        before = self._page.evaluate("() => { document.activeElement.blur(); return window.runs }")
        for _ in range(PRESSES):
            self._page.locator("body").press(KEYS[key])
            with contextlib.suppress(TimeoutError):
                self._page.wait_for_function("before => window.runs > before", arg=before, timeout=PATIENCE // PRESSES)
                break
        self._page.wait_for_function(RAN, arg=before)

    def step(self, slider: str, up: bool) -> None:
        """Move a slider of the plan by a step, and let it go."""
        self._page.locator(f"#plan-{slider}").focus()
        ran(self._page, lambda: self._page.keyboard.press("ArrowRight" if up else "ArrowLeft"))

    def choose(self, place: int) -> None:
        """Choose a topic of the list on the page Clusters by its place."""
        rows = self._page.locator("tr[data-id]")
        ran(self._page, rows.nth(place % rows.count()).click)

    def fetch(self) -> None:
        """Wait until nothing is on its way."""
        self._page.wait_for_load_state("networkidle")

    def close(self) -> None:
        """Leave."""
        self._context.close()
        self._playwright.stop()
