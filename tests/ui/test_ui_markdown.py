"""What others have named is shown as it is: a picture in a name would be fetched, and two prices would be a formula."""

from __future__ import annotations

import fabricated
import pytest
from fabricated import fabricate
from page_cases import words

from influencespace.curation.history import History
from influencespace.ui.markdown import escaped
from influencespace.ui.selection import Choice

PICTURE = "![seen](https://elsewhere/seen.png)"


@pytest.mark.parametrize(("text", "shown"), [
    ("dog, frisbee: (2)", "dog, frisbee: (2)"), (PICTURE, "!\\[seen\\](https:\u2060//elsewhere/seen.png)"),
    (":material/delete: :bomb: 12:30", ":\u2060material/delete: :\u2060bomb: 12:30"),
    ("www.a.org, b@c.org", "www\u2060.a.org, b@\u2060c.org"),
    ("a\u202eb\u2066c\x07d\x85e", "a\ufffdb\ufffdc\ufffdd e"), ("<b onclick=x>", r"\<b onclick=x\>"),
    ("$5 to $9, *new*", r"\$5 to \$9, \*new\*"), ("two\n\nlines", "two lines"), (r"a\b_c_", r"a\\b\_c\_"),
])
def test_a_text_is_shown_as_it_is(text, shown):
    assert escaped(text) == shown


@pytest.mark.parametrize("page", ["clusters", "influence", "curate", "train", "export"])
def test_no_page_fetches_a_picture_that_a_name_holds(app, tmp_path, monkeypatch, page):
    monkeypatch.setattr(fabricated, "TOPICS", [PICTURE] * 3)
    workspace = fabricate(tmp_path / PICTURE.replace("/", ""))
    history = History(workspace)
    history.name(history.head().id, PICTURE)
    opened = app(page)
    opened.session_state["selection"] = {"workspace": str(workspace.path), "choices": [Choice("topic", "0")]}
    opened.query_params["version"] = PICTURE
    opened.run()
    assert not opened.exception
    assert PICTURE not in words(opened)
    assert not [error.value for error in opened.error if "![" in error.value]
