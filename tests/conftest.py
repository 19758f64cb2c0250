"""What all tests share: one thread, full precision, the lab of real photos, and an empty workspace."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports torch: small tensors are slower with more threads, and tests that run side by side share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes says more of what else the machine does than of what is tested.
settings.register_profile("influencespace", deadline=None)
settings.load_profile("influencespace")


@pytest.fixture(scope="session")
def lab() -> Path:
    """The lab's folder; its tests are skipped where it is absent."""
    folder = Path(os.environ.get("INFLUENCESPACE_LAB", Path(__file__).parents[2] / "shared" / "lab"))
    if not folder.is_dir():
        pytest.skip(f"the lab is absent from {folder}; INFLUENCESPACE_LAB names it")
    return folder


@pytest.fixture(autouse=True, scope="session")
def full_precision():
    """Known answers are compared to more digits than mixed precision has, and on every CPU alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("influencespace.training.loop.NATIVE", ())
        yield


@pytest.fixture(autouse=True)
def same_main(monkeypatch):
    """A page that runs in a test is ``__main__`` from then on, and processes that are started later would run it again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def workspace(tmp_path):
    """An empty workspace; many modules have one of their own, with something in it."""
    from influencespace.workspace import Workspace

    return Workspace(tmp_path / "w", create=True)
