"""The page Curate in a real browser: what follows a drag without a message, triage by key, and the history."""

from __future__ import annotations

import re
import shutil

import pytest
import visiting
from drawn import draw_workspace
from visiting import MAP, served, settled

from influencespace.curation.history import History
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.order import browser_order
from influencespace.curation.plan import UP_WEIGHT
from influencespace.curation.preview import CAPS, RATIOS
from influencespace.workspace import Workspace

pytestmark = visiting.IN_A_BROWSER
PAIRS, CLUSTERS = 4000, 40
# What a drag may tell the server, and what may come back of the page after it was let go, in bytes.
UP, DOWN = 1024, 160_000
COUNTS = "() => [...document.querySelectorAll('*')].map(n => n.shadowRoot?.querySelector('.counts')).find(Boolean).innerText"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("workspaces")


@pytest.fixture(scope="module")
def address(folder):
    draw_workspace(folder / "drawn", PAIRS, CLUSTERS)
    with served(folder, folder / "server.log") as at:
        yield at


@pytest.fixture
def workspace(folder, address):
    """A copy of the drawn workspace, without a history."""
    number = len(list(folder.glob("copy-*")))
    return Workspace(shutil.copytree(folder / "drawn", folder / f"copy-{number}"))


class Traffic:
    """The bytes that went over the websocket, and the columns that were fetched."""

    def __init__(self, page) -> None:
        self.up, self.down, self.columns = [], [], {}
        page.on("websocket", self._listen)
        page.on("response", self._fetched)

    def forget(self) -> None:
        self.up.clear(), self.down.clear(), self.columns.clear()

    def _listen(self, socket) -> None:
        socket.on("framesent", lambda frame: self.up.append(len(frame)))
        socket.on("framereceived", lambda frame: self.down.append(len(frame)))

    def _fetched(self, response) -> None:
        if "/-/column/" in response.url:
            self.columns[response.url.rsplit("/", 1)[1].split("-")[0]] = int(response.headers["content-length"])


@pytest.fixture
def page(browser, address, workspace):
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    watch = visiting.Watch(opened)
    opened.traffic = Traffic(opened)
    _open(opened, address, workspace)
    yield opened
    context.close()
    watch.check()


def _open(page, address: str, workspace: Workspace, query: str = "") -> None:
    page.goto(f"{address}/curate?workspace={workspace.name}{query}")
    page.locator(MAP).wait_for()
    page.get_by_text("verified").first.wait_for()  # the gains have come
    settled(page)


def _version(page, number: int) -> None:
    """Wait until the page shows the version."""
    page.get_by_text(f"Version {number}", exact=True).wait_for()
    settled(page)


def _counts(page) -> list[int]:
    """Kept, pruned and up-weighted pairs as the panel shows them."""
    return [int(part.split()[0].replace(",", "")) for part in page.evaluate(COUNTS).splitlines()]


def _planned(workspace) -> list[int]:
    """The same, of the newest version, made anew."""
    head, inputs = History(workspace).head(), PlanInputs.read(workspace)
    plan = inputs.plan(inputs.decided(head.decisions), head.options)
    kept = int((plan.weights > 0).sum())
    return [kept, PAIRS - kept, int((plan.dispositions == UP_WEIGHT).sum())]


def _standing(workspace) -> tuple:
    head, inputs = History(workspace).head(), PlanInputs.read(workspace)
    decided = inputs.decided(head.decisions)
    return inputs.standing(decided, head.options), decided


def _drag(page, name: str, frm: float, to: float, moves: int = 20) -> None:
    """Drag a slider by the mouse, without letting it go."""
    box = page.locator(f"#plan-{name}").bounding_box()
    at = [(box["x"] + 7 + (box["width"] - 14) * (frm + (to - frm) * i / moves), box["y"] + box["height"] / 2)
          for i in range(moves + 1)]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place)


@pytest.mark.parametrize(("name", "frm", "to"), [("reduction", 0.2 / 0.95, 0.6), ("cap", 3 / 19, 0.5)])
def test_drag_moves_counts_prediction_and_map_and_sends_nothing(page, workspace, name, frm, to):
    page.evaluate("() => { window.told = []; addEventListener('influencespace:plan', event => told.push(event.detail)) }")
    before, effect = _counts(page), page.locator(".effect .says").first.inner_text()
    page.traffic.forget()
    _drag(page, name, frm, to)
    page.wait_for_function("() => told.length >= 3")
    page.wait_for_function("effect => [...document.querySelectorAll('*')].some(n => n.shadowRoot?.querySelector('.effect .says')"
                           "?.innerText.includes('%') && n.shadowRoot.querySelector('.effect .says').innerText !== effect)",
                           arg=effect)
    assert page.traffic.up == page.traffic.down == []
    if name == "reduction":
        assert _counts(page) != before
    page.mouse.up()
    _version(page, 2)
    assert len(page.traffic.up) == 1
    assert page.traffic.up[0] < UP
    assert sum(page.traffic.down) < DOWN
    assert page.traffic.columns == {}  # the order of the pairs is as it was
    assert _counts(page) == _planned(workspace)
    head = History(workspace).head()
    order = browser_order(*_standing(workspace))
    step = round(100 * head.options.reduction)
    told = page.evaluate("() => told.at(-1)")
    assert told["removed_code"] == order.removed_code(head.options.reduction)
    assert told["benefit_threshold"] == pytest.approx(float(order.threshold[step]))
    assert told["cap"] == head.options.cap


def test_keys_move_a_slider_and_five_presses_are_one_message(page, workspace):
    page.locator("#plan-reduction").focus()
    page.get_by_text("Share of the training pairs to remove").wait_for(state="visible")
    page.traffic.forget()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    _version(page, 2)
    assert History(workspace).head().options.reduction == 0.32
    assert len(page.traffic.up) == 1
    assert page.locator("#plan-reduction").get_attribute("aria-valuetext") == "32 %, 2,720 of 4,000 pairs kept"
    assert _counts(page) == _planned(workspace)


def test_fairness_orders_anew_for_two_bytes_a_pair(page, workspace):
    page.traffic.forget()
    _drag(page, "fairness", 0.1, 0.6)
    assert page.traffic.up == []
    page.mouse.up()
    _version(page, 2)
    page.get_by_text("Ordering the pairs anew").wait_for(state="hidden")
    page.wait_for_function("() => performance.getEntriesByType('resource').filter(e => e.name.includes('/grid-')).length > 1")
    assert page.traffic.columns["turn"] == 2 * PAIRS
    assert sum(page.traffic.columns.values()) < 3 * PAIRS + 4 * len(RATIOS) * len(CAPS) * 3
    assert _counts(page) == _planned(workspace)


def test_steps_are_undone_and_made_again_by_key(page, workspace):
    before = _counts(page)
    page.locator("#plan-reduction").press("Shift+ArrowRight")
    _version(page, 2)
    after = _counts(page)
    assert before != after
    page.keyboard.press("z")  # while the slider has the focus
    _version(page, 1)
    assert (_counts(page), page.locator("#plan-reduction").input_value()) == (before, "0.2")
    page.keyboard.press("y")
    _version(page, 2)
    assert (_counts(page), page.locator("#plan-reduction").input_value()) == (after, "0.3")


def test_lassoed_pairs_are_pruned_and_the_step_is_undone(page, workspace):
    before = _counts(page)
    page.get_by_label("Select with a lasso").click()
    box = page.locator(MAP).bounding_box()
    corners = [(0.2, 0.25), (0.5, 0.2), (0.55, 0.6), (0.25, 0.65), (0.2, 0.25)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.traffic.forget()
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    page.get_by_text("inside the area drawn on the map").first.wait_for()
    settled(page)
    assert max(page.traffic.up) < 2048
    page.keyboard.press("p")
    _version(page, 2)
    [entry] = History(workspace).head().decisions["sets"]
    assert entry["decision"] == "prune"
    assert _counts(page) == _planned(workspace)
    page.keyboard.press("z")
    _version(page, 1)
    assert _counts(page) == before
    assert workspace.decisions() == {}


def test_triage_goes_by_keys_alone(page, workspace):
    page.keyboard.press("j")
    page.get_by_text("of the cluster").first.wait_for()
    settled(page)
    name = re.search("“(.*)”", page.get_by_text("of the cluster").first.inner_text())[1]
    page.keyboard.press("k")
    _version(page, 2)
    page.keyboard.press("j")
    # The last such sentence is that of the selection, for the version is called by its step.
    page.wait_for_function(
        "name => ![...document.querySelectorAll('p')].filter(p => p.innerText.includes('of the cluster')).at(-1)"
        ".innerText.includes(name)", arg=name,
    )
    page.keyboard.press("u")  # while the page is still being drawn
    _version(page, 3)
    assert sorted(History(workspace).head().decisions["clusters"].values()) == ["keep", "up-weight"]
    page.keyboard.press("x")
    _version(page, 4)
    assert list(History(workspace).head().decisions["clusters"].values()) == ["keep"]
    assert _counts(page) == _planned(workspace)


def test_address_opens_a_version_and_another_tab_is_told_of_steps(page, workspace, address):
    page.locator("#plan-reduction").press("Shift+ArrowRight")
    _version(page, 2)
    other = page.context.new_page()
    _open(other, address, workspace, "&version=1")
    other.get_by_text("not the newest").wait_for()
    assert other.locator("#plan-reduction").input_value() == "0.2"
    other.get_by_role("button", name="Go to the newest").click()
    _version(other, 2)
    page.locator("#plan-cap").press("ArrowRight")
    _version(page, 3)
    other.locator("#plan-floor").press("ArrowRight")
    _version(other, 4)
    head = History(workspace).head().options
    assert (head.reduction, head.cap, head.floor) == (0.3, 4.5, 0.01)  # a tab sends only what it has moved itself
    page.keyboard.press("j")
    page.get_by_text("Changed elsewhere meanwhile: Version 4").wait_for()
    other.close()


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_map_panel_and_table_are_in_sight_without_scrolling(browser, address, workspace, size, theme):
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    page = context.new_page()
    watch = visiting.Watch(page)
    _open(page, address, workspace)
    for place in (MAP, "#plan-floor", ".curve svg", "[data-testid=stDataFrame]", "button:has-text('Up-weight')"):
        box = page.locator(place).first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], place
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0], place
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    context.close()
    watch.check()
