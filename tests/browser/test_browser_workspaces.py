"""Two tabs on one workspace, a workspace that is deleted under the app, and a browser without WebGL."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import visiting
from drawn import draw_workspace
from visiting import CHROMIUM, MAP, go_to, served, settled

from influencespace.curation.history import History

pytestmark = visiting.IN_A_BROWSER
PAGES = ("Data", "Clusters", "Influence", "Curate", "Train", "Results", "Ablations", "Export")


@pytest.fixture
def workspace(tmp_path):
    return draw_workspace(tmp_path / "workspaces" / "first", 600, 20)


@pytest.fixture
def address(workspace, tmp_path):
    with served(workspace.path.parent, tmp_path / "server.log") as at:
        yield at


def tab(browser, address: str, page: str):
    opened = browser.new_page(viewport={"width": 1280, "height": 720})
    opened.set_default_timeout(30_000)
    watch = visiting.Watch(opened)
    opened.goto(f"{address}/{page}?workspace=first")
    settled(opened)
    return opened, watch


def test_two_tabs_decide_in_turn_and_each_tells_of_the_other(browser, address, workspace):
    (first, one), (second, two) = tab(browser, address, "curate"), tab(browser, address, "curate")
    first.locator("#plan-reduction").focus()
    first.keyboard.press("ArrowRight")
    first.get_by_text("Version 2", exact=True).wait_for()
    second.locator("#plan-cap").focus()
    second.keyboard.press("ArrowRight")
    second.get_by_text("Version 3", exact=True).wait_for()
    second.get_by_text("Changed elsewhere meanwhile").wait_for()
    # Of what the second tab did not touch, the first tab's word stands.
    versions = History(workspace).versions()
    before = versions[-1].options
    assert versions[0].options == replace(before, reduction=round(before.reduction + 0.01, 2), cap=before.cap + 0.5)
    assert versions[0].parent == versions[1].id
    first.reload()
    first.get_by_text("Version 3", exact=True).wait_for()
    for watch in (one, two):
        watch.check()


def test_a_workspace_deleted_under_the_app_is_told_and_another_one_shown(browser, address, workspace, tmp_path):
    shutil.copytree(workspace.path, workspace.path.with_name("second"))
    page, watch = tab(browser, address, "clusters")
    page.locator(MAP).wait_for()
    # In one step, for a photo that is being written now would come into the way of deleting one file after the other.
    shutil.rmtree(workspace.path.rename(tmp_path / "deleted"), ignore_errors=True)
    for name in ("Curate", "Clusters"):
        go_to(page, name)
        assert page.get_by_text("Traceback").count() == 0
        assert not workspace.path.exists()
    page.goto(f"{address}/data?workspace=first")
    settled(page)
    page.get_by_text("There is no workspace “first”").wait_for()
    page.get_by_text("This is “second”").wait_for()
    page.get_by_text("Pairs for training").wait_for()
    # What the map had been showing is gone with the workspace; that the browser could not have it is no fault.
    watch.errors = [error for error in watch.errors if "404" not in error]
    watch.check()


@pytest.mark.parametrize("path", ["", "?workspace=second", "?workspace=second&version=1"])
def test_the_start_page_leads_to_the_map_of_the_workspace_in_the_address(browser, address, workspace, path):
    shutil.copytree(workspace.path, workspace.path.with_name("second"))
    page = browser.new_page()
    watch = visiting.Watch(page)
    page.goto(f"{address}/{path}")
    page.locator(MAP).wait_for()
    settled(page)
    assert "/clusters" in page.url
    assert ("workspace=second" in page.url) == bool(path)
    watch.check()


def test_another_workspace_is_shown_at_its_own_newest_version(browser, address, workspace):
    shutil.copytree(workspace.path, workspace.path.with_name("second"))
    first = History(workspace).head()
    History(workspace).record("more", replace(first.options, reduction=0.5), {})
    page, watch = tab(browser, address, "curate")
    page.goto(f"{address}/curate?workspace=first&version={first.id}")
    page.get_by_role("button", name="Go to the newest").wait_for()
    settled(page)
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("combobox", name="Workspace").click()
    page.get_by_role("option", name="second").click()
    page.wait_for_url(lambda url: "workspace=second" in url and "version=" not in url)
    settled(page)
    assert page.get_by_text("There is no version").count() == 0
    watch.check()


def test_pages_come_up_for_every_page_of_a_drawn_workspace(browser, address):
    page, watch = tab(browser, address, "data")
    for name in PAGES:
        go_to(page, name)
        assert page.get_by_test_id("stException").count() == 0
        assert page.get_by_test_id("stAlertContentError").count() == 0, name
    watch.check()


def test_without_webgl_there_is_a_picture_of_the_density_and_a_sentence(playwright, address):
    flags = [flag for flag in visiting.FLAGS if "swiftshader" not in flag and "gl=" not in flag]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--disable-3d-apis"])
    page, watch = tab(browser, address, "clusters")
    page.locator(".js-plotly-plot").first.wait_for()
    page.get_by_text("WebGL").first.wait_for()
    browser.close()
    watch.check()
