"""The engine, imported only when a page needs it: it brings torch along, and the first page is not to wait for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from influencespace.stages import Stage


def stage(name: str) -> Stage:
    """A stage by the name of its command."""
    from influencespace.stages import STAGES

    return STAGES[name]
