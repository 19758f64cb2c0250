"""The search box: by whole words, by any piece of text, and by meaning where there is an encoder to read the query."""

from __future__ import annotations

import streamlit as st

from influencespace.features.search import why_no_meaning
from influencespace.ui import selection
from influencespace.ui.guard import guarded
from influencespace.ui.road import fitting
from influencespace.workspace import Workspace

WAYS = {"Words": selection.WORDS, "Text": selection.TEXT, "Meaning": selection.MEANING}


def box(workspace: Workspace, *, key: str) -> None:
    """A line to search the captions with, and the ways to; what is found becomes the selection."""
    features = fitting(workspace, "features")
    why = why_no_meaning(features) if features is not None else "photos and captions have not been described yet"
    ways = [way for way in WAYS if not why or way != "Meaning"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text_input(
            "Search", key=f"{key}_query", placeholder="Search the pairs", icon=":material/search:", width="stretch",
            label_visibility="collapsed", on_change=_search, args=(workspace, key),
        )
        st.segmented_control(
            "Search for", ways, default=ways[0], required=True, key=f"{key}_way", label_visibility="collapsed",
            on_change=_search, args=(workspace, key),
            help="Words: captions that have all of them, in any order. Text: captions that have just this in them. "
            + (f"Searching by meaning is not possible: {why}." if why else "Meaning: the pairs that come closest to the query."),
        )


@guarded()
def _search(workspace: Workspace, key: str) -> None:
    query = st.session_state[f"{key}_query"].strip()
    if query:
        selection.choose(workspace, WAYS[st.session_state[f"{key}_way"]], query)
    elif selection.chosen(workspace).kind in WAYS.values():
        selection.choose(workspace)
