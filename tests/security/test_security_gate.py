"""The gate: who is answered, by the name asked for, the page that asks, and the login; and what a browser may do with it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provider import COOKIE_SECRET, write_secrets
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from influencespace.ui import login
from influencespace.ui.gate import Gate

APP = "http://curation.example.org"
OPTIONS = {
    "server.address": "127.0.0.1", "server.allowedHosts": [], "server.baseUrlPath": "", "browser.serverAddress": "localhost",
    "server.corsAllowedOrigins": [], "secrets.files": [],
}
LOGGED_IN = f'{{"origin": "{APP}", "is_logged_in": true, "email": "a@example.org"}}'


async def _behind(scope, receive, send):
    """Stands for Streamlit and the routes: answers everything."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a photo"})


def ask(path: str = "/-/photo/key/0", kind: str = "http", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status (403 for a refused socket), headers and body; header names are given with underscores."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    given_headers = {"host": "127.0.0.1:8501", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind, "method": "GET", "path": path, "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given_headers.items()],
    }
    asyncio.run(Gate(_behind)(scope, None, send))
    if kind == "websocket":
        return (101 if sent[0]["type"] == "websocket.accept" else 403), {}, b""
    got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], got, b"".join(message.get("body", b"") for message in sent[1:])


def cookie(value: str = LOGGED_IN, secret: str = COOKIE_SECRET, name: str = "_streamlit_user") -> str:
    return f"_streamlit_user={create_signed_value(secret, name, value).decode()}"


@pytest.fixture
def options(monkeypatch):
    """Streamlit's options, as they are where nobody has said anything; a test may change them."""
    given_options = dict(OPTIONS)
    get = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: given_options[name] if name in given_options else get(name))
    secrets_singleton._reset()
    yield given_options
    secrets_singleton._reset()


@pytest.fixture
def with_login(options, tmp_path):
    options["secrets.files"] = [str(write_secrets(tmp_path / "secrets.toml", APP))]
    options["server.address"] = "0.0.0.0"
    return options


@pytest.mark.parametrize("host", [
    "127.0.0.1:8501", "localhost:8501", "[::1]:8501", "127.9.9.9", "app.localhost", "192.168.1.5:8501",
])
def test_the_apps_own_names_and_plain_addresses_are_answered(options, host):
    assert ask(host=host)[::2] == (200, b"a photo")


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil.example", "xlocalhost", "",
    "@127.0.0.1@evil.example", "127.0.0.1@localhost", "[::1", "127.0.0.1:8501, evil.example", "evil.example/127.0.0.1",
    "2130706433x",
])
def test_a_name_that_a_web_site_gave_this_machine_is_refused(options, host):
    for kind, path in (("http", "/-/photo/key/0"), ("http", "/"), ("websocket", "/_stcore/stream")):
        status, _, body = ask(path, kind, host=host)
        assert status == 403, path
        assert b"photo" not in body


@given(st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,10}){0,2}\.(com|org|internal|lan)", fullmatch=True))
def test_no_name_of_the_net_is_this_machine(name):
    assert not login.is_loopback(name)


def test_names_given_at_start_are_answered_and_then_no_others(options):
    options["server.allowedHosts"] = ["curation.example.org"]
    assert ask(host="curation.example.org")[0] == 200
    assert ask(host="127.0.0.1:8501")[0] == 403


SITES = [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"}, {"origin": "http://localhost:8501"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors", "sec_fetch_dest": "empty"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
]


@pytest.mark.parametrize("headers", SITES)
def test_another_web_site_in_the_same_browser_gets_nothing(options, headers):
    for kind, path in (("http", "/-/photo/key/0"), ("http", "/media/x.jpg"), ("websocket", "/_stcore/stream")):
        assert ask(path, kind, **headers)[0] == 403, path


@pytest.mark.parametrize("headers", [
    {}, {"origin": "http://127.0.0.1:8501"}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
])
def test_the_apps_own_pages_links_to_it_and_programs_are_answered(options, headers):
    assert ask(**headers)[0] == 200
    if "sec_fetch_dest" not in headers:
        assert ask("/_stcore/stream", "websocket", **headers)[0] == 101


def test_what_is_answered_runs_nothing_and_is_taken_for_what_it_is(options):
    for path in ("/-/file/digest", "/media/x.svg"):
        headers = ask(path)[1]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    policy = ask("/clusters")[1]["content-security-policy"]
    scripts = policy.split("script-src ")[1].split(";")[0]
    assert "unsafe" not in scripts and "http" not in policy and "*" not in policy


def test_without_a_login_nothing_but_what_the_login_page_needs(with_login):
    for path in ("/", "/clusters", "/static/js/a.js", "/favicon.png", "/_stcore/health", "/train/_stcore/host-config",
                 "/auth/login", "/auth/logout", "/oauth2callback"):
        assert ask(path)[0] == 200, path
    for path in ("/-/photo/key/0", "/-/file/digest", "/-/column/a", "/-/pair/key/0", "/media/x.jpg", "/_stcore/metrics",
                 "/_stcore/agent/interact", "/_stcore/upload_file/a/b", "/app/static/x", "/export/all", "/static", "/static/",
                 "//-/photo/key/0", "", "/_stcore/health/x", "/auth/login/x"):
        status, headers, body = ask(path)
        assert (status, body) == ((401, b"Log in first.") if path != "/static" else (200, b"a photo")), path
        assert path == "/static" or headers["cache-control"] == "no-store"


def test_with_the_login_that_streamlit_has_signed_all_is_open(with_login):
    assert ask(cookie=cookie())[::2] == (200, b"a photo")
    assert ask(cookie=cookie(), host="curation.example.org")[0] == 200


FORGED = [
    "_streamlit_user=true", "_streamlit_user=", cookie(secret="another secret"), cookie(name="_streamlit_xsrf"),
    cookie(LOGGED_IN.replace("true", "false")), cookie(LOGGED_IN.replace("true", '"true"')),
    cookie(LOGGED_IN.replace(APP, "http://other")), cookie("[]"), cookie("chunks-3"), cookie("no json"), cookie("{}"),
    cookie()[:-3], cookie().replace("_streamlit_user=", "user="),
]


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))  # a cookie says when it was signed
def test_a_login_that_streamlit_has_not_signed_for_this_app_opens_nothing(with_login, forged):
    assert ask(cookie=forged)[0] == 401


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n;"), max_size=80))
def test_no_made_up_cookie_is_a_login(value):
    assert not login.cookie_is_valid({"_streamlit_user": value})


@pytest.mark.parametrize("content", ["[auth", "", "[auth]\n", "[other]\nx = 1\n"])
def test_secrets_that_cannot_be_read_open_nothing(options, tmp_path, content):
    (tmp_path / "secrets.toml").write_text(content)
    options["secrets.files"] = [str(tmp_path / "secrets.toml")]
    closed = content.startswith("[auth")
    assert login.required() == closed
    assert ask()[0] == (401 if closed else 200)


@pytest.mark.parametrize(("address", "hosts", "is_open"), [
    ("127.0.0.1", [], False), ("localhost", [], False), ("::1", [], False), ("127.0.0.1", ["localhost"], False),
    ("0.0.0.0", [], True), (None, [], True), ("", [], True), ("192.168.1.5", [], True),
    ("127.0.0.1", ["curation.example.org"], True), ("127.0.0.1", ["*"], True),
])
def test_an_app_that_others_reach_without_a_login_is_called_open(options, address, hosts, is_open):
    options |= {"server.address": address, "server.allowedHosts": hosts}
    assert login.open_to_others() == is_open


def test_an_app_with_a_login_is_not_open(with_login):
    assert not login.open_to_others()
