"""Logging in with a provider and out again: before and after, pages say nothing and routes give nothing."""

from __future__ import annotations

import pytest
import visiting
from provider import WHO, Provider, write_secrets
from visiting import MAP, served, settled

pytestmark = visiting.IN_A_BROWSER
CLOSED = "Log in to see this app."


@pytest.fixture(scope="module")
def guarded(workspace, tmp_path_factory):
    """The address of an app that asks for a login, with a provider that gives one."""
    folder = tmp_path_factory.mktemp("guarded")
    with Provider() as provider, pytest.MonkeyPatch.context() as environment:
        file = write_secrets(folder / "secrets.toml", "http://127.0.0.1:{port}", provider.address)
        environment.setenv("STREAMLIT_SECRETS_FILES", str(file))
        with served(workspace.path.parent, folder / "server.log") as at:
            yield at


def test_pages_and_routes_open_with_the_login_and_close_with_the_logout(page, guarded):
    watch, photos = visiting.Watch(page), []
    page.on("response", lambda response: photos.append(response.url) if "/-/photo/" in response.url else None)
    asked = set()
    page.on("request", lambda request: asked.add(request) if "/-/photo/" in request.url else None)
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda request: asked.discard(request))
    page.goto(f"{guarded}/data")
    settled(page)
    page.get_by_text(CLOSED).wait_for()
    assert page.locator(MAP).count() == 0
    assert not photos

    with page.expect_response("**/-/photo/**") as shown:
        page.get_by_role("button", name="Log in").click()
    photo = shown.value.url
    page.locator(MAP).wait_for()
    settled(page)
    assert page.request.get(photo).status == 200

    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_text(f"Logged in as {WHO['email']}").wait_for()
    # A photo that is still asked for when the login ends is refused, which the browser tells as an error.
    while asked:
        page.wait_for_event("requestfinished")
    page.get_by_role("button", name="Log out").click()
    page.get_by_text(CLOSED).wait_for()
    assert page.request.get(photo).status == 401
    assert page.locator(MAP).count() == 0
    watch.check()


def test_a_forged_login_opens_nothing(page, guarded):
    page.context.add_cookies([{"name": "_streamlit_user", "value": "eyJpc19sb2dnZWRfaW4iOnRydWV9", "url": guarded}])
    page.goto(f"{guarded}/clusters")
    settled(page)
    page.get_by_text(CLOSED).wait_for()
    assert page.locator(MAP).count() == 0
