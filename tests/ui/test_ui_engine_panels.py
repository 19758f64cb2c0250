"""The choice of what computes the jobs of a workspace."""

import pytest
from streamlit.testing.v1 import AppTest

from influencespace.engines import EngineOptions
from influencespace.jobs.place import chosen
from influencespace.workspace import Workspace


def page(path):
    from influencespace.ui import engine_panels
    from influencespace.workspace import Workspace

    engine_panels.choice(Workspace(path))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "w", create=True)


def test_the_engine_is_chosen_and_kept(workspace):
    app = AppTest.from_function(page, args=(str(workspace.path),)).run()
    assert app.selectbox(key="engine_engine").value == "local" and not app.text_input
    app.selectbox(key="engine_engine").select("ray").run()
    app.text_input(key="engine_address").input("head:6379").run()
    app.number_input(key="engine_workers").set_value(8).run()
    assert not app.exception
    assert chosen(workspace) == EngineOptions(engine="ray", address="head:6379", workers=8)
    again = AppTest.from_function(page, args=(str(workspace.path),)).run()
    assert again.text_input(key="engine_address").value == "head:6379"


def test_looking_at_the_choice_changes_nothing(workspace):
    AppTest.from_function(page, args=(str(workspace.path),)).run()
    assert not (workspace.private("jobs") / "engine.json").exists()
