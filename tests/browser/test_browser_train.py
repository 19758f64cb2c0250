"""Training in a real browser: started, watched, reloaded, its server restarted, cancelled and resumed; failing; in two tabs."""

from __future__ import annotations

import os
import re
import signal

import pytest
import visiting
from engine_cases import copied_workspace
from visiting import served, settled

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.jobs import Job

pytestmark = visiting.IN_A_BROWSER
# Enough that there is something left to cancel; a run takes less than a tenth of a second.
SEEDS, ARMS = 20, 6
PROGRESS = re.compile(rf"\d+ of {SEEDS * ARMS} runs are done")
NO_WORK = "() => !document.querySelector('.st-key-work')"


@pytest.fixture
def workspace(tmp_path_factory, tmp_path):
    made, _ = copied_workspace(tmp_path_factory, tmp_path / "workspaces" / "planted")
    yield made
    for job in jobs.jobs(made):
        jobs.cancel(made, job.id)


def tab(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(60_000)
    return page


def last(workspace) -> Job:
    return jobs.jobs(workspace)[0]


def test_training_outlives_reload_and_server_and_goes_on_after_a_cancel(browser, workspace, tmp_path):
    with served(workspace.path.parent, tmp_path / "first.log") as address:
        page = tab(browser)
        watch = visiting.Watch(page)
        page.goto(f"{address}/train")
        page.get_by_label("Seeds", exact=True).fill(str(SEEDS))
        page.get_by_label("Seeds", exact=True).press("Enter")
        page.get_by_text(f"{SEEDS * ARMS} runs: every arm with every seed").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text(PROGRESS).wait_for()
        os.kill(last(workspace).pid, signal.SIGSTOP)  # it is too fast to be watched by a browser that is being reloaded
        page.locator(".js-plotly-plot").nth(1).wait_for()
        page.reload()
        page.get_by_text(PROGRESS).wait_for()
        settled(page)
        page.close()
        assert watch.errors == watch.outside == []
    with served(workspace.path.parent, tmp_path / "second.log") as address:
        page = tab(browser)
        watch = visiting.Watch(page)
        page.goto(f"{address}/train")
        page.get_by_text(PROGRESS).wait_for()
        cancel = page.get_by_role("button", name="Cancel")
        cancel.wait_for()
        os.kill(last(workspace).pid, signal.SIGCONT)
        cancel.click()
        page.wait_for_function(NO_WORK)
        job = last(workspace)
        assert job.status == "cancelled" and job.finished - job.cancelled < 5
        assert workspace.find("training") is None
        settled(page)
        told = page.get_by_text("It was cancelled when").inner_text()
        finished = int(re.search(r"when (\d+) of", told)[1])
        assert finished > 0
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("are done and measured, in").wait_for(timeout=180_000)
        assert workspace.artifact("training").facts["taken_over"] == finished
        page.get_by_role("link", name="See the results").click()
        page.wait_for_url("**/results*")
        settled(page)
        page.get_by_text("What was measured", exact=True).wait_for()
    assert watch.errors == watch.outside == []


def test_failing_training_says_why_and_shows_its_log(browser, workspace, tmp_path):
    history = History(workspace)
    before = history.head()
    history.record("everything goes", before.options, {"topics": dict.fromkeys("0123", "prune")})
    page = tab(browser)
    watch = visiting.Watch(page)
    with served(workspace.path.parent, tmp_path / "server.log") as address:
        page.goto(f"{address}/train")
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("Training did not work").wait_for()
        page.wait_for_function(NO_WORK)
        settled(page)
        reason = last(workspace).message
        assert page.get_by_text(reason, exact=True).count() >= 2  # in the strip, and on the page with its log
        page.get_by_text(re.compile(r"\d\d:\d\d:\d\d  failed: ")).wait_for()
        history.undo()
        page.get_by_role("button", name="Dismiss").click()
        page.get_by_role("alert").filter(has_text="Training did not work").wait_for(state="detached")
    assert watch.errors == watch.outside == []


def test_two_tabs_do_not_train_the_same_twice(browser, workspace, tmp_path):
    first, second = tab(browser), tab(browser)
    with served(workspace.path.parent, tmp_path / "server.log") as address:
        for page in (first, second):
            page.goto(f"{address}/train")
            page.get_by_role("button", name="Train", exact=True).wait_for()
            settled(page)
        for page in (first, second):
            page.get_by_role("button", name="Train", exact=True).click()
        second.get_by_text(re.compile("'Training' is already (waiting|running) with the same settings")).wait_for()
        second.locator(".st-key-work").wait_for()
        assert len(jobs.jobs(workspace)) == 1
