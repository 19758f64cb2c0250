"""What the routes beside the page send: columns made once, thumbnails, words on a pair; and nothing that no page registered."""

from __future__ import annotations

import asyncio
import io
import json
import shutil

import numpy as np
import pytest
from fabricated import TRAIN, fabricate
from PIL import Image
from starlette.applications import Starlette

from influencespace.ui import served
from influencespace.ui.reading import training


def get(path: str) -> tuple[int, dict[str, str], bytes]:
    """What a server with the app's routes answers."""
    sent: list[dict] = []

    async def receive() -> dict:
        await asyncio.Event().wait()  # the browser stays; the responses here read no body

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80), "http_version": "1.1",
    }
    asyncio.run(Starlette(routes=served.routes())(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def pairs(tmp_path):
    return training(fabricate(tmp_path / "demo"))


def test_of_a_workspace_that_was_deleted_nothing_is_there_any_more_and_nothing_errs(pairs):
    column = served.column("gone-1", lambda: pairs.numbers("agreement"))
    photo, words = served.photo(pairs, 0), served.pair_url(pairs) + "0"
    shutil.rmtree(pairs.workspace.path)
    assert [get(address)[0] for address in (column, photo, words)] == [404, 404, 404]
    assert not pairs.workspace.path.exists()


def test_a_column_is_made_once_when_it_is_asked_for():
    made = []

    def make():
        made.append(1)
        return np.arange(5, dtype="<u2")

    address = served.column("abc-1", make)
    assert not made
    for _ in range(2):
        status, headers, body = get(address)
        assert status == 200
        np.testing.assert_array_equal(np.frombuffer(body, "<u2"), np.arange(5))
        assert "immutable" in headers["cache-control"]
    assert served.column("abc-1", lambda: 1 / 0) == address
    assert len(made) == 1


def test_what_no_page_has_registered_cannot_be_had(pairs):
    served.photo(pairs, 0)
    for path in ("/-/column/none", "/-/photo/none/0", f"/-/photo/{pairs.key}/100000", "/-/pair/none/0",
                 f"/-/pair/{pairs.key}/{TRAIN}", "/-/file/none", "/-/column/../secret"):
        assert get(path)[0] == 404, path


def test_addresses_are_answered_below_the_path_of_the_server(monkeypatch):
    monkeypatch.setattr(served.config, "get_option", {"server.baseUrlPath": "curation/"}.get)
    address = served.column("below", lambda: np.arange(3, dtype=np.uint8))
    assert address == "/curation/-/column/below"
    assert (get(address)[0], get(address)[2]) == (200, bytes([0, 1, 2]))
    assert get("/-/column/below")[0] == 404


def test_old_columns_make_room():
    first = served.column("first", lambda: np.zeros(1))
    for i in range(served.COLUMNS):
        served.column(f"later-{i}", lambda: np.zeros(1))
    assert get(first)[0] == 404


def test_a_thumbnail_is_small_and_of_any_split(pairs):
    for row in (0, TRAIN + 3):
        status, headers, body = get(served.photo(pairs, row))
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        with Image.open(io.BytesIO(body)) as image:
            assert max(image.size) <= 192


def test_a_photo_that_is_gone_is_404(pairs):
    path, _ = pairs.source(1)
    open(path, "wb").close()
    assert get(served.photo(pairs, 1))[0] == 404


def test_words_on_a_pair(pairs):
    status, _, body = get(served.pair_url(pairs) + "7")
    told = json.loads(body)
    assert status == 200
    assert told["caption"] == pairs.text("caption")[7].as_py()
    assert told["image"] == served.photo(pairs, 7)
    assert any("helps" in line or "harms" in line for line in told["lines"])


def test_a_file_is_sent_under_its_name(tmp_path):
    file = tmp_path / "subset.csv"
    file.write_bytes(b"id\n" + b"x\n" * 100_000)
    status, headers, body = get(served.file("some-file", file, "my subset.csv"))
    assert status == 200
    assert "my%20subset.csv" in headers["content-disposition"]
    assert body == file.read_bytes()
    file.unlink()
    assert get("/-/file/some-file")[0] == 404
