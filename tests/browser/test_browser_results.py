"""The pages Results and Export in a browser: photos of changed retrievals, the report, and a subset written by a job."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import visiting
from fabricated import TEST
from playwright.sync_api import expect
from visiting import go_to, settled

pytestmark = visiting.IN_A_BROWSER
JOB_SECONDS = 60.0


def saved(page, name):
    """The text of the file that a button of that name saves."""
    with page.expect_download() as found:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(found.value.path()).read_text(encoding="utf-8")


def test_changed_retrievals_have_their_photos_and_the_report_needs_nothing_else(page, address):
    watch = visiting.Watch(page)
    page.goto(f"{address}/results")
    settled(page)
    cards = page.locator(".retrievals .card")
    cards.first.scroll_into_view_if_needed()
    assert cards.count() == 2
    assert cards.locator(".places").all_inner_texts() == ["11→3", "12→4"]
    for photo in cards.locator("img").all():
        photo.scroll_into_view_if_needed()
        assert photo.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    page.get_by_text("All that moved").click()
    cards.nth(TEST - 1).wait_for()
    report = saved(page, "Report")
    assert "<script" not in report and "http" not in report.replace("http-equiv", "")
    rows = list(csv.DictReader(saved(page, "CSV").splitlines()))
    assert {"recall", "paired difference", "changed retrievals"} <= {row["section"] for row in rows}
    watch.check()


def write(page):
    """Press the button, which is there twice for a moment while the page is drawn anew."""
    button = page.get_by_role("button", name="Write the file")
    expect(button).to_have_count(1)
    button.click()


def test_a_subset_is_taken_through_the_browser_and_written_by_a_job(page, workspace, address):
    watch = visiting.Watch(page)
    page.goto(f"{address}/results")
    settled(page)
    go_to(page, "Export")
    lines = saved(page, "Download subset.jsonl").splitlines()
    assert len(lines) == 48
    assert json.loads(saved(page, "and what it was made with"))["counts"]["kept"] == 48
    file = workspace.path.parent / "out" / "mine.jsonl"
    box = page.get_by_role("textbox", name="Write it to")
    box.fill(str(file))
    box.press("Tab")
    write(page)
    page.get_by_text("Written of late").wait_for()
    end = time.monotonic() + JOB_SECONDS
    while not file.exists() and time.monotonic() < end:
        page.wait_for_timeout(100)
    assert file.read_text(encoding="utf-8").splitlines() == lines
    page.get_by_test_id("stMain").get_by_text("Writing mine.jsonl").wait_for(state="detached")
    write(page)
    page.get_by_text("exists. Name another file").wait_for()
    watch.check()
