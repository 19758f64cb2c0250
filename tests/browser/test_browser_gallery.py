"""The gallery, the search and the list of clusters as a curator uses them, by mouse and by keyboard alone."""

from __future__ import annotations

import csv
import time

import numpy as np
import pytest
import visiting
from drawn import draw_workspace
from fabricated import TOPICS, TRAIN, fabricate
from visiting import go_to, served, settled

from influencespace.workspace import Workspace

pytestmark = visiting.IN_A_BROWSER
PAIRS = 30_000
SEARCH, CARDS, ROWS = "Search the pairs", ".gallery .card", "table tbody tr"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspaces")
    fabricate(folder / "small")
    draw_workspace(folder / "large", PAIRS, 100)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with served(folder, folder / "server.log") as at:
        yield at


@pytest.fixture
def visit(browser, address):
    """Opens the clusters page on a workspace; nothing may leave the machine or err."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    watch = visiting.Watch(page)

    def open_page(workspace: str):
        page.goto(f"{address}/clusters?workspace={workspace}")
        page.locator(CARDS).first.wait_for()
        settled(page)
        return page

    yield open_page
    context.close()
    watch.check()


def _says(page, sentence: str) -> None:
    page.locator("strong").get_by_text(sentence).wait_for()
    settled(page)


def _focused(page) -> str:
    """The index of the pair whose card has the focus."""
    return page.evaluate("""() => {
        let node = document.activeElement
        while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
        return node?.dataset?.pair ?? ""
    }""")


def test_keys_walk_through_the_cards_and_open_a_pair(visit):
    page = visit("small")
    cards = page.locator(CARDS)
    order = [cards.nth(i).get_attribute("data-pair") for i in range(TRAIN)]
    tops = [round(cards.nth(i).bounding_box()["y"]) for i in range(8)]
    columns = sum(top == tops[0] for top in tops)
    cards.first.focus()
    seen = [_focused(page)]
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp", "End", "ArrowRight", "Home"):
        page.keyboard.press(key)
        seen.append(_focused(page))
    assert seen == [order[i] for i in (0, 1, 1 + columns, columns, 0, 0, TRAIN - 1, TRAIN - 1, 0)]

    page.keyboard.press("Enter")
    view = page.get_by_role("dialog")
    view.get_by_text(f"pair-{order[0]}", exact=True).wait_for()
    for known in ("Influence on gender: woman", "Near-duplicates", "In the plan", TOPICS[0]):
        assert view.get_by_text(known).first.is_visible()
    view.get_by_role("button", name="Near-duplicates (2)").click()
    _says(page, f"3 pairs that repeat each other: pair-{order[0]} and its near-duplicates")
    assert {cards.nth(i).get_attribute("data-pair") for i in range(cards.count())} == {"0", "3", "6"}
    page.get_by_role("button", name="Back", exact=True).click()
    _says(page, f"All {TRAIN} pairs")


def test_every_photo_is_there_and_captions_are_text(visit):
    page = visit("small")
    page.wait_for_function("""() => {
        const found = [...document.querySelectorAll("*")].map(node => node.shadowRoot?.querySelector(".gallery")).find(Boolean)
        const near = [...found.querySelectorAll("img")].slice(0, 12)
        return near.every(image => image.complete && image.naturalWidth > 0)
    }""")
    assert page.locator(f"{CARDS} img").count() == TRAIN
    assert "<b>" in page.locator(f"{CARDS} figcaption").first.inner_text()
    assert page.locator(f"{CARDS} b").count() == 0
    assert all(page.locator(f"{CARDS} img").nth(i).get_attribute("alt") for i in range(12))


def test_search_selects_greys_and_says_why_nothing_was_found(visit):
    page = visit("small")
    page.get_by_placeholder(SEARCH).fill("man dog")
    page.keyboard.press("Enter")
    _says(page, "10 pairs whose captions have the words “man dog”")
    assert page.locator(CARDS).count() == 10
    page.get_by_placeholder(SEARCH).fill("umber")
    page.keyboard.press("Enter")
    page.get_by_text("No caption has all the words “umber”").wait_for()
    page.get_by_role("radio", name="Text", exact=True).or_(page.get_by_role("button", name="Text", exact=True)).first.click()
    _says(page, f"{TRAIN} pairs whose captions have the text “umber”")


def test_list_is_sorted_chosen_and_stepped_through_by_key(visit):
    page = visit("small")
    rows = page.locator(ROWS)
    assert [rows.nth(i).locator(".title").inner_text() for i in range(3)] == TOPICS
    page.get_by_role("button", name="Name").click()
    page.locator("th[aria-sort=ascending]").wait_for()
    assert [rows.nth(i).locator(".title").inner_text() for i in range(3)] == sorted(TOPICS)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    _says(page, f"20 pairs of the topic “{sorted(TOPICS)[1]}”")
    assert rows.nth(1).get_attribute("class") == "chosen"
    page.keyboard.press("j")
    _says(page, f"20 pairs of the topic “{sorted(TOPICS)[2]}”")


def test_names_of_a_selection_are_saved(visit, tmp_path):
    page = visit("small")
    page.locator(ROWS).nth(1).click()
    _says(page, f"20 pairs of the topic “{TOPICS[1]}”")
    page.get_by_role("tab", name="In figures").click()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save the 20 names as CSV").click()
    saving.value.save_as(tmp_path / "names.csv")
    with (tmp_path / "names.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [f"pair-{i}" for i in range(1, TRAIN, 3)]


def test_box_on_the_map_selects_to_the_pair_and_costs_little(visit, folder):
    page = visit("large")
    traffic = {"sent": 0, "received": 0}
    # The socket is open already; what it carries is counted where the browser hands it over.
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    for event, name in (("Network.webSocketFrameSent", "sent"), ("Network.webSocketFrameReceived", "received")):
        client.on(event, lambda frame, name=name: traffic.update({name: traffic[name] + len(frame["response"]["payloadData"])}))
    page.get_by_role("button", name="box").or_(page.locator("[data-tool=box]")).first.click()
    box = page.locator("canvas[role=img]").bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"], steps=8)
    began = time.perf_counter()
    page.mouse.up()
    _says(page, "pairs inside the area drawn on the map")
    print(f"selection and its photos after {time.perf_counter() - began:.2f} s; {traffic}")
    count = int(page.locator("strong").first.inner_text().split()[0].replace(",", ""))
    assert traffic["sent"] < 2_048
    assert traffic["received"] < 150_000
    assert page.locator(CARDS).count() == 60
    members = Workspace(folder / "large").artifact("clusters").table("members")
    assert 0 < count < len(members)
    shown = {int(page.locator(CARDS).nth(i).get_attribute("data-pair")) for i in range(60)}
    spread = np.ptp(members.iloc[sorted(shown)][["x", "y"]].to_numpy(), axis=0)
    assert (spread < 0.7).all()  # what is shown lies where the box was drawn, not all over the map


def test_page_of_sixty_photos_comes_when_one_turns_to_it(visit):
    page = visit("large")
    first = page.locator(CARDS).first.get_attribute("data-pair")
    began = time.perf_counter()
    page.get_by_role("button", name="Page 2").or_(page.get_by_role("button", name="2", exact=True)).first.click()
    page.locator(f'{CARDS}[data-pair="{first}"]').wait_for(state="detached")
    page.wait_for_function("""() => {
        const found = [...document.querySelectorAll("*")].map(node => node.shadowRoot?.querySelector(".gallery")).find(Boolean)
        const images = [...found.querySelectorAll("img")]
        return images.length === 60 && images.slice(0, 8).every(image => image.complete && image.naturalWidth > 0)
    }""")
    print(f"a page of sixty photos after {time.perf_counter() - began:.2f} s")


def test_page_survives_going_away_and_coming_back(visit):
    page = visit("small")
    page.locator(ROWS).nth(2).click()
    _says(page, f"20 pairs of the topic “{TOPICS[2]}”")
    go_to(page, "Data")
    page.get_by_text("Words in a caption").wait_for()
    page.get_by_text("Commonest words").first.wait_for()
    page.get_by_role("link", name="Clusters", exact=True).click()
    _says(page, f"20 pairs of the topic “{TOPICS[2]}”")
