"""What the tests of the comparison share: runs that were measured, and what comparing them gives."""

import evaluation_cases as cases
import pytest

from influencespace.evaluation.compare import compare


@pytest.fixture(scope="module")
def measured():
    return cases.measured()


@pytest.fixture(scope="module")
def results(measured):
    return compare(measured, draws=400)
