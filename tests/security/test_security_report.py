"""The HTML report takes no element, attribute or address from data, and asks for nothing outside itself."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

import hostile
import pytest
from fabricated import fabricate

from influencespace.ui import report

VOID = {"meta", "br", "img", "circle", "line", "rect", "path"}


class Elements(HTMLParser):
    """Counts elements with the names of their attributes, and keeps addresses and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.counted, self.addresses, self.text = Counter(), set(), []

    def handle_starttag(self, tag, attrs):
        self.counted[tag, tuple(name for name, _ in attrs)] += 1
        self.addresses |= {value.partition(",")[0] for name, value in attrs if name in ("src", "href", "xlink:href", "action")}

    def handle_data(self, data):
        self.text.append(data)


def parsed(html: str) -> Elements:
    found = Elements()
    found.feed(html)
    found.close()
    return found


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The report of the fabricated workspace with plain and with hostile words."""
    folder = tmp_path_factory.mktemp("reports")
    return [parsed(report.html(workspace)) for workspace in (fabricate(folder / "plain"), hostile.plant(folder))]


def test_hostile_words_make_no_other_elements_and_attributes_than_plain_ones(reports):
    plain, bad = (found.counted for found in reports)
    assert set(bad) == set(plain)
    assert not {tag for tag, _ in bad} & {"script", "a", "iframe", "object", "embed", "link", "form", "base"}
    assert not {name for _, names in bad for name in names if name.startswith("on")}


def test_the_words_are_there_as_they_are(reports):
    assert hostile.SCRIPT in "".join(reports[1].text)


def test_the_report_fetches_nothing(reports):
    assert reports[1].addresses == {"data:image/jpeg;base64"}
