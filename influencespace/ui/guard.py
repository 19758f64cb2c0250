"""What a page does when something goes wrong: a sentence in a box, never a stack trace."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import streamlit as st

from influencespace.errors import InfluenceSpaceError
from influencespace.ui.markdown import escaped
from influencespace.workspace import Workspace

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Show what is wrong instead of what stands in the block: errors for people as they are, faults of ours by name.

    The trace of a fault goes to the server's log.
    """
    try:
        yield
    except InfluenceSpaceError as error:
        st.error(escaped(error), icon=":material/error:")
    except Exception as error:
        _log.exception("A page failed")
        damaged = _damaged()
        if damaged:
            st.error(escaped(damaged), icon=":material/error:")
            return
        st.error(
            f"A fault of InfluenceSpace itself: {type(error).__name__}: {escaped(error)}. The rest of the page and the "
            "workspace are unharmed; details are in the terminal that runs the app.", icon=":material/error:",
        )


def _damaged() -> str:
    """What is damaged of the open workspace, which makes libraries raise anything; empty where nothing is."""
    try:
        return " ".join(Workspace(st.session_state["workspace_path"]).check().values())
    except (KeyError, OSError, InfluenceSpaceError):
        return ""
