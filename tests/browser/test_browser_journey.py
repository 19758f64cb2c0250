"""A curator's first visit, in a real browser: from nothing to predictions that are checked, to a subset on disk, and to a
training that is watched and cancelled."""

from __future__ import annotations

import json
import re
import time

import visiting
from visiting import MAP, colours_on, go_to, served, settled

from influencespace import jobs
from influencespace.curation.history import History
from influencespace.influence.verification import DOUBTFUL, VERIFIED, verdicts
from influencespace.workspace import Workspace

pytestmark = visiting.IN_A_BROWSER
# How long a busy machine may take; how long it does take is printed.
FIRST_MAP_SECONDS, PREDICTED_SECONDS, CHECKED_SECONDS = 240.0, 240.0, 240.0


def wait_until(true) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_first_visit_from_the_demo_to_a_cancelled_training(page, tmp_path):
    watch = visiting.Watch(page)
    folder = tmp_path / "workspaces"
    began = time.monotonic()
    with served(folder, tmp_path / "server.log") as address:
        page.goto(address)
        page.locator(MAP).wait_for(timeout=1000 * FIRST_MAP_SECONDS)
        print(f"first map {time.monotonic() - began:.1f} s after the server's start")
        workspace = Workspace(folder / "demo")
        page.wait_for_function("() => !document.querySelector('.st-key-work')", timeout=1000 * PREDICTED_SECONDS)
        settled(page)
        assert workspace.state("plan") == workspace.state("effects") == "current"
        assert colours_on(page, MAP) > 50
        assert page.locator(".gallery img").count() == 60

        go_to(page, "Data")
        page.get_by_text("Pairs for training").wait_for()
        go_to(page, "Influence")
        page.get_by_role("radio", name="Removal effect").click()
        page.locator(".js-plotly-plot").first.wait_for()
        badge = page.locator(".stMarkdownBadge").first
        badge.get_by_text("unverified").wait_for()
        page.get_by_label("Clusters to leave out", exact=True).fill("5")
        page.get_by_role("button", name="Check by retraining").click()
        page.get_by_text("Checking by retraining", exact=True).wait_for()
        page.get_by_text(re.compile("^5 of [0-9]+ clusters were left out")).wait_for(timeout=1000 * CHECKED_SECONDS)
        settled(page)
        verdict = verdicts(workspace)["overall"]
        assert verdict in (VERIFIED, DOUBTFUL)
        badge.get_by_text(re.compile(rf"\b{verdict}$")).wait_for()

        go_to(page, "Curate")
        pairs = len(workspace.artifact("plan").table("pairs"))
        slider = page.get_by_role("slider", name=re.compile("Reduction ratio"))
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("Version 2", exact=True).wait_for()
        settled(page)
        expected = round((History(workspace).head().options.reduction) * pairs)
        page.get_by_text(f"{expected:,} pruned").wait_for()

        go_to(page, "Export")
        page.get_by_role("button", name="Make the plan").click()
        page.get_by_role("button", name="Write the file").wait_for()
        settled(page)
        assert (workspace.artifact("plan").table("pairs")["weight"] == 0).sum() == expected
        target = folder / "subset.jsonl"
        place = page.get_by_label("Write it to", exact=True)
        place.fill(str(target))
        page.get_by_role("button", name="Write the file").click()
        page.get_by_text("Written of late").wait_for()
        wait_until(lambda: jobs.active(workspace) is None)
        lines = target.read_text(encoding="utf-8").splitlines()
        assert len(lines) == pairs - expected
        assert all(json.loads(line)["weight"] >= 1 for line in lines)
        assert json.loads(target.with_name("subset.jsonl.plan.json").read_text())["options"]["reduction"] > 0.2

        go_to(page, "Train")
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("Training", exact=True).wait_for()
        job = jobs.active(workspace)
        assert job.title == "Training"
        page.reload()
        settled(page)
        page.get_by_text("Training", exact=True).wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_function("() => !document.querySelector('.st-key-work')", timeout=60_000)
        assert next(j for j in jobs.jobs(workspace) if j.id == job.id).status == "cancelled"
        assert workspace.find("training") is None
    watch.check()
