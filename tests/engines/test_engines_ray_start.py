"""A Ray that cannot be had is a sentence, whatever Ray itself makes of it."""

import types

import pytest

from influencespace.engines import EngineOptions
from influencespace.engines.ray_engine import connected
from influencespace.errors import EngineError


def test_a_ray_that_does_not_start_in_time_is_said_in_a_sentence(monkeypatch):
    def init(**given):
        raise Exception("The current node timed out during startup. This could happen.\nMore.")

    ray = types.SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setattr("influencespace.engines.ray_engine.prepared", lambda local: ray)
    with (
        pytest.raises(EngineError, match=r"^There is no Ray to be had at this machine: The current node timed out .* happen\.$"),
        connected(EngineOptions(engine="ray")),
    ):
        pass
