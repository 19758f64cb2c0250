"""The map as a browser draws it on a small workspace: pointing, clicking, selecting, keys, and what happens when things fail."""

from __future__ import annotations

import re

import numpy as np
import pytest
import visiting
from fabricated import TOPICS, TRAIN
from map_cases import DRAWN, FIT, at, coloured, outline, select_by_dragging, selected, sent, visit
from visiting import CHROMIUM, MAP, colours_on, go_to, settled

from influencespace.ui import lasso

pytestmark = visiting.IN_A_BROWSER


@pytest.fixture(params=["light", "dark"])
def either(request, browser, address):
    page, watch = visit(browser, address, request.param)
    yield page
    page.context.close()
    watch.check()


@pytest.fixture
def page(browser, address):
    page, watch = visit(browser, address)
    yield page
    page.context.close()
    watch.check()


@pytest.fixture(scope="module")
def places(workspace):
    """(n, 2) where the pairs lie, 0 to 1."""
    return workspace.artifact("clusters").table("members")[["x", "y"]].to_numpy(dtype=float)


def test_map_is_drawn_in_both_themes_and_a_click_shows_the_topic(either, places):
    page = either
    assert page.locator(".over span").filter(has_text=TOPICS[0]).count() == 1
    assert colours_on(page, MAP) > 20
    pair = int(np.argmax(places.sum(1)))
    assert pair % 3 == 2
    page.mouse.move(*at(page, *places[pair]))
    page.locator(".tip .cluster").get_by_text(TOPICS[2]).wait_for()
    page.mouse.click(*at(page, *places[pair]))
    page.get_by_text(re.compile(f"20 pairs of the topic “{TOPICS[2]}”")).wait_for()
    page.locator(".ring").wait_for(state="visible")
    settled(page)


def test_pointing_at_a_pair_shows_its_photo_and_its_caption_as_text(page, places):
    pair = int(np.argmin(places.sum(1)))
    page.mouse.move(*at(page, *places[pair]))
    page.locator(".tip .caption").get_by_text(f"<b>{TOPICS[pair % 3].split(',')[0]}</b> number {pair}").wait_for()
    assert page.locator(".tip b").count() == 0
    page.wait_for_function(
        "tip => tip.querySelector('img').naturalWidth > 0", arg=page.locator(".tip").element_handle()
    )
    page.mouse.move(*at(page, 0.98, 0.02))
    page.locator(".tip").wait_for(state="hidden")


def test_map_can_be_looked_around_by_keyboard(page):
    place = page.locator(".over span").filter(has_text=TOPICS[1])
    moved = [place.element_handle(), place.get_attribute("style")]
    page.locator(MAP).press("+")
    page.locator(MAP).press("ArrowLeft")
    page.wait_for_function("([node, style]) => node.getAttribute('style') !== style", arg=moved)
    page.locator(MAP).press("0")
    page.wait_for_function("([node, style]) => node.getAttribute('style') === style", arg=moved)


def test_pairs_are_found_and_opened_without_a_mouse(page, places):
    """What the keys bring to the middle is told of, and Enter opens it."""
    steps = np.stack(np.meshgrid(np.arange(-4, 5), np.arange(-4, 5)), axis=-1).reshape(-1, 2)
    distance = np.hypot(*(places[None] - (0.5 + 0.1 * steps / FIT)[:, None]).transpose(2, 0, 1))
    best, pair = np.unravel_index(distance.argmin(), distance.shape)
    canvas = page.locator(MAP)
    for keys, count in zip((("ArrowLeft", "ArrowRight"), ("ArrowDown", "ArrowUp")), steps[best], strict=True):
        for _ in range(abs(count)):
            canvas.press(keys[int(count > 0)])
    page.locator(".tip .caption").filter(has_text=f"number {pair}").wait_for()
    canvas.press("Enter")
    page.get_by_text(re.compile(f"20 pairs of the topic “{TOPICS[pair % 3]}”")).wait_for()
    settled(page)


def test_dragging_moves_the_map_and_sends_nothing(page):
    texts, _ = sent(page)
    place = page.locator(".over span").filter(has_text=TOPICS[1])
    before = place.bounding_box()
    page.mouse.move(*at(page, 0.9, 0.1))
    page.mouse.down()
    page.mouse.move(*at(page, 0.8, 0.2), steps=5)
    page.mouse.up()
    page.wait_for_function(
        "([node, left]) => node.getBoundingClientRect().left < left - 20", arg=[place.element_handle(), before["x"]]
    )
    assert texts() == []


def test_box_with_shift_selects_exactly_and_escape_clears(page, places):
    _, polygons = sent(page)
    page.mouse.move(*at(page, 0.4, 0.4))
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(*at(page, 0.99, 0.99), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function("() => window.sent.length")
    [polygon] = polygons()
    assert len(polygon) == 4
    inside = lasso.inside(*lasso.fixed(places).T, polygon)
    near = ((places > 0.4) & (places < 0.99)).all(1)
    assert (inside != near).sum() <= 1  # a pixel of the screen is wider than a unit of the map
    selected(page, inside.sum())
    assert outline(page).startswith("M")
    page.locator(MAP).press("Escape")
    page.get_by_text(f"All {TRAIN} pairs", exact=True).wait_for()
    settled(page)
    page.locator('.outline path[d=""]').wait_for(state="attached")  # the browser draws what it was sent a moment later


def test_lasso_by_its_key_sends_the_polygon_that_is_shown(page, places):
    texts, polygons = sent(page)
    page.locator(MAP).press("l")
    assert page.locator("button.lasso").get_attribute("aria-pressed") == "true"
    angle = np.linspace(0, 2 * np.pi, 150)
    page.mouse.move(*at(page, 0.5 + 0.2, 0.5))
    page.mouse.down()
    for a in angle:
        page.mouse.move(*at(page, 0.5 + 0.2 * np.cos(a), 0.5 + 0.2 * np.sin(a)))
    page.mouse.up()
    page.wait_for_function("() => window.sent.length")
    [polygon] = polygons()
    assert 8 < len(polygon) <= 60
    assert max(map(len, texts())) < 2000
    inside = lasso.inside(*lasso.fixed(places).T, polygon)
    assert (np.hypot(*(places[inside] - 0.5).T) < 0.21).all()
    selected(page, inside.sum())
    drawn = [tuple(map(float, corner.split(","))) for corner in outline(page)[1:-1].split("L")]
    size = page.locator(MAP).bounding_box()
    expected = [
        (size["width"] * (0.5 + FIT * (x / 65535 - 0.5)), size["height"] * (0.5 - FIT * (y / 65535 - 0.5))) for x, y in polygon
    ]
    np.testing.assert_allclose(drawn, expected, atol=0.5)


def test_what_is_in_view_is_selected_by_a_key(page):
    page.locator(MAP).press("v")
    selected(page, TRAIN)
    page.locator("button.none").click()
    page.get_by_text(f"All {TRAIN} pairs", exact=True).wait_for()


def test_an_empty_selection_says_why(page):
    select_by_dragging(page, (0.9, 0.03), (0.99, 0.1))
    page.get_by_text("No point lies in the area").wait_for()


def test_escape_gives_up_what_is_being_drawn(page):
    _, polygons = sent(page)
    page.locator(MAP).press("b")
    page.mouse.move(*at(page, 0.1, 0.1))
    page.mouse.down()
    page.mouse.move(*at(page, 0.6, 0.6), steps=3)
    page.wait_for_function("path => path.getAttribute('d')", arg=page.locator(".outline path").element_handle())
    page.keyboard.press("Escape")
    page.wait_for_function("path => !path.getAttribute('d')", arg=page.locator(".outline path").element_handle())
    page.mouse.up()
    assert polygons() == []


def test_what_is_not_selected_stays_in_grey_and_the_view_as_it_was(page, places):
    topic = [places[np.arange(TRAIN) % 3 == t] for t in range(3)]
    assert all(coloured(page, own) == len(own) for own in topic)
    select_by_dragging(page, (0.02, 0.02), (0.38, 0.38))
    page.get_by_text(re.compile("pairs inside the area")).first.wait_for()
    settled(page)
    page.wait_for_load_state("networkidle")
    assert coloured(page, topic[0]) >= 18
    assert coloured(page, topic[2]) == 0


def test_columns_that_the_server_does_not_know_are_asked_for_again_after_a_run_of_the_page(browser, address):
    """As after a start of the server: it is told by the run which columns the page shows."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    asked = []

    def forgetful(route):
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=404)
        else:
            route.continue_()

    page.route("**/-/column/*-points", forgetful)
    page.goto(f"{address}/clusters")
    texts, _ = sent(page)
    page.locator(DRAWN).wait_for(timeout=30_000)
    settled(page)
    assert len(set(asked)) == 1
    assert len(asked) == 2
    assert any("missing" in text for text in texts())
    page.context.close()


def test_a_lost_context_is_drawn_again(page):
    page.evaluate("""() => {
      const find = root => root.querySelector('canvas[role=img]') ??
        [...root.querySelectorAll('*')].map(node => node.shadowRoot && find(node.shadowRoot)).find(Boolean)
      const canvas = find(document)
      const loss = canvas.getContext('webgl2').getExtension('WEBGL_lose_context')
      window.restored = new Promise(done => canvas.addEventListener('webglcontextrestored', () => requestAnimationFrame(() =>
        requestAnimationFrame(done))))
      canvas.addEventListener('webglcontextlost', () => setTimeout(() => loss.restoreContext(), 50))
      loss.loseContext()
    }""")
    page.evaluate("() => window.restored")
    assert colours_on(page, MAP) > 20


def test_without_webgl_there_is_a_density_and_a_sentence(browser, address):
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=[*visiting.FLAGS, "--disable-3d-apis"])
    page = other.new_page(viewport={"width": 1280, "height": 720})
    watch = visiting.Watch(page)
    page.goto(f"{address}/clusters")
    page.get_by_text("This browser cannot draw single points").wait_for(timeout=30_000)
    page.locator(".js-plotly-plot").first.wait_for(timeout=30_000)
    settled(page)
    other.close()
    watch.check()


def test_a_page_can_be_opened_by_its_address_and_keeps_the_workspace(page, address):
    page.goto(f"{address}/influence?workspace=small")
    page.get_by_role("link", name="Influence", exact=True).wait_for()
    settled(page)
    go_to(page, "Data")
    page.get_by_text("Pairs for training").first.wait_for()
