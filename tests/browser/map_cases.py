"""What tests of the map do on it: open its page, point at places, select, and look at pixels and messages."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import visiting
from PIL import Image
from visiting import MAP, settled

DRAWN = f"{MAP}[data-frames]"
FIT = 0.92


def visit(browser, address, scheme="light"):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(30_000)
    watch = visiting.Watch(page)
    page.goto(f"{address}/clusters")
    page.locator(DRAWN).wait_for()
    settled(page)
    return page, watch


def at(page, x, y):
    """Where a place of the map is on the screen, as long as all of it is in view."""
    box = page.locator(MAP).bounding_box()
    return box["x"] + box["width"] * (0.5 + FIT * (x - 0.5)), box["y"] + box["height"] * (0.5 - FIT * (y - 0.5))


def selected(page, count):
    """Wait until the page says how many pairs are selected."""
    page.get_by_text(re.compile(rf"^{count} pairs? inside the area")).wait_for()
    settled(page)


def outline(page):
    return page.locator(".outline path").get_attribute("d")


def sent(page):
    """From now on, the messages to the server: a function that gives their texts, and one that gives the polygons in them."""
    page.evaluate("""() => {
      const send = WebSocket.prototype.send
      window.sent = []
      WebSocket.prototype.send = function (data) {
        window.sent.push(new TextDecoder().decode(data))
        return send.call(this, data)
      }
    }""")

    def polygons():
        found = [re.search(r'"polygon":(\[\[[\d,\[\]]*\]\])', text) for text in texts()]
        return [json.loads(match.group(1)) for match in found if match]

    def texts():
        return page.evaluate("() => window.sent")

    return texts, polygons


def select_by_dragging(page, start, end):
    """A box with the tool for it."""
    page.locator(MAP).press("b")
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *end), steps=4)
    page.mouse.up()


def coloured(page, around) -> int:
    """How many pixels have a colour about some places (k, 2) of the whole map, the names being out of the way."""
    page.mouse.move(5, 5)
    with Image.open(io.BytesIO(page.locator(MAP).screenshot(style=".over { display: none }"))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    height, width = pixels.shape[:2]
    left, top = (width * (0.5 + FIT * (around[:, 0] - 0.5)), height * (0.5 - FIT * (around[:, 1] - 0.5)))
    own = pixels[top.astype(int), left.astype(int)]
    return int((own.max(1) - own.min(1) > 60).sum())
