"""What tests of pages ask of a page."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def fine(page: AppTest) -> AppTest:
    """The page, which shows no error."""
    assert not page.exception
    assert not page.error, page.error[0].value
    return page


def words(page: AppTest) -> str:
    """The sentences that stand on the page."""
    kinds = ("markdown", "caption", "info", "warning")
    return " ".join(str(element.value) for kind in kinds for element in page.get(kind))


def sent_to(page: AppTest, key: str) -> dict:
    """What an element of the project's own was sent, by its key on the page."""
    return next(
        json.loads(element.proto.json) for element in page.get("bidi_component") if element.proto.id.endswith(f"-{key}")
    )
