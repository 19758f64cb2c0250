"""What tests of pages ask of a page."""

from __future__ import annotations

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
