"""What one clicks while a page is still being made, which parts of it that stand there already invite to."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fabricated import fabricate
from page_cases import fine
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

import influencespace
from influencespace import jobs
from influencespace.ui import work
from influencespace.workspace import Workspace

PAGES = ("data", "clusters", "influence", "curate", "train", "results", "ablations", "export")
ROOT = Path(influencespace.__file__).parents[1]


@pytest.fixture
def clicked(monkeypatch):
    """A click on the button to cancel comes once, as soon as the button stands on the page."""
    clicks, strip = [], work.strip

    def then_click(workspace: Workspace) -> None:
        strip(workspace)
        if clicks:
            return
        run = get_script_run_ctx()
        (button,) = (name for name in run.shared.widget_ids_this_run.snapshot() if "-cancel_" in name)
        (part,) = run.shared.new_fragment_ids.snapshot()
        clicks.append(button)
        states = WidgetStates(widgets=[WidgetState(id=button, trigger_value=True)])
        request = RerunData(page_script_hash=run.page_script_hash, fragment_id=part, widget_states=states)
        assert run.script_requests.request_rerun(request)

    monkeypatch.setattr(work, "strip", then_click)
    return clicks


@pytest.mark.parametrize("made", [None, "pairs", "training"])
@pytest.mark.parametrize("page", PAGES)
def test_a_click_on_cancel_while_the_page_below_is_being_made_is_not_lost(
    app, tmp_path, written, monkeypatch, clicked, page, made
):
    workspace = fabricate(tmp_path / "demo", upto=made) if made else Workspace(tmp_path / "demo", create=True)
    job_id = written(workspace)
    cancelled = []
    monkeypatch.setattr(jobs, "cancel", lambda workspace, job_id: cancelled.append(job_id))
    fine(app(page))
    assert clicked and cancelled == [job_id]


def test_no_page_is_ended_in_the_way_that_loses_clicks():
    """``st.stop`` gives up what has been asked of the session meanwhile (Streamlit 1.67, ``ScriptRequests.request_stop``)."""
    for file in [*(ROOT / "pages").glob("*.py"), *(ROOT / "influencespace").rglob("*.py")]:
        calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)]
        assert not any(ast.unparse(call) == "st.stop" for call in calls), f"{file.name} calls st.stop"
