"""Who may see the pages: everyone who reaches them, or those who have logged in with the provider in Streamlit's secrets.

With a section ``[auth]`` in Streamlit's ``secrets.toml`` every page asks for a login (``st.login``, OpenID Connect), and
``gate.py`` asks every other route for the cookie of the same login. Without one, an app that others can reach says so.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping

import streamlit as st
from streamlit import config
from streamlit.auth_util import get_origin_from_redirect_uri
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

# Not public, but what Streamlit's websocket checks the cookie with: a check of our own could differ from that of the pages.
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks, _parse_decoded_user_cookie

OPEN = (
    "Open to anyone who can reach this address: whoever opens it sees the photos and can change, train and export. "
    "Ask for a login in .streamlit/secrets.toml (docs/security.md), or serve at 127.0.0.1 only."
)
UNREADABLE = "Streamlit's secrets.toml is there but cannot be read, so nobody can log in. Mend it and start the app again."


def required() -> bool:
    """Whether a login is asked for. Where the secrets cannot be read it is, for they may have asked for one."""
    return "auth" in secrets_singleton if secrets_singleton.load_if_toml_exists() else _unreadable()


def cookie_is_valid(cookies: dict[str, str]) -> bool:
    """Whether a request's cookies hold a login that Streamlit itself has signed for this app's address."""
    try:
        signed = _get_signed_cookie_with_chunks(cookies, USER_COOKIE_NAME)
        origin = get_origin_from_redirect_uri()
        user = _parse_decoded_user_cookie(signed, origin) if signed and origin else {}
    except (ValueError, TypeError, AttributeError):  # signed, but not as a login is
        return False
    return user.get("is_logged_in") is True


def granted() -> bool:
    """Whether the visitor of this run of a page may see it; if not, how to log in is on the page already."""
    if not required():
        if open_to_others():
            st.warning(OPEN, icon=":material/lock_open:")
        return True
    if st.user.get("is_logged_in") is True:
        with st.sidebar:
            st.text(f"Logged in as {st.user.get('email') or st.user.get('name') or st.user.get('sub')}")
            st.button("Log out", on_click=st.logout, icon=":material/logout:")
        return True
    if _unreadable():
        st.error(UNREADABLE, icon=":material/error:")
        return False
    st.title("InfluenceSpace")
    st.write("Log in to see this app.")
    for provider in _providers():
        st.button(
            "Log in" if provider is None else f"Log in with {provider}", key=f"log_in_{provider}", on_click=st.login,
            args=(provider,), type="primary", icon=":material/login:",
        )
    return False


def open_to_others() -> bool:
    """Whether others than this machine's users reach the app, and no login is asked for."""
    return not required() and not only_here()


def only_here() -> bool:
    """Whether the app listens to this machine alone, and answers to its own names alone."""
    address = config.get_option("server.address")
    return bool(address) and all(map(is_loopback, (address, *config.get_option("server.allowedHosts"))))


def is_loopback(host: str) -> bool:
    """Whether a name or address (without a port) is this machine, as seen from itself."""
    host = host.strip().strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _providers() -> list[str | None]:
    """The providers to choose from; None is one whose settings stand in ``[auth]`` itself."""
    section = secrets_singleton["auth"]
    named = [name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value]
    return [*([None] if "client_id" in section or not named else []), *named]


def _unreadable() -> bool:
    found = any(os.path.exists(file) for file in config.get_option("secrets.files"))
    return found and not secrets_singleton.load_if_toml_exists()
