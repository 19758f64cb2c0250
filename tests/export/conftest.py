"""A workspace with a plan, for the tests of formats; other tests have one of their own."""

import shutil

import export_cases as cases
import pytest

from influencespace.export.options import ExportOptions
from influencespace.export.subset import export_subset


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def workspace(folder):
    """Pairs 0 and 1 show one photo."""
    photos = cases.pairs(folder)["photo"].tolist()
    made = cases.workspace(folder, photo=[photos[1], *photos[1:]], id=cases.UIDS)
    shutil.copyfile(folder / "images" / "0.jpg", folder / "images" / "1.jpg")
    return made


@pytest.fixture
def written(workspace, tmp_path):
    return lambda form, **options: export_subset(workspace, ExportOptions(form, str(tmp_path / "out" / "written"), **options))
