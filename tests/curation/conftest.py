"""The history of a workspace."""

import pytest

from influencespace.curation.history import History


@pytest.fixture
def history(workspace):
    return History(workspace)
