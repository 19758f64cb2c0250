"""What every request passes before Streamlit or a route of ours sees it.

A browser carries requests of any web site to any address it can reach, this machine's own among them. The gate answers
only those that were sent to a name of this app (a site cannot give its own name another address, "DNS rebinding") and come
from this app's own pages; where a login is asked for, it lets nothing but the login page through without one. What is
answered tells the browser to fetch and run nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, file_util
from streamlit.auth_util import get_origin_from_redirect_uri
from streamlit.web.server.server_util import is_allowed_origin
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from influencespace.ui import login
from influencespace.ui.served import root

# What a browser needs to show the login page, and to come back from the provider. Pages are drawn through the stream, and
# ask for the login themselves. All else, whoever adds it, is closed.
PUBLIC = re.compile(
    r"/[^/]*"  # the one HTML page of all addresses, its icon, and the provider's answer at /oauth2callback
    r"|/static/.+"  # Streamlit's own scripts, styles and fonts
    r"|/auth/(login|logout)"
    r"|(/[^/]+)?/_stcore/(health|host-config)"
    r"|/_stcore/stream"
)
WRONG_HOST = (
    "This app does not answer to that name. Open it at its IP address or as localhost, or start it with "
    "--server.allowedHosts=NAME."
)
WRONG_ORIGIN = "Another web site may not ask this app for anything."
NO_LOGIN = "Log in first."
CROSS_SITE = ("cross-site", "same-site")  # another port of the same machine is of the same site
DATA = ("/-/", "/media/")  # made of what the curator brought in: nothing in it runs, whatever a browser takes it for
DATA_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


class Gate:
    """ASGI middleware; see above.

    Parameters
    ----------
    app
        What is behind the gate.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self._page_policy = app, _page_policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(root())
        refused = _refusal(HTTPConnection(scope), path)
        if refused is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._guard(MutableHeaders(scope=message), path)
            await send(message)

        answer = self.app if refused is None else PlainTextResponse(
            refused[1], status_code=refused[0], headers={"Cache-Control": "no-store"}
        )
        await answer(scope, receive, send_guarded)

    def _guard(self, headers: MutableHeaders, path: str) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Referrer-Policy"] = "same-origin"
        headers["Content-Security-Policy"] = DATA_POLICY if path.startswith(DATA) else self._page_policy


def _refusal(request: HTTPConnection, path: str) -> tuple[int, str] | None:
    """Status and sentence for a request that is not answered; None for one that is."""
    host = request.headers.get("Host")
    if not _is_own_host(host):
        return 403, WRONG_HOST
    if not _is_own_page(request.headers, host):
        return 403, WRONG_ORIGIN
    if login.required() and not PUBLIC.fullmatch(path) and not login.cookie_is_valid(request.cookies):
        return 401, NO_LOGIN
    return None


def _is_own_host(host: str | None) -> bool:
    """Whether a Host header is a name of this app: one that was given at start, or one that nobody else can give."""
    if config.get_option("server.allowedHosts"):
        return is_host_allowed(host)
    try:
        parts = urlsplit(f"//{host or ''}")
        name, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError:
        return False
    if not name or parts.username is not None:
        return False
    own = (config.get_option("server.address"), config.get_option("browser.serverAddress"), _login_host())
    return login.is_loopback(name) or _is_address(name) or name in own


def _is_own_page(headers: Headers, host: str | None) -> bool:
    """Whether a request comes from a page of this app, from no page at all, or opens a page."""
    origin = headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc == host or origin == get_origin_from_redirect_uri() or is_allowed_origin(origin)
    opens = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    return opens or headers.get("Sec-Fetch-Site") not in CROSS_SITE


def _login_host() -> str | None:
    origin = get_origin_from_redirect_uri()
    return urlsplit(origin).hostname if origin else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _page_policy() -> str:
    """What a page may fetch and run: Streamlit's scripts and those of our elements, and nothing from elsewhere.

    Scripts in the page's text are not among them, but for those that Streamlit's own page comes with.
    """
    html = (Path(file_util.get_static_dir()) / "index.html").read_text(encoding="utf-8")
    digests = [hashlib.sha256(script.encode()).digest() for script in re.findall(r"<script>(.*?)</script>", html, re.DOTALL)]
    inline = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'self'; script-src 'self' blob: {inline}; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self'"
    )
