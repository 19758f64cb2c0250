"""The server is killed in the middle of work that was begun on a page; started anew, it shows how far that has come."""

import re
import signal

import pytest
import visiting

from influencespace import jobs
from influencespace.workspace import Workspace

pytestmark = [*visiting.IN_A_BROWSER, pytest.mark.slow]


def test_work_goes_on_while_the_server_is_dead_and_the_page_shows_it_afterwards(page, tmp_path):
    folder = tmp_path / "workspaces"
    folder.mkdir()
    with visiting.started(folder, tmp_path / "first.log") as (server, address):
        page.goto(address)
        page.get_by_text("Opening the demo").first.wait_for()
        server.send_signal(signal.SIGKILL)
        server.wait()
    workspace = Workspace(folder / "demo")
    job = jobs.active(workspace)
    assert job.title == "Opening the demo" and jobs.jobs(workspace)[0].unfinished
    with visiting.started(folder, tmp_path / "second.log") as (_, address):
        page.goto(address)
        page.get_by_text("Opening the demo").first.wait_for()
        page.get_by_role("button", name=re.compile("Cancel")).first.click()
        page.get_by_text("Opening the demo").first.wait_for(state="hidden")
    assert jobs.active(workspace) is None and jobs.jobs(workspace)[0].status == "cancelled"
