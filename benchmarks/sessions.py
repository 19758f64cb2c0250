"""What a session does, with a page of a real Chromium or without a window: the two kinds are driven alike."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import visiting
from playwright.async_api import Page, async_playwright
from visiting import Runs

T = TypeVar("T")
# Milliseconds, for a machine that draws twenty windows in software, and how often a key is pressed in that time.
PATIENCE, PRESSES = 600_000, 120
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


class Browser:
    """One Chromium for many windows, driven from a thread of its own: whoever asks from another waits for the answer.

    Parameters
    ----------
    flags
        For Chromium, beside those of the tests.
    """

    def __init__(self, *flags: str) -> None:
        self._flags = [*visiting.FLAGS, *flags]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)

    def __enter__(self) -> Browser:
        self._thread.start()
        self._playwright = self.do(async_playwright().start())
        self._chromium = self.do(self._playwright.chromium.launch(executable_path=visiting.CHROMIUM, args=self._flags))
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._chromium.close())
        self.do(self._playwright.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Have it done, and wait until it is."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def window(self) -> Page:
        """An empty page with cookies, cache and storage of its own."""
        context = await self._chromium.new_context(viewport={"width": 1280, "height": 720})
        context.set_default_timeout(PATIENCE)
        return await context.new_page()


class Window:
    """A page of a real Chromium; each has cookies, cache and storage of its own.

    Parameters
    ----------
    browser
        Where it opens.
    address, query
        As of a visitor.
    """

    drawn = True

    def __init__(self, browser: Browser, address: str, query: str) -> None:
        self._browser, self._address, self._query = browser, address, query
        self._page = browser.do(browser.window())
        self._runs = Runs(self._page)

    def open(self, page: str) -> None:
        """Go to a page by its name in the address."""
        if self._page.url.startswith(self._address):
            self._browser.do(self._ran(self._page.get_by_role("link", name=page.capitalize(), exact=True).click()))
        else:
            self._browser.do(self._ran(self._page.goto(f"{self._address}/{page}?{self._query}")))

    def press(self, key: str) -> None:
        """Press a button by its key on the keyboard, again where a page that was just opened has missed it."""
        self._browser.do(self._ran(self._pressed(KEYS[key])))

    def step(self, slider: str, up: bool) -> None:
        """Move a slider of the plan by a step, and let it go; the other way where it is at its end."""
        self._browser.do(self._ran(self._moved(slider, up)))

    def choose(self, place: int) -> None:
        """Choose a topic of the list on the page Clusters by its place."""
        self._browser.do(self._ran(self._chosen(place)))

    def fetch(self) -> None:
        """Wait until nothing is on its way."""
        self._browser.do(self._page.wait_for_load_state("networkidle"))

    def value(self, selector: str) -> str:
        """What stands in a field of the page."""
        return self._browser.do(self._page.locator(selector).input_value())

    def enter(self, selector: str, text: str) -> None:
        """Type into a field for which the page runs while one types."""
        self._browser.do(self._ran(self._page.locator(selector).fill(text)))

    @property
    def url(self) -> str:
        """The address that the page has now, which says what is chosen on it."""
        return self._page.url

    def close(self) -> None:
        """Leave."""
        self._browser.do(self._page.context.close())

    async def _ran(self, act: Awaitable[object]) -> None:
        """Do something, and wait until the page has run for it and shows what came of it."""
        before = self._runs.begun
        await act
        await self._until(lambda: self._runs.begun > before and not self._runs.running, PATIENCE)
        await self._page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()

    async def _pressed(self, key: str) -> None:
        before = self._runs.begun
        for _ in range(PRESSES):
            await self._page.evaluate("() => document.activeElement.blur()")
            await self._page.locator("body").press(key)
            with contextlib.suppress(TimeoutError):
                return await self._until(lambda: self._runs.begun > before, PATIENCE / PRESSES)

    async def _until(self, holds: Callable[[], bool], patience: float) -> None:
        end = time.monotonic() + patience / 1000
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"The page has not run within {patience / 1000:.0f} s.")
            await asyncio.sleep(0.005)

    async def _moved(self, slider: str, up: bool) -> None:
        field = self._page.locator(f"#plan-{slider}")
        room = await field.evaluate("(field, up) => up ? field.value < field.max * 1 : field.value > field.min * 1", up)
        await field.focus()
        await self._page.keyboard.press("ArrowRight" if up == room else "ArrowLeft")

    async def _chosen(self, place: int) -> None:
        rows = self._page.locator("tr[data-id]")
        await rows.nth(place % await rows.count()).click()
