"""What a run of a page looks up, it looks up once, and holds on to until it ends, whatever others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

T = TypeVar("T")
_FOUND = "run_found"


def begin() -> None:
    """A run of a page begins: find everything anew."""
    st.session_state[_FOUND] = {}


def of(key: Hashable, find: Callable[[], T]) -> T:
    """What ``find`` gives, called once for each key in a run; every time where no run has begun."""
    found = st.session_state.get(_FOUND)
    if found is None:
        return find()
    if key not in found:
        found[key] = find()
    return found[key]


def again() -> None:
    """Find everything anew: this visitor has taken a step."""
    st.session_state.get(_FOUND, {}).clear()


def hold(key: Hashable, value: object) -> None:
    """Hold on to that value of a key, whatever was found before, for the rest of the run."""
    if _FOUND in st.session_state:
        st.session_state[_FOUND][key] = value
