"""An empty workspace and its history; other tests have a workspace of their own."""

import pytest

from influencespace.curation.history import History
from influencespace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "w", create=True)


@pytest.fixture
def history(workspace):
    return History(workspace)
