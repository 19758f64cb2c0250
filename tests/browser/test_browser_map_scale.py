"""The map of 100,000 and of 1,000,000 drawn pairs: bytes and counts are asserted, times are printed."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest
import visiting
from drawn import draw_workspace
from visiting import DRAG, MAP, Traffic, served, settled

from influencespace.ui import lasso
from influencespace.workspace import Workspace

pytestmark = visiting.IN_A_BROWSER
FIT = 0.92
CLUSTERS = 1000
SIZES = {"100k": 100_000, "1m": 1_000_000}
@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("workspaces")


@pytest.fixture(scope="module")
def address(folder):
    with served(folder, folder / "server.log") as at:
        yield at


@pytest.fixture(params=["100k", pytest.param("1m", marks=pytest.mark.slow)])
def opened(request, browser, folder, address):
    """The page Clusters of a workspace, as it comes up, with what has passed until then."""
    if not (folder / request.param).exists():
        draw_workspace(folder / request.param, SIZES[request.param], CLUSTERS)
    # A first visit by somebody else: what a server does once is not what a page costs.
    page = browser.new_page()
    page.goto(f"{address}/clusters?workspace={request.param}")
    page.locator(f"{MAP}[data-frames]").wait_for(timeout=60_000)
    page.close()
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page, traffic = context.new_page(), Traffic()
    page.set_default_timeout(60_000)
    watch = visiting.Watch(page)
    traffic.watch(page)
    began = time.monotonic()
    page.goto(f"{address}/clusters?workspace={request.param}")
    page.locator(f"{MAP}[data-frames]").wait_for()
    print(f"\n{request.param}: first map after {time.monotonic() - began:.1f} s")
    settled(page)
    yield request.param, page, traffic
    context.close()
    watch.check()


def still(page) -> None:
    """Wait until the script has run and nothing is on its way."""
    settled(page)
    page.wait_for_load_state("networkidle")


def test_bytes_of_the_first_map_and_of_further_colourings(opened):
    name, page, traffic = opened
    still(page)
    first = sum(traffic.columns.values())
    print(f"{name}: {first / SIZES[name]:.2f} bytes a pair in {len(traffic.columns)} columns, {traffic.down:,} by the socket")
    assert first + traffic.down <= 12 * SIZES[name]
    for by in ("Cluster", "Disposition", "Influence", "Fit", "Group", "Damage", "Topic", "Influence"):
        traffic.reset()
        began = time.monotonic()
        frames = page.locator(MAP).get_attribute("data-frames")
        page.get_by_role("radio", name=by, exact=True).click()
        page.wait_for_function(
            "([canvas, frames]) => canvas.dataset.frames !== frames", arg=[page.locator(MAP).element_handle(), frames]
        )
        took = time.monotonic() - began
        still(page)
        *of_clusters, column = sorted([0, *traffic.columns.values()])
        print(f"{name}: {by}: {column / SIZES[name]:.2f} bytes a pair, {took:.2f} s")
        assert column <= 2 * SIZES[name]
        assert sum(of_clusters) <= 4 * CLUSTERS


def test_every_frame_of_a_drag_is_drawn_and_nothing_is_sent(opened):
    name, page, traffic = opened
    page.get_by_role("radio", name="Disposition", exact=True).click()
    still(page)
    canvas = page.locator(MAP).element_handle()
    page.evaluate(DRAG, canvas)
    traffic.reset()
    drawn = page.evaluate(DRAG, canvas)
    print(f"{name}: {drawn['median']:.0f} ms a frame, at most {drawn['slowest']:.0f} ms")
    assert drawn["frames"] >= 60
    assert (traffic.columns, traffic.up) == ({}, [])


def test_pointing_stays_fluent(opened):
    name, page, _ = opened
    box = page.locator(MAP).bounding_box()
    times = []
    for step in range(30):
        began = time.monotonic()
        page.mouse.move(box["x"] + 100 + 12 * step, box["y"] + 100 + 9 * step)
        times.append(time.monotonic() - began)
    page.locator(".tip .caption").filter(has_text="in the").wait_for()
    print(f"{name}: {1000 * np.median(times):.0f} ms from one place to the next, at most {1000 * max(times):.0f} ms")


def test_a_lasso_over_a_third_is_small_and_exact(opened, folder):
    name, page, traffic = opened
    box = page.locator(MAP).bounding_box()
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    radius = 0.22 * np.array([box["width"], box["height"]])
    path = [middle + radius * (1 + 0.05 * np.sin(9 * a)) * [np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 200)]
    page.locator(MAP).press("l")
    page.mouse.move(*path[0])
    page.mouse.down()
    for place in path:
        page.mouse.move(*place)
    still(page)
    traffic.reset()
    began = time.monotonic()
    page.mouse.up()
    sentence = page.get_by_text(re.compile(r"^[\d,]+ pairs inside the area"))
    sentence.wait_for()
    took = time.monotonic() - began
    still(page)
    sent = [text if isinstance(text, str) else text.decode("utf-8", "replace") for text in traffic.up]
    # The message with the polygon; what else the page sends (a run that waits for it) has none.
    [message] = [text for text in sent if "polygon" in text]
    corners = json.loads(re.search(r'"polygon":(\[\[[\d,\[\]]*\]\])', message).group(1))
    members = page_places(folder / name)
    expected = int(lasso.inside(*members, corners).sum())
    print(f"{name}: {expected:,} pairs by {len(corners)} corners, {len(message.encode())} bytes, said after {took:.2f} s")
    assert len(message.encode()) < 2048
    assert sentence.inner_text().startswith(f"{expected:,} pairs")
    assert 0.2 < expected / SIZES[name] < 0.45


def page_places(path) -> tuple[np.ndarray, np.ndarray]:
    """Where the pairs of a workspace lie, in the whole numbers of the map."""
    members = Workspace(path).artifact("clusters").table("members")
    return lasso.fixed(members["x"].to_numpy()), lasso.fixed(members["y"].to_numpy())
