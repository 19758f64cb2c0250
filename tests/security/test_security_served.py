"""The app as it is served: no route of it, whoever added it, answers without the login; a path in an address reaches no file."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import sys
import tomllib

import pytest
import visiting
from fabricated import fabricate
from provider import COOKIE_SECRET, write_secrets
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

LIST_ROUTES = """
import json, app
def listed(route):
    return [getattr(route, "path", None), sorted(getattr(route, "methods", None) or []), type(route).__name__]
print("ROUTES", json.dumps([listed(route) for route in app.app._build_starlette_app().routes]))
"""
# What must be there to log in; PUBLIC in gate.py says the same as an expression.
BEFORE_LOGIN = {
    "/_stcore/health", "/_stcore/host-config", "/_stcore/stream", "/auth/login", "/auth/logout", "/oauth2callback",
    "",  # the page itself and the files of Streamlit that it is made of
}
SECRET = "no one but the curator should read this"


def ask(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What the server answers; the path goes out as it is, however odd."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection._validate_path = lambda url: None  # null bytes and the like are what is tested
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    fabricate(folder / "workspaces" / "demo", upto="clusters")
    (folder / "workspaces" / "secret.txt").write_text(SECRET)
    write_secrets(folder / "secrets.toml", "http://127.0.0.1:{port}")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    options = {"STREAMLIT_SECRETS_FILES": str(folder / "secrets.toml"), "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}
    with pytest.MonkeyPatch.context() as environment, contextlib.ExitStack() as stack:
        for name, value in options.items():
            environment.setenv(name, value)
        started = stack.enter_context(visiting.served(folder / "workspaces", folder / "server.log"))
        environment.undo()
        yield started


@pytest.fixture(scope="module")
def cookie(address):
    user = json.dumps({"origin": address, "is_logged_in": True})
    return f"_streamlit_user={create_signed_value(COOKIE_SECRET, '_streamlit_user', user).decode()}"


@pytest.fixture(scope="module")
def routes():
    listed = subprocess.run([sys.executable, "-c", LIST_ROUTES], cwd=visiting.ROOT, capture_output=True, text=True, check=True)
    return json.loads(next(line for line in listed.stdout.splitlines() if line.startswith("ROUTES")).removeprefix("ROUTES"))


def test_every_route_asks_for_the_login_of_the_pages(address, cookie, routes):
    assert {path for path, _, _ in routes} >= {"/-/photo/{key}/{row:int}", "/-/file/{digest}", "/media/{file_id:path}"}
    for template, methods, kind in routes:
        if template in BEFORE_LOGIN:
            continue
        assert kind == "Route", (template, kind)
        path = re.sub(r"\{\w+:int\}", "0", template)
        path = re.sub(r"\{\w+(:path)?\}", "x", path)
        for method in methods:
            status, headers, body = ask(address, path, method)
            assert (status, body) == (401, b"" if method == "HEAD" else b"Log in first."), (method, path)
            assert headers["cache-control"] == "no-store"
            assert ask(address, path, method, Cookie=cookie)[0] != 401, (method, path)


def test_what_is_there_before_the_login_tells_nothing(address, routes):
    for path in ("/", "/clusters", "/data", "/auth/login", "/_stcore/health"):
        status, _, body = ask(address, path)
        assert status in (200, 302, 307), path
        assert b"demo" not in body.lower().replace(b"demoting", b""), path


ODD = [
    "/-/file/../../../../etc/passwd", "/-/file/..%2f..%2f..%2fetc%2fpasswd", "/-/file/%2fetc%2fpasswd", "/-/file//etc/passwd",
    "/-/file/%00", "/-/file/secret.txt", "/-/photo/../0", "/-/photo/%2e%2e/0", "/-/photo/x/-1", "/-/photo/x/1e9",
    "/-/photo/x/%E0%A5%A7",
    "/-/column/%c0%ae%c0%ae%c0%af", "/-/column/..\\..\\secret.txt", "/-/pair/x/99999999999999999999999",
    "/media/../../secret.txt",
    "/media/%2e%2e%2fsecret.txt", "/static/../../../secret.txt", "/static/%2e%2e/%2e%2e/secret.txt", "/component/../secret.txt",
    "/_stcore/bidi-components/../../secret.txt", "/../secret.txt", "/..%2fsecret.txt", "/secret.txt", "/-/file/" + "a" * 5000,
    "/-/file/%E2%80%AEsecret",
]


@pytest.mark.parametrize("path", ODD)
def test_a_path_in_an_address_reaches_no_file(address, cookie, path):
    status, _, body = ask(address, path, Cookie=cookie)
    assert status < 500, body
    assert SECRET.encode() not in body and b"root:" not in body
    if path.startswith(("/-/", "/media/")):
        assert status in (400, 404)


def test_the_server_refuses_other_names_and_other_sites(address, cookie):
    socket = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        assert ask(address, "/-/file/x", Cookie=cookie, **headers)[0] == 403
        assert ask(address, "/_stcore/stream", Cookie=cookie, **socket, **headers)[0] == 403


def test_an_app_that_all_can_reach_says_so_where_it_was_started(folder, address, monkeypatch):
    log = folder / "open.log"
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    with visiting.served(folder / "workspaces", log):
        pass
    assert "Open to anyone who can reach this address" in log.read_text()
    assert "Open to anyone" not in (folder / "server.log").read_text()


def test_the_app_listens_to_this_machine_alone_unless_told_otherwise():
    config = tomllib.loads((visiting.ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert not {"enableCORS", "enableXsrfProtection", "corsAllowedOrigins", "enableStaticServing"} & set(config["server"])
